import Logging
import RPC
import ServiceLifecycle
import Synchronization
import Transport

/// What a service's parts are given when they are built: who it is, its log, its numbers.
public final class Surroundings: Sendable {
  /// Role and name, as the certificate says them.
  public let identity: PeerIdentity
  /// Own certificate and key, and the authorities to trust, as they were found at the start.
  public let certificates: CertificateFiles
  /// Root of all logging.
  public let logger: Logger
  /// Shown at `/metrics`.
  public let metrics: Metrics
  /// What the server tells of itself.
  public let health: HealthBoard
  /// Where parts say what is amiss, though calls are taken.
  public let remarks: HealthRemarks
  /// To be told of whatever holds certificates.
  public let reloader: CertificateReloader
  private let bound = Mutex<String?>(nil)

  init(
    identity: PeerIdentity, reloader: CertificateReloader, logger: Logger, metrics: Metrics, health: Health
  ) {
    self.health = health.board
    remarks = health.remarks
    self.identity = identity
    self.reloader = reloader
    certificates = reloader.files
    self.logger = logger
    self.metrics = metrics
  }

  /// A client of the service at `addresses`, HOST:PORT with commas between several, with this process's certificates,
  /// whenever they are renewed. `reactor` does its I/O; nil = the one that clients share.
  public func client(of role: Role, at addresses: String, reactor: Reactor? = nil) throws -> ServiceClient {
    let client = try ServiceClient(
      to: SocketAddress.list(parsing: addresses), expecting: role, serverName: nil, certificates: certificates,
      logger: logger, reactor: reactor)
    reloader.add("client of \(role.rawValue)") { [weak client] in try client?.reload($0) }
    return client
  }

  /// Address that the service answers on, for the line that says it is ready.
  var address: String? { bound.withLock { $0 } }

  func bind(_ address: String) { bound.withLock { $0 = address } }
}
