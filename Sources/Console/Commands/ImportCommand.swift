import ArgumentParser
import Commerce
import Foundation

struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Writes a tenant's customers, products, offers and events from CSV files.",
    discussion: """
      The first line of a file names its columns; an unknown or missing one is refused before anything is written. Good \
      rows are written even when others are bad; bad ones are reported with their line, and the exit status is 1. \
      Importing a file again changes nothing.
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Option(
    help: "CSV file; columns: \((Customer.columns.required + Customer.columns.optional).joined(separator: ", ")).")
  var customers: String?
  @Option(help: "CSV file; columns: \((Product.columns.required + Product.columns.optional).joined(separator: ", ")).")
  var products: String?
  @Option(help: "CSV file; columns: \((Offer.columns.required + Offer.columns.optional).joined(separator: ", ")).")
  var offers: String?
  @Option(help: "CSV file; columns: \((Event.columns.required + Event.columns.optional).joined(separator: ", ")).")
  var events: String?

  /// Rows shown of those that were rejected; `--json` has more.
  private static let shownProblems = 20

  func validate() throws {
    guard customers != nil || products != nil || offers != nil || events != nil else {
      throw ValidationError("name at least one file: --customers, --products, --offers or --events")
    }
    do {
      _ = try TenantID(tenant)
    } catch {
      throw ValidationError("--\(error)")
    }
  }

  func run() async throws {
    let id = try TenantID(tenant)
    let reports = try await connection.withClients { clients in
      let files = FileImport(importer: Importer(tenant: id, ingest: try clients.ingest), terminal: .standard)
      var reports: [ImportReport] = []
      // Products before offers and events: what is named is there first.
      if let customers { reports.append(try await files.customers(customers)) }
      if let products { reports.append(try await files.products(products)) }
      if let offers { reports.append(try await files.offers(offers)) }
      if let events { reports.append(try await files.events(events)) }
      return reports
    }
    for report in reports { try Self.show(report, output, .standard) }
    if reports.contains(where: { $0.rejected > 0 }) { throw ExitCode.failure }
  }

  static func show(_ report: ImportReport, _ output: OutputOptions, _ terminal: Terminal) throws {
    guard !output.json else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return terminal.line(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
    terminal.line(
      """
      \(report.source): \(Format.count(report.accepted)) rows written, \(Format.count(report.duplicates)) were there \
      already, \(Format.count(report.rejected)) rejected
      """)
    for problem in report.problems.prefix(shownProblems) {
      terminal.remark("\(report.source) line \(problem.line): \(problem.reason)")
    }
    let more = report.rejected - min(report.problems.count, shownProblems)
    if more > 0 { terminal.remark("\(report.source): and \(Format.count(more)) more; --json shows the first 1,000") }
  }
}
