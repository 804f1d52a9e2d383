import ArgumentParser
import Messages
import RPC

struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health", abstract: "Asks a server whether it takes calls.",
    discussion: "Exits with 0 when it does, with 1 when it does not or cannot be reached.")

  @OptionGroup var target: TargetOptions
  @Argument(help: "Full name of one of its services, such as nightjar.v1.Ranker; without it, the server as a whole.")
  var service = ""
  @Flag(help: "Go on and print each change, one a line.")
  var watch = false

  func run() async throws {
    do {
      if watch { try await follow() } else { try await check() }
    } catch let error as RPCError {
      throw ConsoleError(CallCommand.text(error))
    }
  }

  private func check() async throws {
    let status = try await target.withClient(for: AnyMethod(StandardMethods.checkHealth)) { client in
      try await client.call(StandardMethods.checkHealth, timeout: target.limit) { $0.service = service }.status
    }
    Terminal.standard.line(Self.word(status))
    guard status == .serving else { throw ExitCode.failure }
  }

  private func follow() async throws {
    try await target.withClient(for: AnyMethod(StandardMethods.watchHealth)) { client in
      let call = try await client.stream(StandardMethods.watchHealth, timeout: target.limit)
      try await call.sendOnly { $0.service = service }
      for try await response in call.responses { Terminal.standard.line(Self.word(response.status)) }
    }
  }

  private static func word(_ status: Proto.ServingStatus) -> String {
    switch status {
    case .serving: "SERVING"
    case .notServing: "NOT_SERVING"
    default: "UNKNOWN"
    }
  }
}
