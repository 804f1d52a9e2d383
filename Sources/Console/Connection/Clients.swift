import Logging
import Operations
import RPC
import Transport

/// Channels to the services that a command knows the addresses of. Nothing is connected before the first call.
public struct Clients: Sendable {
  private let channels: [Role: Channel]

  /// Channels with the certificates of the caller `name`: control is called as an admin, the others as a platform.
  public init(_ addresses: [Role: String], certificates folder: String, name: String) throws {
    let quiet = Logger(label: "nightjar") { _ in SwiftLogNoOpLogHandler() }
    var channels: [Role: Channel] = [:]
    for (role, address) in addresses {
      let files = try CertificateFiles(folder: folder, role: role == .control ? .admin : .platform, name: name)
      channels[role] = try Channel(
        to: SocketAddress(parsing: address), expecting: role, serverName: nil, certificates: files, logger: quiet)
    }
    self.channels = channels
  }

  /// Channels to all services of `nightjar up`.
  public init(_ endpoints: Endpoints, name: String) throws {
    try self.init(endpoints.addresses, certificates: endpoints.certificates, name: name)
  }

  /// Called as `admin/<name>`.
  public var control: Channel { get throws(ConsoleError) { try channel(.control) } }
  /// Called as `platform/<name>`.
  public var ingest: Channel { get throws(ConsoleError) { try channel(.ingest) } }
  /// Called as `platform/<name>`.
  public var ranker: Channel { get throws(ConsoleError) { try channel(.ranker) } }

  /// Closes all connections.
  public func close() async {
    for channel in channels.values { await channel.close() }
  }

  private func channel(_ role: Role) throws(ConsoleError) -> Channel {
    guard let channel = channels[role] else {
      throw ConsoleError("this command calls \(role.rawValue): give --\(role.rawValue) HOST:PORT, or --dir")
    }
    return channel
  }
}
