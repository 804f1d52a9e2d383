import ArtifactStore
import Commerce
import Foundation
import Learning
import Logging
import Messages
import Operations
import RPC
import RankedLists
import Testing
import Transport

@testable import Training

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
let shop = try! TenantID("shop")

/// Certificates of a CA that the test process makes once.
enum Certificates {
  private static let folder: String = {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-training-tests-\(getpid())").path
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../../deploy/dev-certificates.sh")
    let process = Process()
    process.executableURL = URL(filePath: "/bin/bash")
    process.arguments = [script.path, folder, "ingest/a", "control/a", "trainer/a"]
    try! process.run()
    process.waitUntilExit()
    precondition(process.terminationStatus == 0, "dev-certificates.sh failed")
    atexit { try? FileManager.default.removeItem(atPath: Certificates.folder) }
    return folder
  }()

  static func of(_ role: Role) -> CertificateFiles {
    CertificateFiles(
      chain: "\(folder)/\(role.rawValue)-a.pem", key: "\(folder)/\(role.rawValue)-a-key.pem",
      authorities: "\(folder)/ca.pem")
  }
}

/// A folder that goes with its owner.
final class Scratch: Sendable {
  let path: String
  var storePath: String { "\(path)/store" }
  var store: ArtifactDirectory { ArtifactDirectory(root: storePath) }

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: "nightjar-training-\(UUID())").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A made-up tenant as ingest would stream it.
struct SampleTenant: Sendable {
  static let day = Int64(microsecondsPerDay)
  static let asOf = 200 * day
  static let cuts = Cuts(asOf: asOf, horizonDays: 28)

  struct Purchase: Sendable {
    let customer: String
    let product: String
    let time: Int64
    var kind = Proto.EventKind.purchase
    var rating = Double.nan
  }

  struct Offer: Sendable {
    let id: String
    let product: String
    var discount: UInt32 = 0
    var channels: [Proto.SalesChannel] = []
    var from: Int64 = 0
    var until: Int64 = 0
  }

  var customers: [(id: String, segment: String)] = []
  var products: [(id: String, from: Int64, until: Int64)] = []
  var events: [Purchase] = []
  var offers: [Offer] = []
  /// By the customer's place.
  var industries: @Sendable (Int) -> String = { _ in "" }
  /// Free attributes of text, by the customer's place.
  var attributes: @Sendable (Int) -> [String: String] = { _ in [:] }
  /// By the product's place.
  var categories: @Sendable (Int) -> [String] = { _ in [] }

  /// Customers of two tastes over 200 days; product "p-00" is withdrawn, "p-01" not yet for sale.
  init(customers count: Int = 60, products productCount: Int = 40, purchases: Int = 30, seed: UInt64 = 1) {
    func name(_ letter: String, _ number: Int) -> String { "\(letter)-\(number < 10 ? "0" : "")\(number)" }
    customers = (0..<count).map { (name("c", $0), $0 % 3 == 0 ? "trade" : "") }
    products = (0..<productCount).map { (name("p", $0), 0, 0) }
    if productCount > 1 {
      products[0].until = 150 * Self.day
      products[1].from = 300 * Self.day
    }
    var random = Xoshiro256(seed: seed)
    for customer in 0..<count {
      for _ in 0..<purchases {
        let rank = Int(Double(productCount / 2) * random.nextUnit() * random.nextUnit())
        let product = 2 * rank + (random.nextUnit() < 0.9 ? customer % 2 : 1 - customer % 2)
        let time = Int64(random.nextIndex(below: 200)) * Self.day + Int64(random.nextIndex(below: 1_000))
        events.append(Purchase(customer: name("c", customer), product: name("p", product), time: time))
      }
    }
  }

  /// The snapshot in chunks of at most `rows` rows, the end in a chunk of its own. The resume key is the chunk's number.
  func chunks(rows: Int = 500) -> [Encoded<Proto.SnapshotChunk>] {
    var fills: [(Draft<Proto.SnapshotChunk>) -> Void] = []
    for part in Array(customers.enumerated()).chunked(rows) {
      fills.append { chunk in
        chunk.list(\.n_customers, \.customers, of: part) {
          $0.id = $1.element.id
          $0.segment = $1.element.segment
          $0.industry = industries($1.offset)
          $0.list(\.n_attributes, \.attributes, of: attributes($1.offset).sorted { $0.key < $1.key }) {
            $0.key = $1.key
            $0.value_case = .text
            $0.text = $1.value
          }
        }
      }
    }
    for part in Array(products.enumerated()).chunked(rows) {
      fills.append { chunk in
        chunk.list(\.n_products, \.products, of: part) {
          $0.id = $1.element.id
          $0.available_from_us = $1.element.from
          $0.available_until_us = $1.element.until
          $0.strings(\.n_category_path, \.category_path, categories($1.offset))
        }
      }
    }
    for part in offers.chunked(rows) {
      fills.append { chunk in
        chunk.list(\.n_offers, \.offers, of: part) {
          $0.id = $1.id
          $0.product = $1.product
          $0.discount_ppm = $1.discount
          $0.scalars(\.n_channels, \.channels, $1.channels)
          $0.valid_from_us = $1.from
          $0.valid_until_us = $1.until
        }
      }
    }
    for part in events.chunked(rows) { fills.append { chunk in chunk.message(\.events) { Self.fill($0, part) } } }
    fills.append { chunk in
      chunk.message(\.end) { end in
        end.customers = UInt64(customers.count)
        end.products = UInt64(products.count)
        end.offers = UInt64(offers.count)
        end.events = UInt64(events.count)
      }
    }
    return fills.enumerated().map { number, fill in
      Encoded { chunk in
        fill(chunk)
        chunk.message(\.resume) { $0.key = UInt64(number + 1) }
      }
    }
  }

  private static func fill(_ columns: Draft<Proto.EventColumns>, _ events: [Purchase]) {
    let customers = Array(Set(events.map(\.customer))).sorted()
    let products = Array(Set(events.map(\.product))).sorted()
    var before: Int64 = 0
    columns.strings(\.n_customer_ids, \.customer_ids, customers)
    columns.strings(\.n_product_ids, \.product_ids, products)
    columns.scalars(\.n_customer, \.customer, events.map { UInt32(customers.firstIndex(of: $0.customer)!) })
    columns.scalars(\.n_product, \.product, events.map { UInt32(products.firstIndex(of: $0.product)!) + 1 })
    columns.scalars(\.n_kind, \.kind, events.map(\.kind))
    columns.scalars(
      \.n_occurred_at_delta_us, \.occurred_at_delta_us,
      events.map { event in
        defer { before = event.time }
        return event.time - before
      })
    columns.scalars(\.n_quantity, \.quantity, events.map { _ in Int64(1) })
    columns.scalars(\.n_revenue, \.revenue, events.map { _ in Int64(100) })
    columns.scalars(\.n_rating, \.rating, events.map(\.rating))
  }

  /// As the trainer sees it.
  func data() throws -> TenantData {
    var builder = SnapshotBuilder(asOf: Self.asOf)
    for chunk in chunks() { try builder.add(chunk.decode()) }
    return try builder.build()
  }

  func night(seed: UInt64 = 7) throws -> Night { Night(data: try data(), cuts: Self.cuts, seed: seed) }
}

extension Night {
  /// Trains a recipe as a night that chose it does.
  func train(_ recipe: Recipe) throws -> TrainedModel {
    try refit(fit(recipe, calibration(of: recipe, on: calibrationRows())))
  }
}

extension Recipe {
  /// A stack on one of each other kind that is personal.
  static let stacked = Recipe(
    kind: .stack(Stacking(generators: [als, neighbours, ease], trees: nightlyTrees, sliceDays: 28)),
    trendHalfLifeDays: 7)
}

extension Stages {
  /// Stages that nobody looks at.
  static var unwatched: Stages { Stages(Metrics()) { _ in } }
}

extension Array {
  func chunked(_ size: Int) -> [[Element]] {
    stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
  }
}

extension RankedLists {
  /// The ids of a customer's list; nil = the customer has none.
  func products(of customer: String) -> [String]? {
    let bytes = Array(customer.utf8)
    return bytes.withUnsafeBytes { raw -> [String]? in
      guard let list = lookup(raw) else { return nil }
      return (0..<list.count).map { product(list[$0].candidate) }
    }
  }

  /// The ids of a fallback list; nil = there is none.
  func products(for fallback: FallbackGroup) -> [String]? {
    guard let list = self.fallback(fallback) else { return nil }
    return (0..<list.count).map { product(list[$0].candidate) }
  }

  private func product(_ index: UInt32) -> String {
    candidate(index).product.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}
