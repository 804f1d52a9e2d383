import ArgumentParser
import Messages
import NightjarClient
import RPC

struct ExportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes every customer's list, as CSV or as JSON lines, to standard output.",
    discussion: """
      Lists come in the order of the bake. Where the ranker is lost on the way, or busy, the export goes on from where \
      it was, with the same bake; once another is live, it ends with an error and has to start anew. CSV (RFC 4180) has \
      a line for each product of each list.
      """)

  enum Form: String, CaseIterable, ExpressibleByArgument {
    case csv
    case jsonl
  }

  /// Attempts in a row that bring nothing; of those that find the ranker busy with others' exports.
  private static let (attempts, busyAttempts) = (5, 300)
  private static let pause = Duration.seconds(1)

  @OptionGroup var connection: ConnectionOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Option(name: .shortAndLong, help: "Most products of each list, 1 to 50.")
  var n: UInt32 = 10
  @Option(help: "Only customers of this segment.")
  var segment = ""
  @Option(help: "Only customers of this region.")
  var region = ""
  @Option(help: "Only what may be offered through it, push or pull, with the offers that are made through it.")
  var channel: ChannelOption?
  @Option(help: "csv or jsonl.")
  var format = Form.csv
  @Flag(help: "With the products' names.")
  var names = false

  func validate() throws {
    guard (1...RankerService.maximumLimit).contains(n) else {
      throw ValidationError("-n goes from 1 to \(RankerService.maximumLimit)")
    }
  }

  /// The names of CSV's columns.
  static func header(names: Bool) -> String {
    "customer,segment,region,model,bake,arm,rank,product,offer,score" + (names ? ",name" : "") + ",frozen,fallback"
  }

  func run() async throws {
    if format == .csv { Terminal.standard.line(Self.header(names: names) + "\r") }
    let lists = try await connection.withClients { clients in
      try await Self.export(from: clients.ranker, fill: fill) { write($0) }
    }
    Terminal.standard.remark("\(Format.count(lists)) lists")
  }

  /// Exports everything, over as many streams as it takes; how many lists there were.
  static func export(
    from ranker: ServiceClient, fill: (Draft<Proto.ExportRecommendationsRequest>) -> Void,
    take: (ViewList<Proto.ExportedList>) -> Void
  ) async throws -> UInt64 {
    var (cursor, lists, failures) = ("", UInt64(0), 0)
    while true {
      do {
        let call = try await ranker.stream(RankerService.exportRecommendations)
        try await call.sendOnly { draft in
          fill(draft)
          draft.cursor = cursor
        }
        for try await message in call.responses {
          take(message.list(\.n_lists, \.lists))
          lists += UInt64(message.list(\.n_lists, \.lists).count)
          cursor = message.cursor
          failures = 0
        }
        return lists
      } catch let error as RPCError where error.isWorthAnotherStream {
        failures += 1
        guard failures < (error.code == .resourceExhausted ? busyAttempts : attempts) else { throw error }
        try await Task.sleep(for: max(pause, error.retryAfter ?? pause))
      }
    }
  }

  private func fill(_ draft: Draft<Proto.ExportRecommendationsRequest>) {
    draft.tenant = tenant
    draft.limit = n
    draft.segment = segment
    draft.region = region
    draft.names = names
    if let channel { draft.channel = channel.proto }
  }

  private func write(_ lists: ViewList<Proto.ExportedList>) {
    switch format {
    case .jsonl: Terminal.standard.line(lists.map(\.json).joined(separator: "\n"))
    case .csv: Terminal.standard.line(Self.csv(lists, names: names).joined(separator: "\r\n") + "\r")
    }
  }

  /// Lines of CSV, without their ends.
  static func csv(_ lists: some Sequence<View<Proto.ExportedList>>, names: Bool) -> [String] {
    lists.flatMap { list in
      list.list(\.n_items, \.items).enumerated().map { place, item in
        let fields = [
          list.customer, list.segment, list.region, list.model, list.bake, list.arm, String(place + 1), item.product,
          item.offer, String(item.score),
        ]
        let flags = [list.frozen ? "frozen" : "", list.fallback == .dataFloor ? "data floor" : ""]
        return (fields + (names ? [item.name] : []) + flags).map(quoted).joined(separator: ",")
      }
    }
  }

  /// A field in quotes where it needs them: RFC 4180, 2.6 and 2.7.
  private static func quoted(_ field: String) -> String {
    guard field.utf8.contains(where: { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }
}
