/// The rows of a validation slice: drawn once, or by several seeds where few customers are judged.
public struct ValidationRows: Sendable {
  /// The same customers and what they came to like, each with a draw of its own of what they did not. The first calibrates.
  public let draws: [JudgingRows]

  /// The draw that calibrations are fitted on.
  public var first: JudgingRows { draws[0] }
  /// Number of judged customers.
  var customers: Int { first.customers.count }
  /// Days of the slice, rounded, at least 1.
  var days: Int {
    max(1, Int((Double(first.window.through - first.window.after) / microsecondsPerDay).rounded()))
  }

  /// Draws the rows of a window.
  ///
  /// - Parameter ratings: those of the window that RMSE is to be of; nil = it is of probabilities.
  public init(
    of interactions: Interactions, window: Window, eligible: [Bool], ratings: JudgedRatings? = nil, seed: UInt64
  ) {
    func rows(_ seed: UInt64) -> JudgingRows {
      JudgingRows(of: interactions, window: window, eligible: eligible, ratings: ratings, seed: seed)
    }
    let first = rows(seed)
    let more = (1..<UInt64(SmallSample.seeds(customers: first.customers.count))).map { rows(seed &+ $0) }
    self.init(draws: [first] + more)
  }

  private init(draws: [JudgingRows]) { self.draws = draws }

  /// The rows of some customers alone.
  func only(_ chosen: [Bool]) -> ValidationRows { ValidationRows(draws: draws.map { $0.only(chosen) }) }
}
