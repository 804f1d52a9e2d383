import ArgumentParser
import Foundation
import Logging
import Operations
import RPC
import Transport

/// The options of commands that call any server, whatever it is.
struct TargetOptions: ParsableArguments {
  @Argument(help: "HOST:PORT of the server, or several with commas between them.")
  var address: String

  @Option(help: "Folder of a running 'nightjar up' whose certificates to call with; or set NIGHTJAR_DIR.")
  var dir = ProcessInfo.processInfo.environment["NIGHTJAR_DIR"] ?? ".nightjar"

  @Option(help: "Folder with ca.pem, <role>-<name>.pem and their keys, in place of --dir's.")
  var certificates: String?

  @Option(help: "Role to call as; by default one that may call the method and has a certificate.")
  var role: String?

  @Option(help: "Name in the certificate to call with.")
  var name = "cli"

  @Option(help: "Server name to ask for, such as a tenant's own.")
  var serverName: String?

  @Option(help: "Seconds until the call is given up; by default the method's own timeout.")
  var timeout: Double?

  func validate() throws {
    if let role, Role(rawValue: role) == nil {
      let roles = Role.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--role '\(role)' is none of \(roles)")
    }
    if let timeout, !(timeout > 0 && timeout <= 3_000_000) {
      throw ValidationError("--timeout goes from above 0 to 3000000 seconds")
    }
  }

  /// How long a call may take; nil = the method's own timeout.
  var limit: Duration? { timeout.map { .seconds($0) } }

  /// Runs `body` with a client that may call the method, which is closed after it.
  func withClient<Result>(for method: AnyMethod, _ body: (ServiceClient) async throws -> Result) async throws -> Result
  {
    let client = try ServiceClient(
      to: SocketAddress.list(parsing: address), expecting: method.server, serverName: serverName,
      certificates: try files(for: method), logger: Logger(label: "nightjar") { _ in SwiftLogNoOpLogHandler() })
    do {
      let result = try await body(client)
      await client.close()
      return result
    } catch {
      await client.close()
      throw error
    }
  }

  private func files(for method: AnyMethod) throws -> CertificateFiles {
    let folder = try certificates ?? Endpoints(folder: dir).certificates
    if let role = role.flatMap(Role.init(rawValue:)) {
      return try CertificateFiles(folder: folder, role: role, name: name)
    }
    let roles = Role.allCases.filter(method.callers.contains)
    for role in roles {
      if let files = try? CertificateFiles(folder: folder, role: role, name: name) { return files }
    }
    throw ConsoleError(
      """
      \(method.name) may be called as \(roles.map(\.rawValue).joined(separator: " or ")), and \(folder) has no \
      certificate '\(name)' of that role: make one with deploy/dev-certificates.sh \(folder) \
      \(roles.first?.rawValue ?? "platform")/\(name), or give --certificates, --role or --name
      """)
  }
}
