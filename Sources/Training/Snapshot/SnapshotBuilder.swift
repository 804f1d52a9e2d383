import Commerce
import Learning
import Messages

/// Puts a tenant together from the chunks of a snapshot stream, in whatever pieces the stream breaks.
struct SnapshotBuilder {
  private let asOf: Int64
  private var customers = IdentifierTable()
  private var products = IdentifierTable()
  /// Segment by customer number; customers seen only in events have none.
  private var segments: [Int32: String] = [:]
  /// Likewise the region.
  private var regions: [Int32: String] = [:]
  private var attributes = AttributeColumns()
  private var facts: [Int32: TenantData.ProductFacts] = [:]
  private var offers: [SnapshotOffer] = []
  private var rows = InteractionsBuilder()
  private var received = (customers: UInt64(0), products: UInt64(0), offers: UInt64(0), events: UInt64(0))

  /// Resume after this; nil = nothing has been received.
  private(set) var resume: View<Proto.ResumeToken>?
  /// The last chunk has been received, and the counts agree.
  private(set) var isComplete = false

  /// An empty tenant; rows after `asOf`, µs, are refused.
  init(asOf: Int64) { self.asOf = asOf }

  /// Takes the next chunk whole. Throws `snapshot` for one that breaks the contract.
  mutating func add(_ chunk: View<Proto.SnapshotChunk>) throws(TrainingError) {
    guard !isComplete else { throw .snapshot("a chunk follows the last one") }
    for customer in chunk.list(\.n_customers, \.customers) {
      let number = try Self.number(customer.id, in: &customers, "customers")
      segments[number] = customer.segment.isEmpty ? nil : customer.segment
      regions[number] = customer.region.isEmpty ? nil : customer.region
      try attributes.add(customer, number)
      received.customers += 1
    }
    for product in chunk.list(\.n_products, \.products) {
      let number = try Self.number(product.id, in: &products, "products")
      facts[number] = TenantData.ProductFacts(
        name: product.name, categories: product.strings(\.n_category_path, \.category_path),
        regions: product.strings(\.n_regions, \.regions),
        availability: TenantData.Availability(
          from: product.available_from_us == 0 ? .min : product.available_from_us,
          until: product.available_until_us == 0 ? .max : product.available_until_us))
      received.products += 1
    }
    for offer in chunk.list(\.n_offers, \.offers) {
      offers.append(try SnapshotOffer(offer))
      received.offers += 1
    }
    if let events = chunk.events { try add(events) }
    if let token = chunk.resume { resume = token }
    if let end = chunk.end { try finish(end) }
  }

  /// The tenant, once complete.
  consuming func build() throws(TrainingError) -> TenantData {
    guard isComplete else { throw .snapshot("the stream ended before its last chunk") }
    let (customerIDs, customerRank) = customers.sorted()
    let (productIDs, productRank) = products.sorted()
    // Alone in holding them, a builder turns its columns over one by one.
    var acts = InteractionsBuilder()
    swap(&acts, &rows)
    acts.renumber(customers: customerRank, products: productRank)
    var known = [TenantData.ProductFacts](repeating: .init(), count: productIDs.count)
    for (number, product) in facts { known[Int(productRank[Int(number)])] = product }
    return TenantData(
      customers: customerIDs, products: productIDs,
      segments: Self.groups(segments, customerRank, atMost: Limits.segments),
      regions: Self.groups(regions, customerRank, atMost: Limits.regions),
      segmentNames: Self.names(segments, customerRank), regionNames: Self.names(regions, customerRank),
      attributes: attributes.segments(rank: customerRank),
      facts: known,
      offers: SnapshotOffer.ordered(offers, by: { products.find($0).map { Int(productRank[$0]) } }),
      interactions: acts.build(customers: customerIDs.count, products: productIDs.count),
      events: received.events)
  }

  private static func number(
    _ id: String, in table: inout IdentifierTable, _ what: String
  ) throws(TrainingError) -> Int32 {
    guard !id.isEmpty else { throw .snapshot("one of the \(what) has no id") }
    guard let number = table.number(of: id) else {
      throw .snapshot("more than \(Limits.maximumIndexes) \(what); split the tenant")
    }
    return number
  }

  private mutating func add(_ events: View<Proto.EventColumns>) throws(TrainingError) {
    let columns = try EventChunk(events)
    var customerNumbers: [Int32] = []
    for id in columns.customerIDs { customerNumbers.append(try Self.number(id, in: &customers, "customers")) }
    var productNumbers: [Int32] = []
    for id in columns.productIDs { productNumbers.append(try Self.number(id, in: &products, "products")) }
    for row in 0..<columns.count {
      guard columns.time[row] <= asOf else {
        throw .snapshot("an event at \(columns.time[row]) µs lies after the snapshot's \(asOf) µs")
      }
      guard let kind = columns.kind[row], let product = columns.product[row] else { continue }
      rows.append(
        Interactions.Row(
          customer: customerNumbers[columns.customer[row]], product: productNumbers[product], kind: kind,
          time: columns.time[row], quantity: columns.quantity[row], revenue: columns.revenue[row],
          rating: columns.rating[row]))
    }
    received.events += UInt64(columns.count)
  }

  private mutating func finish(_ end: View<Proto.SnapshotEnd>) throws(TrainingError) {
    let promised = (end.customers, end.products, end.offers, end.events)
    guard received == promised else {
      throw .snapshot("customers, products, offers and events are \(received), \(promised) were promised")
    }
    isComplete = true
  }

  /// Each customer's group, as far as a lists file can name so many.
  private static func names(_ names: [Int32: String], _ rank: [Int32]) -> [String] {
    let named = groups(names, rank, atMost: Limits.groupNames)
    return named.ofCustomer.map { $0 < 0 ? "" : named.names[Int($0)] }
  }

  /// The largest groups, equal ones by name; customers of the others have none. Names that only look alike are one, spelt as
  /// the first customer's, lest it hang on the order of a dictionary how the files of two nights spell it.
  private static func groups(_ names: [Int32: String], _ rank: [Int32], atMost most: Int) -> CustomerSegments {
    let ordered = names.sorted { rank[Int($0.key)] < rank[Int($1.key)] }
    let sizes = Dictionary(ordered.map { ($0.value, 1) }, uniquingKeysWith: +)
    let kept = sizes.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }.prefix(most).map(\.key).sorted()
    let index = Dictionary(uniqueKeysWithValues: kept.enumerated().map { ($1, Int32($0)) })
    var ofCustomer = [Int32](repeating: -1, count: rank.count)
    for (number, name) in names { ofCustomer[Int(rank[Int(number)])] = index[name] ?? -1 }
    return CustomerSegments(names: kept, ofCustomer: ofCustomer)
  }
}
