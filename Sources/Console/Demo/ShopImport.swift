import Commerce
import Messages
import NightjarClient
import RPC

/// Brings a shop's trade into its tenant, a stretch of time at a time.
struct ShopImport {
  private let shop: OnlineRetail.Shop
  private let importer: Importer
  private var prices = PriceList()
  private var writtenPrices: [Int32: Int64?] = [:]
  private var knownCustomers = Set<Int32>()
  /// Business time up to which everything is there.
  private(set) var through = Timestamp.epoch

  init(_ shop: OnlineRetail.Shop, into ingest: ServiceClient) {
    self.shop = shop
    importer = Importer(tenant: shop.tenant, ingest: ingest)
  }

  /// Writes new customers, products that are new or have another price, and the orders after the last call's `end` up to
  /// this one's. Fails when ingest rejects anything: all of it is meant to be good.
  mutating func write(through end: Timestamp) async throws -> Int {
    let lines = shop.lines(after: through, through: end)
    through = end
    guard !lines.isEmpty else { return 0 }
    for line in lines { prices.note(product: line.product, unitPence: line.unitPence) }
    try await writeCustomers(of: lines)
    try await writeProducts(of: lines)
    var report = ImportReport(source: "\(shop.country)'s orders")
    var rest = lines
    try await importer.record(
      {
        var batch = Importer.Batch<Event>()
        for line in rest.prefix(Importer.batchRows) { batch.add(try shop.event(of: line), line: batch.rows.count) }
        rest = rest.dropFirst(Importer.batchRows)
        return batch.rows.isEmpty ? nil : batch
      }, into: &report)
    try Self.requireAll(report)
    return lines.count
  }

  private mutating func writeCustomers(of lines: ArraySlice<OnlineRetail.Line>) async throws {
    var batch = Importer.Batch<Customer>()
    for line in lines where knownCustomers.insert(line.customer).inserted {
      var customer = Customer(id: try CustomerID(shop.customers[Int(line.customer)]))
      customer.country = shop.iso
      customer.firstSeen = line.time
      batch.add(customer, line: batch.rows.count)
    }
    try await upsert(batch, IngestService.upsertCustomers, "customers") { draft, rows in
      draft.tenant = shop.tenant.rawValue
      draft.list(\.n_customers, \.customers, of: rows) { $1.fill($0) }
    }
  }

  private mutating func writeProducts(of lines: ArraySlice<OnlineRetail.Line>) async throws {
    var batch = Importer.Batch<Product>()
    for index in Set(lines.map(\.product)).sorted() {
      let price = prices.price(of: index)
      if let written = writtenPrices[index], written == price { continue }
      writtenPrices[index] = .some(price)
      var product = Product(id: try ProductID(shop.products[Int(index)]))
      product.price = try price.map { pence in Money(minorUnits: pence, currency: try OnlineRetail.currency) }
      batch.add(product, line: batch.rows.count)
    }
    try await upsert(batch, IngestService.upsertProducts, "products") { draft, rows in
      draft.tenant = shop.tenant.rawValue
      draft.list(\.n_products, \.products, of: rows) { $1.fill($0) }
    }
  }

  private func upsert<Row, Q>(
    _ batch: Importer.Batch<Row>, _ method: Method<Q, Proto.WriteResponse>, _ what: String,
    _ fill: (Draft<Q>, [Row]) -> Void
  ) async throws {
    var report = ImportReport(source: "\(shop.country)'s \(what)")
    var start = 0
    try await importer.upsert(
      method,
      {
        let range = start..<min(start + Importer.batchRows, batch.rows.count)
        start = range.upperBound
        return range.isEmpty
          ? nil : Importer.Batch(rows: Array(batch.rows[range]), lines: Array(batch.lines[range]))
      }, into: &report, fill)
    try Self.requireAll(report)
  }

  private static func requireAll(_ report: ImportReport) throws {
    guard let problem = report.problems.first else { return }
    throw ConsoleError("\(report.source): ingest rejected \(report.rejected) rows, the first one: \(problem.reason)")
  }
}
