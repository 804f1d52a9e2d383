import ArgumentParser
import Messages
import NightjarClient

struct JournalCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal", abstract: "Shows what was decided, and what the rankers in fact served, at any time.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant; all entries, and no serving, where there is none.")
  var tenant = ""
  @Option(
    help: "Wall clock time to look at, such as 2026-03-01T15:00:00Z; now by default.", transform: TimeArgument.parse)
  var at: Int64 = 0
  @Option(name: .shortAndLong, help: "Most entries to show, 1 to 1000.")
  var n: UInt32 = 20

  func validate() throws {
    guard (1...1_000).contains(n) else { throw ValidationError("-n goes from 1 to 1000") }
  }

  func run() async throws {
    let journal = try await connection.withClients { clients in
      try await clients.control.call(ControlService.readJournal) { draft in
        draft.tenant = tenant
        draft.until_us = at
        draft.page_size = n
      }
    }
    if output.json { Terminal.standard.line(journal.json) } else { Self.show(journal, on: .standard) }
  }

  /// Prints the decision and the fact side by side, then the entries, newest first.
  static func show(_ journal: View<Proto.ReadJournalResponse>, on terminal: Terminal) {
    if let decided = journal.decided {
      var table = Table("WHO", "WHAT", "BAKE", "MANIFEST", "SINCE", "WHY")
      table.add(
        "control", "decided, \(decided.mode.word)", Format.text(decided.bake), digest(decided.manifest_digest),
        decided.entry == 0 ? "–" : "entry \(decided.entry)", "–")
      for served in journal.list(\.n_served, \.served) {
        table.add(
          served.ranker, served.state.word, Format.text(served.bake), digest(served.manifest_digest),
          Format.time(served.since_us), Format.text(served.reason))
      }
      terminal.table(table)
      terminal.line()
    }
    var entries = Table(">ENTRY", "TIME", "WHO", "WHAT", "TENANT", "WHY")
    for entry in journal.list(\.n_entries, \.entries) {
      entries.add(
        String(entry.number), Format.time(entry.at_us), entry.actor, entry.kind, Format.text(entry.tenant),
        Format.text(entry.reason))
    }
    terminal.table(entries)
  }

  /// The first digits of a digest, enough for people.
  private static func digest(_ text: String) -> String { Format.text(String(text.prefix(12))) }
}
