import Glibc
import Synchronization

/// Bytes a second that copies from the store may take together, so that fetching leaves room on a shared line.
///
/// A token bucket that holds nothing over: each piece is paid for by waiting after it, whoever copies it.
public final class Bandwidth: Sendable {
  /// The longest sleep at once, so that `lift` is heeded soon.
  private static let longestSleep = Duration.milliseconds(50)

  private let bytesPerSecond: Double
  private let now: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) -> Void
  private let state: Mutex<(paidUntil: ContinuousClock.Instant?, isLifted: Bool)>

  /// Nil for 0: no limit.
  public convenience init?(bytesPerSecond: UInt64) {
    self.init(
      bytesPerSecond: bytesPerSecond, now: { .now },
      sleep: { duration in usleep(UInt32((duration / .microseconds(1)).rounded(.up))) })
  }

  init?(
    bytesPerSecond: UInt64, now: @escaping @Sendable () -> ContinuousClock.Instant,
    sleep: @escaping @Sendable (Duration) -> Void
  ) {
    guard bytesPerSecond > 0 else { return nil }
    self.bytesPerSecond = Double(bytesPerSecond)
    self.now = now
    self.sleep = sleep
    state = Mutex((nil, false))
  }

  /// Blocks the thread until the bytes just copied, and those before them, are within the limit.
  func pay(for bytes: Int) {
    let end = state.withLock { state in
      let end = max(state.paidUntil ?? now(), now()) + .seconds(Double(bytes) / bytesPerSecond)
      state.paidUntil = end
      return end
    }
    while !state.withLock({ $0.isLifted }) {
      let left = now().duration(to: end)
      guard left > .zero else { return }
      sleep(min(left, Self.longestSleep))
    }
  }

  /// Ends the limit, for whoever waits and for good: what is under way may end in haste.
  public func lift() { state.withLock { $0.isLifted = true } }
}
