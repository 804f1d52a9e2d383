/// The rows that all candidates of a night are asked about, and their true answers.
///
/// For each customer with a purchase before the window who bought something for the first time within it: those first
/// purchases (value 1), and as many eligible products never bought (value 0), half of them drawn by popularity before
/// the window and half uniformly. The same seed draws the same rows.
public struct JudgingRows: Sendable {
  /// One customer's rows.
  public struct Judged: Sendable {
    /// Index of the customer.
    public let customer: Int
    /// Products bought for the first time within the window, ascending.
    public let bought: [Int32]
    /// Products drawn as not bought, ascending.
    public let unbought: [Int32]
  }

  /// The time that the rows come from.
  public let window: Window
  /// Judged customers, by index.
  public let customers: [Judged]
  /// What had been bought when the window began.
  public let boughtBefore: PairSets
  /// Which products may be listed, by index.
  public let eligible: [Bool]

  /// Number of rows.
  public var count: Int { customers.reduce(0) { $0 + $1.bought.count + $1.unbought.count } }

  /// Builds the rows. Complexity: O(n log n + rows).
  public init(of interactions: Interactions, window: Window, eligible: [Bool], seed: UInt64) {
    precondition(eligible.count == interactions.products, "eligibility must be known for each product")
    let boughtBefore = interactions.history(through: window.after).purchases()
    let boughtAfter = interactions.history(through: window.through).purchases()
    var draw = NegativeDraw(eligible: eligible, boughtBefore: boughtBefore, seed: seed)
    var judged: [Judged] = []
    for customer in 0..<interactions.customers where !boughtBefore[customer].isEmpty {
      let bought = boughtAfter[customer].filter { !boughtBefore.contains($0, in: customer) }
      guard !bought.isEmpty else { continue }
      let unbought = draw.products(bought.count) { boughtAfter.contains($0, in: customer) }
      judged.append(Judged(customer: customer, bought: bought, unbought: unbought))
    }
    self.window = window
    self.boughtBefore = boughtBefore
    self.eligible = eligible
    customers = judged
  }
}
