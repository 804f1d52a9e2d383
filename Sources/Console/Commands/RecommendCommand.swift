import ArgumentParser
import Messages
import NightjarClient
import RPC

struct RecommendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend", abstract: "Asks a ranker for a customer's list.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Option(help: "Id of the customer.")
  var customer: String
  @Option(name: .shortAndLong, help: "Most items to show, 1 to 50.")
  var n: UInt32 = 10
  @Option(help: "Only what may be offered through it, push or pull, with the offers that are made through it.")
  var channel: ChannelOption?

  func validate() throws {
    guard (1...RankerService.maximumLimit).contains(n) else {
      throw ValidationError("-n goes from 1 to \(RankerService.maximumLimit)")
    }
  }

  func run() async throws {
    let answer = try await connection.withClients { clients in
      try await clients.ranker.call(RankerService.getRecommendations, options: CallOptions(key: tenant)) { draft in
        draft.tenant = tenant
        draft.customer = customer
        draft.limit = n
        if let channel { draft.channel = channel.proto }
      }
    }
    if output.json { Terminal.standard.line(answer.json) } else { Self.show(answer, on: .standard) }
  }

  static func show(_ answer: View<Proto.GetRecommendationsResponse>, on terminal: Terminal, indent: Int = 0) {
    var remarks = [answer.outcome.word]
    if answer.fallback == .unknownCustomer { remarks.append("the customer is not in the bake: everybody's list") }
    if answer.fallback == .segment { remarks.append("the customer is not in the bake: the segment's list") }
    if answer.fallback == .region { remarks.append("the customer is not in the bake: the region's list") }
    if answer.fallback == .attributes {
      remarks.append("the customer is not in the bake: the list of who shares an attribute")
    }
    if answer.reranked { remarks.append("ranked by what happens in the call") }
    if answer.refilled > 0 { remarks.append("the last \(answer.refilled) from a fallback list") }
    if answer.fallback == .dataFloor { remarks.append("too little data for a model: popularity's list") }
    if answer.frozen { remarks.append("the tenant is frozen") }
    if !answer.bake.isEmpty {
      remarks.append("bake \(answer.bake) of model \(answer.model), as of \(Format.date(answer.as_of_us))")
    }
    terminal.line(String(repeating: " ", count: indent) + remarks.joined(separator: "; "))
    let items = answer.list(\.n_items, \.items)
    guard !items.isEmpty else { return }
    var table = Table(">#", "PRODUCT", "OFFER", ">SCORE")
    for (place, item) in items.enumerated() {
      table.add(String(place + 1), item.product, Format.text(item.offer), Format.decimals(Double(item.score), 4))
    }
    terminal.table(table, indent: indent)
  }
}
