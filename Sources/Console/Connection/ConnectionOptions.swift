import ArgumentParser
import Foundation
import Transport

/// The options that say which services to call, and as whom.
struct ConnectionOptions: ParsableArguments {
  @Option(help: "Folder of a running 'nightjar up'; or set NIGHTJAR_DIR.")
  var dir = ProcessInfo.processInfo.environment["NIGHTJAR_DIR"] ?? ".nightjar"

  @Option(help: "HOST:PORT of control, where it does not run under --dir.")
  var control: String?

  @Option(help: "HOST:PORT of ingest, where it does not run under --dir.")
  var ingest: String?

  @Option(help: "HOST:PORT of a ranker, or of several with commas between, where it does not run under --dir.")
  var ranker: String?

  @Option(help: "Folder with ca.pem, admin-<name>.pem and platform-<name>.pem and their keys.")
  var certificates: String?

  @Option(help: "Name in the certificates to call with.")
  var name = "cli"

  /// Clients of the services given, and for the rest to those of `dir`. With certificates and any address given, the
  /// services without one are not to be called.
  func clients() throws -> Clients {
    var given: [Role: String] = [:]
    given[.control] = control
    given[.ingest] = ingest
    given[.ranker] = ranker
    if let certificates, !given.isEmpty { return try Clients(given, certificates: certificates, name: name) }
    let endpoints = try Endpoints(folder: dir)
    return try Clients(
      endpoints.addresses.merging(given) { $1 }, certificates: certificates ?? endpoints.certificates, name: name)
  }

  /// Runs `body` with clients that are closed after it.
  func withClients<Result>(_ body: (Clients) async throws -> Result) async throws -> Result {
    let clients = try clients()
    do {
      let result = try await body(clients)
      await clients.close()
      return result
    } catch {
      await clients.close()
      throw error
    }
  }
}

/// The option that says how to print.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON, one object a line, with the contract's field names.")
  var json = false
}
