import ArgumentParser
import Foundation
import Messages
import NightjarClient
import RPC

struct OverlayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "overlay", abstract: "Shows or replaces what may not be recommended to a tenant's customers.",
    discussion: """
      An overlay is JSON with the contract's field names, such as \
      {"withdrawn": ["22139"], "blocks": [{"customer": "12347", "categories": ["wine"]}], "maximum_per_category": 3}. \
      Every connected ranker heeds it within a second.
      """,
    subcommands: [Show.self, Set.self])

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints a tenant's overlay as JSON.")

    @OptionGroup var connection: ConnectionOptions
    @Option(help: "Id of the tenant.")
    var tenant: String

    func run() async throws {
      let answer = try await connection.withClients { clients in
        try await clients.control.call(ControlService.getOverlay) { $0.tenant = tenant }
      }
      Terminal.standard.line(try MessageType(Proto.Overlay.self).json(answer.overlay))
    }
  }

  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Replaces a tenant's overlay; {} allows everything.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Id of the tenant.")
    var tenant: String
    @Option(help: "Refuse if the tenant's generation is another; whatever it is where there is none.")
    var generation: UInt64 = 0
    @Option(help: "Why, for the journal.")
    var reason = ""
    @Argument(help: "File with the overlay as JSON; - = standard input.")
    var file: String

    func run() async throws {
      let overlay = try read()
      let answer = try await connection.withClients { clients in
        try await clients.control.call(ControlService.setOverlay) { draft in
          draft.tenant = tenant
          draft.message(\.overlay, sharing: overlay)
          draft.expected_generation = generation
          draft.reason = reason
        }
      }
      guard !output.json else { return Terminal.standard.line(answer.json) }
      Terminal.standard.line("revision \(answer.revision), the tenant is at generation \(answer.generation)")
    }

    private func read() throws -> View<Proto.Overlay> {
      let data: Data
      do {
        data =
          file == "-"
          ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(filePath: file))
      } catch {
        throw ConsoleError("\(file) cannot be read: \(error.localizedDescription)")
      }
      do {
        let bytes = try MessageType(Proto.Overlay.self).encode(json: String(decoding: data, as: UTF8.self))
        return try Encoded<Proto.Overlay>(unchecked: bytes).decode()
      } catch {
        throw ConsoleError("\(file) is no overlay: \(error)")
      }
    }
  }
}
