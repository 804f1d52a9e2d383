import Commerce
import Messages
import NightjarClient

/// Brings CSV files with a header into one tenant: good rows are written, bad ones reported with their lines.
struct FileImport {
  let importer: Importer
  let terminal: Terminal

  func customers(_ path: String) async throws -> ImportReport {
    try await run(path, of: Customer.self) { next, report in
      try await importer.upsert(IngestService.upsertCustomers, next, into: &report) { draft, rows in
        draft.tenant = importer.tenant.rawValue
        draft.list(\.n_customers, \.customers, of: rows) { $1.fill($0) }
      }
    }
  }

  func products(_ path: String) async throws -> ImportReport {
    try await run(path, of: Product.self) { next, report in
      try await importer.upsert(IngestService.upsertProducts, next, into: &report) { draft, rows in
        draft.tenant = importer.tenant.rawValue
        draft.list(\.n_products, \.products, of: rows) { $1.fill($0) }
      }
    }
  }

  func offers(_ path: String) async throws -> ImportReport {
    try await run(path, of: Offer.self) { next, report in
      try await importer.upsert(IngestService.upsertOffers, next, into: &report) { draft, rows in
        draft.tenant = importer.tenant.rawValue
        draft.list(\.n_offers, \.offers, of: rows) { $1.fill($0) }
      }
    }
  }

  func events(_ path: String) async throws -> ImportReport {
    try await run(path, of: Event.self) { next, report in try await importer.record(next, into: &report) }
  }

  /// Reads a file in batches for `write`, with a progress bar by bytes read.
  private func run<Row: CSVRow & Sendable>(
    _ path: String, of _: Row.Type,
    _ write: (_ next: () throws -> Importer.Batch<Row>?, _ report: inout ImportReport) async throws -> Void
  ) async throws -> ImportReport {
    let file = try FileChunks(path: path)
    var bar = ProgressBar(path, on: terminal)
    var broken = ImportReport(source: path)
    var report = ImportReport(source: path)
    do {
      let rows = try CSVRows<Row>(file)
      try await write(
        {
          bar.show(file.read, of: file.total)
          return try rows.nextBatch { broken.reject(line: $0, $1) }
        }, &report)
    } catch let error as CSVHeaderError {
      throw ConsoleError("\(path): \(error)")
    }
    bar.clear()
    report.merge(broken)
    return report
  }
}

/// The table of a file as a class, so that closures can read on in it.
private final class CSVRows<Row: CSVRow & Sendable> {
  private var table: CSVTable<Row>

  init(_ file: FileChunks) throws {
    table = try CSVTable(reader: CSVReader(chunks: file.next))
  }

  /// The next rows; nil at the end. Broken ones go to `reject` with their line.
  func nextBatch(_ reject: (Int, String) -> Void) throws -> Importer.Batch<Row>? {
    var batch = Importer.Batch<Row>()
    while batch.rows.count < Importer.batchRows, let (line, row) = try table.next() {
      switch row {
      case .success(let row): batch.add(row, line: line)
      case .failure(let error): reject(line, error.description)
      }
    }
    return batch.rows.isEmpty ? nil : batch
  }
}
