import ArgumentParser
import CoreMetrics
import Glibc
import Logging
import RPC
import ServiceLifecycle
import Transport

/// The options that every service has.
public struct ServiceOptions: ParsableArguments {
  @Option(help: "Folder of the certificates that deploy/dev-certificates.sh makes, or ones named like them.")
  var certificates: String

  @Option(help: "Name in this service's certificate, which is <certificates>/<role>-<name>.pem.")
  var name = "a"

  @Option(
    help: "Least severe events to log: trace, debug, info, notice, warning, error or critical.",
    transform: Self.level)
  var logLevel = Logger.Level.info

  @Option(
    help:
      "[HOST:]PORT for /health and /metrics over plain HTTP, on 127.0.0.1 unless told otherwise; port 0 takes a free one, which the log's ready line names. Without it there is none.",
    transform: Self.adminAddress)
  var adminListen: SocketAddress?

  @Option(help: "Seconds that calls in flight may take to end after SIGTERM.")
  var graceSeconds = 10

  @Flag(help: "Stop when standard input ends, as it does when the process that started this one is gone.")
  var stopAtEndOfInput = false

  public init() {}

  /// How long calls in flight may take to end after SIGTERM, for `ListenOptions.server`.
  public var grace: Duration { .seconds(graceSeconds) }

  public func validate() throws {
    guard (0...3_600).contains(graceSeconds) else { throw ValidationError("--grace-seconds goes from 0 to 3600") }
  }

  private static func level(_ text: String) throws -> Logger.Level {
    guard let level = Logger.Level(rawValue: text) else { throw ValidationError("there is no log level '\(text)'") }
    return level
  }

  private static func adminAddress(_ text: String) throws -> SocketAddress {
    if let port = UInt16(text) { return SocketAddress(host: "127.0.0.1", port: port) }
    return try SocketAddress(parsing: text)
  }

  /// Builds the parts of a service, says `ready` in the log, and runs them until SIGTERM or SIGINT, then stops them
  /// gracefully, the last one first.
  ///
  /// Anything thrown by `build` is a reason not to start: it is logged and the process exits with status 1.
  public func run(as role: Role, build: (Surroundings) async throws -> [any Service]) async throws {
    signal(SIGPIPE, SIG_IGN)
    // A file that may not grow any more is an error of that write, like a full disk, and no reason to die.
    signal(SIGXFSZ, SIG_IGN)
    // Who sends it wants new certificates; it must not end a process that does not listen for it yet.
    signal(SIGHUP, SIG_IGN)
    Self.raiseDescriptorLimit()
    let metrics = Metrics()
    MetricsSystem.bootstrap(metrics)
    let logger = Self.logger(for: role, level: logLevel)
    let health = Health()
    do {
      let reloader = try reloader(role, logger, metrics)
      let surroundings = Surroundings(
        identity: PeerIdentity(role: role, name: name), reloader: reloader, logger: logger, metrics: metrics,
        health: health)
      var services = try await build(surroundings)
      var ready: Logger.Metadata = ["identity": "\(role.rawValue)/\(name)"]
      if let address = surroundings.address { ready["address"] = "\(address)" }
      if let adminListen {
        let admin = try AdminPort(address: adminListen, health: health, metrics: metrics)
        ready["admin"] = "\(admin.address)"
        services.insert(admin, at: 0)
      }
      services.insert(await CertificateWatch(reloader), at: 0)
      if stopAtEndOfInput { services.insert(InputWatch(), at: 0) }
      health.move(to: .serving)
      logger.info("ready", metadata: ready)
      try await group(of: services, logger: logger, health: health).run()
      logger.info("stopped")
    } catch {
      logger.critical(health.state == .starting ? "cannot start" : "failed", metadata: ["error": "\(error)"])
      throw ExitCode.failure
    }
  }

  private func reloader(_ role: Role, _ logger: Logger, _ metrics: Metrics) throws -> CertificateReloader {
    try CertificateReloader(
      alsoWatching: [CertificateFiles.revocations(in: certificates)], logger: logger, metrics: metrics
    ) { [certificates, name] in try CertificateFiles(folder: certificates, role: role, name: name) }
  }

  /// Lets the process have all the descriptors that the system allows it: libdispatch stops one that has none left, so
  /// that the limits on connections must strike first.
  private static func raiseDescriptorLimit() {
    let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    var limit = rlimit()
    guard getrlimit(descriptors, &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(descriptors, &limit)
  }

  private static func logger(for role: Role, level: Logger.Level) -> Logger {
    let service = "nightjar-\(role.rawValue)"
    return Logger(label: service) { _ in
      var handler = JSONLogHandler(service: service, level: level)
      handler.metadataProvider = .trace
      return handler
    }
  }

  private func group(of services: [any Service], logger: Logger, health: Health) -> ServiceGroup {
    var quiet = logger
    quiet.logLevel = max(logger.logLevel, .warning)
    var configuration = ServiceGroupConfiguration(
      services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) }
        + [.init(service: HealthWatch(health: health))],
      gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    configuration.maximumGracefulShutdownDuration = .seconds(graceSeconds + 5)
    configuration.maximumCancellationDuration = .seconds(5)
    return ServiceGroup(configuration: configuration)
  }
}

/// Turns `/health` to `stopping` as soon as a stop begins: the group stops it first, since it starts last.
private struct HealthWatch: Service {
  let health: Health

  func run() async throws {
    try? await gracefulShutdown()
    health.move(to: .stopping)
  }
}
