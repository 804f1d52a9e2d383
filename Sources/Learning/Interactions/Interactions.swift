/// One tenant's acts as columns, in order of time: row r is what `customer[r]` did with `product[r]` at `time[r]`.
///
/// Rows at the same time stand in an order of their own content, so that the arrival order never shows in a model.
public struct Interactions: Sendable {
  /// One act.
  public struct Row: Hashable, Sendable {
    /// Index below `customers`.
    public var customer: Int32
    /// Index below `products`.
    public var product: Int32
    /// What was done.
    public var kind: InteractionKind
    /// µs since the epoch, business time.
    public var time: Int64
    /// Units; 0 = does not apply.
    public var quantity: Int64
    /// What was paid, minor units; 0 = nothing or not known.
    public var revenue: Int64
    /// On the tenant's own scale; NaN = none.
    public var rating: Double

    /// An act with its particulars.
    public init(
      customer: Int32, product: Int32, kind: InteractionKind, time: Int64, quantity: Int64 = 0, revenue: Int64 = 0,
      rating: Double = .nan
    ) {
      self.customer = customer
      self.product = product
      self.kind = kind
      self.time = time
      self.quantity = quantity
      self.revenue = revenue
      self.rating = rating
    }
  }

  /// Number of customers; indexes run below it, with or without rows.
  public let customers: Int
  /// Number of products; indexes run below it, with or without rows.
  public let products: Int
  /// Who acted: index below `customers`.
  public let customer: [Int32]
  /// On what: index below `products`.
  public let product: [Int32]
  /// What was done.
  public let kind: [InteractionKind]
  /// µs since the epoch, ascending.
  public let time: [Int64]
  /// Units; 0 = does not apply.
  public let quantity: OptionalColumn<Int64>
  /// Minor units; 0 = nothing or not known.
  public let revenue: OptionalColumn<Int64>
  /// On the tenant's own scale; NaN = none.
  public let rating: OptionalColumn<Double>

  /// Number of rows.
  public var count: Int { time.count }

  /// Sorts the rows into columns; `InteractionsBuilder` takes many without holding them twice. Complexity: O(n log n).
  ///
  /// Every index must lie below its count; that is the caller's to see to.
  public init(customers: Int, products: Int, rows: [Row]) {
    var builder = InteractionsBuilder()
    builder.reserveCapacity(rows.count)
    for row in rows { builder.append(row) }
    self = builder.build(customers: customers, products: products)
  }

  init(customers: Int, products: Int, columns: InteractionsBuilder.Columns) {
    self.customers = customers
    self.products = products
    customer = columns.customer
    product = columns.product
    kind = columns.kind
    time = columns.time
    quantity = columns.quantity
    revenue = columns.revenue
    rating = columns.rating
  }

  /// Whether any act has a rating.
  var hasRatings: Bool { rating.values != nil }

  /// Everything up to and including `cut`, µs: what a fit with that cut may see.
  public func history(through cut: Int64) -> History { History(of: self, through: cut) }

  /// Index of the first row after `moment`, µs. Complexity: O(log n).
  func firstRow(after moment: Int64) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if time[middle] <= moment { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
