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

    fileprivate func precedes(_ other: Row) -> Bool {
      if time != other.time { return time < other.time }
      if customer != other.customer { return customer < other.customer }
      if product != other.product { return product < other.product }
      if kind != other.kind { return kind.rawValue < other.kind.rawValue }
      if quantity != other.quantity { return quantity < other.quantity }
      if revenue != other.revenue { return revenue < other.revenue }
      return rating.bitPattern < other.rating.bitPattern
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
  public let quantity: [Int64]
  /// Minor units; 0 = nothing or not known.
  public let revenue: [Int64]
  /// On the tenant's own scale; NaN = none.
  public let rating: [Double]

  /// Number of rows.
  public var count: Int { time.count }

  /// Sorts the rows into columns. Complexity: O(n log n).
  ///
  /// Every index must lie below its count; that is the caller's to see to.
  public init(customers: Int, products: Int, rows: [Row]) {
    for row in rows {
      precondition(row.customer >= 0 && row.customer < customers, "a customer index lies outside the customers")
      precondition(row.product >= 0 && row.product < products, "a product index lies outside the products")
    }
    let sorted = rows.sorted { $0.precedes($1) }
    self.customers = customers
    self.products = products
    customer = sorted.map(\.customer)
    product = sorted.map(\.product)
    kind = sorted.map(\.kind)
    time = sorted.map(\.time)
    quantity = sorted.map(\.quantity)
    revenue = sorted.map(\.revenue)
    rating = sorted.map(\.rating)
  }

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
