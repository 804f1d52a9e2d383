import ArgumentParser
import Glibc
import RPC
import ServiceLifecycle
import Transport

/// The options of a service that answers calls.
public struct ListenOptions: ParsableArguments {
  @Option(help: "Address to answer calls on, HOST:PORT; port 0 takes a free one, which the log's ready line names.")
  var listen = "127.0.0.1:0"

  @Option(help: "Threads that move bytes; 0 means one for each processor.")
  public var reactors = 0

  public init() {}

  public func validate() throws {
    guard (0...256).contains(reactors) else { throw ValidationError("--reactors goes from 0 to 256") }
  }

  /// Opens the port and answers with the handlers of `router` until the group stops; calls in flight get `grace`.
  /// `tenants`: nil = the service has no server names that are for one tenant.
  public func server(
    for router: Router, in surroundings: Surroundings, grace: Duration, tenants: TenantEndpoints? = nil
  ) throws -> ServerService {
    let threads = reactors == 0 ? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) : reactors
    let (metrics, logger) = (surroundings.metrics, surroundings.logger)
    var router = router
    router.installStandardServices(health: surroundings.health)
    for (name, help) in CallMetrics.help { metrics.describe(name, help) }
    let server: Server
    do {
      server = try Server(
        role: surroundings.identity.role, address: try SocketAddress(parsing: listen),
        certificates: surroundings.certificates, router: router, reactors: threads,
        interceptors: [CallMetrics(router, factory: metrics), CallLog(logger)], tenantDomain: tenants?.domain ?? "",
        logger: logger)
    } catch {
      throw StartError(
        "cannot listen on \(listen): \(error)",
        remedy: "Choose another --listen HOST:PORT, or stop the process that holds it (ss -ltnp)")
    }
    metrics.show(server)
    surroundings.reloader.add("server") { [weak server] in try server?.reload($0) }
    let host = listen.prefix(upTo: listen.lastIndex(of: ":") ?? listen.endIndex)
    surroundings.bind("\(host):\(server.port)")
    return ServerService(server: server, grace: grace)
  }
}

/// The option of a service whose every call is about one tenant, which the server name may then choose.
public struct TenantEndpoints: ParsableArguments {
  @Option(
    help: "Domain of the tenants' own server names: under ranker.example, acme.ranker.example is for tenant acme alone."
  )
  var domain = ""

  public init() {}
}

/// A server as a part of a `ServiceGroup`.
public struct ServerService: Service {
  /// The server, which answers already.
  public let server: Server
  let grace: Duration

  /// Waits for the group to stop, and shuts the server down.
  public func run() async throws {
    try? await gracefulShutdown()
    await server.shutdown(grace: grace)
  }
}
