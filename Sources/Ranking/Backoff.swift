/// How long to wait after failures in a row: doubling, bounded, and spread so that many waiters do not come at once.
struct Backoff: Sendable {
  let first: Duration
  let longest: Duration

  /// Between half and all of first × 2^(failures − 1), and never more than `longest`; zero without failures.
  func delay(afterFailures failures: Int) -> Duration {
    guard failures > 0 else { return .zero }
    let doubled = first * (1 << min(failures - 1, 20))
    return min(doubled, longest) * Double.random(in: 0.5...1)
  }
}
