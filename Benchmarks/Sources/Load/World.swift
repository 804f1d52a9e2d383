import ArtifactStore
import Commerce
import Foundation
import Logging
import Messages
import NightjarClient
import RPC
import RankedLists
import Transport

/// What a ranker needs around it: certificates, a store of generated lists, and control's routing stream.
public final class World {
  /// Where everything is; removed with the world.
  public let folder: String
  /// Folder of the certificates.
  public var certificates: String { "\(folder)/certificates" }
  private let routing: Routing
  private let control: Server
  private let executables: String
  private static let logger = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }

  /// `executables`: folder of the services' release build; `repository`: where deploy/ is; `withOverlay`: something may not be
  /// recommended to every tenant's customers.
  public init(executables: String, repository: String, withOverlay: Bool = false) throws {
    routing = Routing(overlay: withOverlay ? Self.overlay.bytes : nil)
    folder = NSTemporaryDirectory() + "nightjar-bench-\(getpid())"
    self.executables = executables
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let maker = Process()
    maker.executableURL = URL(fileURLWithPath: "/bin/bash")
    maker.arguments = [
      "\(repository)/deploy/dev-certificates.sh", "\(folder)/certificates", "ranker/a", "control/a", "platform/cli",
    ]
    try maker.run()
    maker.waitUntilExit()
    precondition(maker.terminationStatus == 0, "dev-certificates.sh failed")
    var router = Router()
    let routing = routing
    router.stream(ControlService.watchRouting, isEndless: true) { _, responses, _ in
      try await routing.stream(to: responses)
    }
    router.unary(ControlService.getOverlay) { _, _ in Encoded { routing.fill($0) } }
    router.unary(ControlService.reportServing) { _, _ in Encoded<Proto.ReportServingResponse> { _ in } }
    control = try Server(
      role: .control, address: SocketAddress(parsing: "127.0.0.1:0"),
      certificates: CertificateFiles(
        chain: "\(folder)/certificates/control-a.pem", key: "\(folder)/certificates/control-a-key.pem",
        authorities: "\(folder)/certificates/ca.pem"), router: router, reactors: 1, logger: Self.logger)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Starts a ranker that follows this world's control; it listens when this returns. `writesDown`: with served records, which
  /// nobody takes, so that all of them are kept on disk.
  public func startRanker(
    cpus: String, reactors: Int, writesDown: Bool = true, environment: [String: String] = [:]
  ) throws -> (process: ServerProcess, port: UInt16) {
    let (port, adminPort) = (freePort(), freePort())
    let process = try ServerProcess(
      "nightjar-ranker",
      [
        "\(executables)/nightjar-ranker", "--certificates", certificates, "--name", "a", "--control",
        "127.0.0.1:\(control.port)", "--store", "\(folder)/store", "--cache", "\(folder)/cache", "--listen",
        "127.0.0.1:\(port)", "--reactors", "\(reactors)", "--served-mebibytes", writesDown ? "32768" : "0",
        "--admin-listen", "127.0.0.1:\(adminPort)",
      ], cpus: cpus, environment: environment, log: "\(folder)/ranker.log", adminPort: adminPort)
    process.awaitPort(port)
    return (process, port)
  }

  /// Takes every list of a tenant, as `nightjar export` does; how many there were.
  public func exportLists(of tenant: String, port: UInt16) async throws -> Int {
    let ranker = try ServiceClient(
      to: [SocketAddress(parsing: "127.0.0.1:\(port)")], expecting: .ranker, serverName: nil,
      certificates: CertificateFiles(
        chain: "\(certificates)/platform-cli.pem", key: "\(certificates)/platform-cli-key.pem",
        authorities: "\(certificates)/ca.pem"), logger: Self.logger)
    let call = try await ranker.stream(RankerService.exportRecommendations)
    try await call.send { $0.tenant = tenant }
    try await call.finish()
    var lists = 0
    for try await message in call.responses { lists += message.list(\.n_lists, \.lists).count }
    await ranker.close()
    return lists
  }

  /// Starts redis-server with TLS, the ranker's certificate, and nothing kept on disk.
  public func startRedis(cpus: String) throws -> (process: ServerProcess, port: UInt16) {
    let port = freePort()
    let process = try ServerProcess(
      "redis-server",
      [
        "/usr/bin/redis-server", "--port", "0", "--tls-port", "\(port)", "--bind", "127.0.0.1", "--save", "",
        "--appendonly", "no", "--io-threads", "1", "--maxclients", "10000", "--dir", folder,
        "--tls-cert-file", "\(certificates)/ranker-a.pem", "--tls-key-file", "\(certificates)/ranker-a-key.pem",
        "--tls-ca-cert-file", "\(certificates)/ca.pem", "--tls-auth-clients", "yes", "--tls-protocols", "TLSv1.3",
        "--tls-ciphersuites", "TLS_AES_128_GCM_SHA256",
      ], cpus: cpus, log: "\(folder)/redis.log")
    process.awaitPort(port)
    return (process, port)
  }

  /// Starts `floor`, which answers every call with so many bytes and does nothing else.
  public func startFloor(_ executable: String, answerBytes: Int, cpus: String) throws -> (
    process: ServerProcess, port: UInt16
  ) {
    let port = freePort()
    let process = try ServerProcess(
      "floor", [executable, "\(port)", certificates, "\(answerBytes)"], cpus: cpus, log: "\(folder)/floor.log")
    process.awaitPort(port)
    return (process, port)
  }

  /// Id of a tenant's customer.
  public static func customer(_ index: Int) -> String { "customer-\(index)" }

  /// Publishes lists of `entries` products for every customer of a tenant, drawn from a catalogue of `products`, and
  /// routes the tenant to them, unless `routed` says not yet. `factors`: dimensions of the products' vectors, 0 = none.
  @discardableResult
  public func publish(
    tenant: String, bake: String, customers: Int, products: Int = 1_000, entries: Int = 50, factors: Int = 0,
    routed: Bool = true
  ) throws -> Publication {
    let id = try TenantID(tenant)
    let store = ArtifactDirectory(root: "\(folder)/store")
    let digest = try store.publish(tenant: id) { files in
      Encoded<Proto.Manifest> { manifest in
        manifest.format = 1
        manifest.tenant = tenant
        manifest.model = "als-1"
        manifest.bake = bake
        manifest.customers = UInt64(customers)
        manifest.candidates = UInt64(products)
        manifest.strings(\.n_probes, \.probes, [Self.customer(0)])
        files.fill(manifest)
      }
    } write: { lists, model in
      let header = RankedListsHeader(tenant: tenant, model: "als-1", bake: bake, asOf: 0)
      var writer = try RankedListsWriter(path: lists, header: header, parts: factors > 0 ? [.details, .factors] : [])
      for product in 0..<products { _ = try writer.addCandidate(product: Self.product(product)) }
      if factors > 0 { try writer.setFactors(Self.factors(factors, of: products)) }
      for customer in 0..<customers {
        let first = Int.random(in: 0..<products)
        let list = (0..<entries).map { place in
          RankedEntry(candidate: UInt32((first + place * 7) % products), score: 1 / Float(place + 1))
        }
        try writer.add(customer: Self.customer(customer), entries: list)
      }
      try writer.finish()
      _ = FileManager.default.createFile(atPath: model, contents: nil)
    }
    let publication = Publication(tenant: tenant, bake: bake, digest: "\(digest)")
    if routed { route(to: publication) }
    return publication
  }

  /// What a tenant may be routed to.
  public struct Publication: Sendable {
    public let tenant: String
    let bake: String
    let digest: String
  }

  /// Makes a publication live.
  public func route(to publication: Publication) {
    routing.set(tenant: publication.tenant, bake: publication.bake, digest: publication.digest)
  }

  /// A shop's: of 1,000 products 50 are withdrawn, 50 are sold in one region only, and some customers are not to be offered some.
  private static var overlay: Encoded<Proto.Overlay> {
    Encoded { overlay in
      overlay.strings(\.n_withdrawn, \.withdrawn, (0..<50).map { product($0 * 20) })
      overlay.list(\.n_products, \.products, of: 0..<50) { rule, number in
        rule.product = product(number * 20 + 7)
        rule.strings(\.n_regions, \.regions, ["north"])
      }
      overlay.list(\.n_blocks, \.blocks, of: 0..<100) { block, number in
        block.customer = customer(number * 10)
        block.strings(\.n_products, \.products, [product(number * 10 + 1)])
      }
    }
  }

  private static func factors(_ dimensions: Int, of products: Int) -> ItemFactors {
    func random() -> Float { .random(in: -0.5...0.5) }
    return ItemFactors(
      dimensions: dimensions, regularization: 10, confidence: 1,
      gram: (0..<dimensions * dimensions).map { $0 % (dimensions + 1) == 0 ? Float(products) / 12 : 0 },
      biases: (0..<products).map { _ in random() }, vectors: (0..<products * dimensions).map { _ in random() })
  }

  /// Requests for the first `limit` products of customers chosen by `tenants` and `customers`.
  public static func lookups(_ keys: [(tenant: String, customer: String)], limit: UInt32 = 10) -> Requests {
    let requests = Requests(.nightjar)
    for key in keys {
      let body = Encoded<Proto.GetRecommendationsRequest> {
        $0.tenant = key.tenant
        $0.customer = key.customer
        $0.limit = limit
      }
      requests.addCall(method: methodID("nightjar.v1.Ranker/GetRecommendations"), body: body.bytes)
    }
    return requests
  }

  /// The same lookups while a call goes on: each tells of `acts` products that the customer looked at.
  public static func contexts(
    _ keys: [(tenant: String, customer: String)], acts: Int, products: Int
  ) -> Requests {
    let requests = Requests(.nightjar)
    for key in keys {
      let body = Encoded<Proto.GetRecommendationsRequest> { draft in
        draft.tenant = key.tenant
        draft.customer = key.customer
        draft.limit = 10
        draft.message(\.context) { context in
          context.list(\.n_acts, \.acts, of: 0..<acts) { act, _ in
            act.kind = .view
            act.product = product(.random(in: 0..<products))
          }
        }
      }
      requests.addCall(method: methodID("nightjar.v1.Ranker/GetRecommendations"), body: body.bytes)
    }
    return requests
  }

  private static func product(_ index: Int) -> String { "\(84_000 + index)A" }

  /// FNV-1a of a method's name, as PROTOCOL.md has it.
  private static func methodID(_ name: String) -> UInt32 {
    name.utf8.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}
