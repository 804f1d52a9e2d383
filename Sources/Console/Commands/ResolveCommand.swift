import ArgumentParser
import Commerce
import Messages
import NightjarClient
import RPC

struct ResolveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resolve", abstract: "Says what was recommended under a recommendation id, and what came of it.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Argument(help: "The recommendation id, 32 hex digits.")
  var id: String

  func run() async throws {
    let served = try await connection.withClients { clients in
      try await clients.ingest.call(IngestService.resolveRecommendation, options: CallOptions(key: tenant)) { draft in
        draft.tenant = tenant
        draft.recommendation_id = id
      }
    }
    if output.json { Terminal.standard.line(served.json) } else { show(served, on: .standard) }
  }

  private func show(_ served: View<Proto.ResolveRecommendationResponse>, on terminal: Terminal) {
    guard let answer = served.answer else { return terminal.line("nothing is known of the answer") }
    var line = "customer \(served.customer) at \(Format.time(served.occurred_at_us))"
    if !answer.arm.isEmpty {
      line += "; arm \(answer.arm) with probability \(Format.decimals(Double(answer.propensity), 3))"
    }
    terminal.line(line)
    RecommendCommand.show(answer, on: terminal)
    for (what, products) in [
      ("pinned", served.strings(\.n_pinned, \.pinned)), ("excluded", served.strings(\.n_excluded, \.excluded)),
    ] where !products.isEmpty {
      terminal.line("\(what) by the caller: \(products.joined(separator: " "))")
    }
    let reactions = served.list(\.n_reactions, \.reactions)
    guard !reactions.isEmpty else { return }
    var table = Table("WHEN", "WHAT", "PRODUCT", ">QUANTITY")
    for reaction in reactions {
      table.add(
        Format.time(reaction.occurred_at_us), (try? EventKind(validating: reaction.kind)).map { "\($0)" } ?? "–",
        Format.text(reaction.product),
        reaction.quantity == 0 ? "" : String(reaction.quantity))
    }
    terminal.table(table)
  }
}
