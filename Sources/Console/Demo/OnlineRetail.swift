import Commerce
import Foundation
import RankedLists

/// UCI Online Retail as tenants: each country one, its orders in order of time. See data/online-retail/README.md.
struct OnlineRetail: Sendable {
  /// One line of an order, or of what came back.
  struct Line: Sendable {
    /// Made of the line's content and of how many equal lines stand before it: importing twice changes nothing.
    let id: String
    let time: Timestamp
    /// Index into the shop's customers.
    let customer: Int32
    /// Index into the shop's products.
    let product: Int32
    /// Below zero = cancelled or sent back.
    let quantity: Int64
    /// Pence for one.
    let unitPence: Int64
  }

  /// One country's trade.
  struct Shop: Sendable {
    let tenant: TenantID
    let country: String
    /// ISO 3166-1; empty where the country has none.
    let iso: String
    fileprivate(set) var customers: [String] = []
    fileprivate(set) var products: [String] = []
    fileprivate(set) var lines: [Line] = []
    fileprivate var customerIndex: [String: Int32] = [:]
    fileprivate var productIndex: [String: Int32] = [:]
  }

  /// In order of the tenants' ids.
  private(set) var shops: [Shop]
  /// Lines left out because what they book is no product.
  private(set) var serviceLines = 0

  private static let files = (lines: "transactions.csv.xz", tenants: "tenants.csv", services: "services.csv")
  private static let columns = ["timestamp", "customer", "product", "quantity", "unit_price", "country"]

  /// Reads the data in `folder`. Complexity: O(lines); a few seconds.
  init(folder: String) throws {
    let lines = try XZFile(path: "\(folder)/\(Self.files.lines)")
    try self.init(
      lines: CSVReader(chunks: lines.next), tenants: Self.table("\(folder)/\(Self.files.tenants)"),
      services: Self.table("\(folder)/\(Self.files.services)"))
  }

  /// Maps lines to tenants.
  ///
  /// - Parameters:
  ///   - tenants: rows of country, tenant, ISO code.
  ///   - services: rows whose first field is a product that is none.
  init(lines reader: consuming CSVReader, tenants: [[String]], services: [[String]]) throws {
    shops = try tenants.map { row in Shop(tenant: try TenantID(row[1]), country: row[0], iso: row[2]) }
    shops.sort { $0.tenant < $1.tenant }
    let shopOfCountry = Dictionary(uniqueKeysWithValues: shops.enumerated().map { ($1.country, $0) })
    let services = Set(services.map { $0[0] })
    var equals: [SHA256Digest: Int] = [:]
    guard let header = try reader.next(), try header.fields.get() == Self.columns else {
      throw ConsoleError("the orders do not begin with the columns \(Self.columns.joined(separator: ","))")
    }
    while let line = try reader.next() {
      let fields = try line.fields.get()
      guard fields.count == Self.columns.count, let shop = shopOfCountry[fields[5]] else {
        throw ConsoleError("orders line \(line.number): not six fields with a country of \(Self.files.tenants)")
      }
      guard !services.contains(fields[2]) else {
        serviceLines += 1
        continue
      }
      let content = SHA256Digest(of: Array(fields.joined(separator: "\u{1f}").utf8))
      let ordinal = equals[content, default: 0]
      equals[content] = ordinal + 1
      try shops[shop].add(fields, id: Self.id(of: content, ordinal: ordinal), line: line.number)
    }
  }

  /// Id of the line that has `ordinal` equal ones before it.
  private static func id(of content: SHA256Digest, ordinal: Int) -> String {
    "\(content.description.prefix(idDigits))-\(ordinal)"
  }

  /// Hex digits of the hash in an id: 128 bits.
  private static let idDigits = 32

  /// A small table without its header.
  private static func table(_ path: String) throws -> [[String]] {
    let file = try FileChunks(path: path)
    var reader = CSVReader(chunks: file.next)
    var rows: [[String]] = []
    while let line = try reader.next() { rows.append(try line.fields.get()) }
    return Array(rows.dropFirst())
  }
}

extension OnlineRetail.Shop {
  fileprivate mutating func add(_ fields: [String], id: String, line: Int) throws {
    let time = try Timestamp(iso8601: fields[0])
    let price = try Money(decimal: fields[4], currency: OnlineRetail.currency)
    guard let quantity = Int64(fields[3]), quantity != 0 else {
      throw ConsoleError("orders line \(line): quantity '\(fields[3])' is not a whole number other than 0")
    }
    lines.append(
      OnlineRetail.Line(
        id: id, time: time, customer: Self.index(of: fields[1], in: &customers, &customerIndex),
        product: Self.index(of: fields[2], in: &products, &productIndex), quantity: quantity,
        unitPence: price.minorUnits))
  }

  private static func index(of name: String, in names: inout [String], _ indexes: inout [String: Int32]) -> Int32 {
    if let index = indexes[name] { return index }
    let index = Int32(names.count)
    names.append(name)
    indexes[name] = index
    return index
  }

  /// The event that a line is.
  func event(of line: OnlineRetail.Line) throws(InvalidField) -> Event {
    var event = Event(
      id: try EventID(line.id), kind: line.quantity > 0 ? .purchase : .return,
      customer: try CustomerID(customers[Int(line.customer)]), occurredAt: line.time)
    event.product = try ProductID(products[Int(line.product)])
    event.quantity = abs(line.quantity)
    event.revenue = Money(minorUnits: line.unitPence * abs(line.quantity), currency: try OnlineRetail.currency)
    return event
  }

  /// Range of the lines after `start` and up to `end`. Complexity: O(log n).
  func lines(after start: Timestamp, through end: Timestamp) -> ArraySlice<OnlineRetail.Line> {
    func firstIndex(after moment: Timestamp) -> Int {
      var (low, high) = (0, lines.count)
      while low < high {
        let middle = (low + high) / 2
        if lines[middle].time <= moment { low = middle + 1 } else { high = middle }
      }
      return low
    }
    return lines[firstIndex(after: start)..<max(firstIndex(after: start), firstIndex(after: end))]
  }
}

extension OnlineRetail {
  /// All prices are in pounds.
  static var currency: Currency { get throws(InvalidField) { try Currency("GBP") } }
}
