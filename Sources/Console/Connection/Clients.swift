import Logging
import Operations
import RPC
import Transport

/// Clients of the services that a command knows the addresses of. Nothing is connected before the first call.
public struct Clients: Sendable {
  private let clients: [Role: ServiceClient]

  /// Clients with the certificates of the caller `name`: control is called as an admin, the others as a platform. A
  /// service may have several addresses, with commas between them.
  public init(_ addresses: [Role: String], certificates folder: String, name: String) throws {
    let quiet = Logger(label: "nightjar") { _ in SwiftLogNoOpLogHandler() }
    var clients: [Role: ServiceClient] = [:]
    for (role, address) in addresses {
      let files = try CertificateFiles(folder: folder, role: role == .control ? .admin : .platform, name: name)
      clients[role] = try ServiceClient(
        to: SocketAddress.list(parsing: address), expecting: role, serverName: nil, certificates: files, logger: quiet)
    }
    self.clients = clients
  }

  /// Clients of all services of `nightjar up`.
  public init(_ endpoints: Endpoints, name: String) throws {
    try self.init(endpoints.addresses, certificates: endpoints.certificates, name: name)
  }

  /// Called as `admin/<name>`.
  public var control: ServiceClient { get throws(ConsoleError) { try client(of: .control) } }
  /// Called as `platform/<name>`.
  public var ingest: ServiceClient { get throws(ConsoleError) { try client(of: .ingest) } }
  /// Called as `platform/<name>`.
  public var ranker: ServiceClient { get throws(ConsoleError) { try client(of: .ranker) } }

  /// Closes all connections.
  public func close() async {
    for client in clients.values { await client.close() }
  }

  private func client(of role: Role) throws(ConsoleError) -> ServiceClient {
    guard let client = clients[role] else {
      throw ConsoleError("this command calls \(role.rawValue): give --\(role.rawValue) HOST:PORT, or --dir")
    }
    return client
  }
}
