import Commerce

/// The clocks that control reads, at its rim: the monotonic one for leases, the wall clock for the journal.
public struct ControlClock: Sendable {
  let monotonic: @Sendable () -> ContinuousClock.Instant
  let wall: @Sendable () -> Timestamp

  /// The machine's clocks.
  public static let system = ControlClock(monotonic: { .now }, wall: { .wallClock() })

  init(monotonic: @escaping @Sendable () -> ContinuousClock.Instant, wall: @escaping @Sendable () -> Timestamp) {
    self.monotonic = monotonic
    self.wall = wall
  }
}
