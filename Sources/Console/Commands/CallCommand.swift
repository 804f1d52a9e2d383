import ArgumentParser
import Dispatch
import Foundation
import Messages
import NightjarClient
import RPC
import Synchronization

struct CallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Calls any method of any service, JSON in and out.",
    discussion: """
      A request is an object with the contract's field names (proto/nightjar/v1). Without JSON it is read from standard \
      input: the whole of it for a method with one request, a request a line for a method that takes many. Responses are \
      printed as they come, one a line.

      nightjar call ranker:9443 nightjar.v1.Ranker/GetRecommendations '{"tenant":"uk","customer":"12347"}'

      'nightjar describe ADDRESS' lists what a server can be asked.
      """)

  @OptionGroup var target: TargetOptions
  @Argument(help: "Full name of the method, nightjar.v1.SERVICE/METHOD.")
  var method: String
  @Argument(help: "The request, or the only one of a stream; '-' or nothing = standard input.")
  var json: String?

  func run() async throws {
    guard let method = Contract.method(method) else {
      let near = Contract.methods.map(\.name).filter { $0.lowercased().hasSuffix("/" + Self.tail(of: self.method)) }
      let hint = near.isEmpty ? "'nightjar describe \(target.address)' lists those that there are" : "is it \(near[0])?"
      throw ConsoleError("there is no method '\(self.method)'; \(hint)")
    }
    let given = json == "-" ? nil : json
    try await target.withClient(for: method) { client in
      do {
        if method.kind == .unary {
          try await callOnce(method, client, given)
        } else {
          try await stream(method, client, given)
        }
      } catch let error as RPCError {
        throw ConsoleError(Self.text(error))
      }
    }
  }

  private func callOnce(_ method: AnyMethod, _ client: ServiceClient, _ given: String?) async throws {
    let request = try encode(given ?? Self.wholeInput(), method)
    let response = try await method.call(client, timeout: target.limit, request)
    Terminal.standard.line(try method.response.json(response))
  }

  private func stream(_ method: AnyMethod, _ client: ServiceClient, _ given: String?) async throws {
    let call = try await method.stream(client, timeout: target.limit)
    let problem = Mutex<ConsoleError?>(nil)
    // Not waited for: where the call ends before the input does, the input may never end.
    Task {
      do {
        try await feed(call, method, given)
      } catch let error as ConsoleError {
        problem.withLock { $0 = error }
        call.cancel()
      }
    }
    do {
      try await call.receive { Terminal.standard.line(try method.response.json($0)) }
    } catch {
      throw problem.withLock { $0 } ?? error
    }
  }

  /// Sends the requests. What ends the call otherwise is told where its responses are read.
  private func feed(_ call: AnyCall, _ method: AnyMethod, _ given: String?) async throws {
    let takesMany = method.kind == .clientStream || method.kind == .bidirectional
    if let given {
      try await call.send(encode(given, method))
    } else if takesMany {
      while let line = await Self.nextLine() {
        if !line.isEmpty { try await call.send(encode(line, method)) }
      }
    } else {
      try await call.send(encode(Self.wholeInput(), method))
    }
    try await call.finish()
  }

  private func encode(_ json: String, _ method: AnyMethod) throws -> [UInt8] {
    do throws(JSONError) {
      return try method.request.encode(json: json)
    } catch {
      throw ConsoleError("the request is no \(method.request.name): \(error)")
    }
  }

  /// The next line of standard input, read where it may block; nil at its end.
  private static func nextLine() async -> String? {
    await withCheckedContinuation { continuation in
      input.async { continuation.resume(returning: readLine()) }
    }
  }

  private static let input = DispatchQueue(label: "input")

  private static func wholeInput() -> String {
    String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
  }

  private static func tail(of name: String) -> String {
    name.split { $0 == "/" || $0 == "." }.last.map { $0.lowercased() } ?? ""
  }

  /// An error with all that it says.
  static func text(_ error: RPCError) -> String {
    var lines = ["\(error.code.name): \(error.message)"]
    lines += error.violations.map { "  \($0.field): \($0.reason)" }
    if let wait = error.retryAfter { lines.append("  try again after \(wait)") }
    if let owner = error.owner { lines.append("  ask \(owner) instead") }
    return lines.joined(separator: "\n")
  }
}
