import Glibc

/// How a reactor waits: asleep, or for a moment awake.
///
/// To put a virtual processor to sleep and wake it takes longer than a lookup. When one caller's requests follow each other
/// closely, the reactor looks for the next one a moment longer before it sleeps: adaptive polling, as Linux's KVM does
/// for idle guests. With many callers the next request is mostly there already, and polling would only break up batches; and a
/// thread that never sleeps is the first to lose its processor, to others here or to other guests of the host.
struct Patience {
  /// Waits in a row that were short before the reactor stays awake.
  static let streak = 16
  /// The longest wait that counts as short, and the longest time awake in vain, ns.
  static let longest: Int64 = 50_000

  /// For the same caller.
  private var shortWaits = 0
  private var caller: UInt = 0

  /// Waits for events with `poll`, which takes a time limit in milliseconds (0 = look, -1 = sleep) and returns how many there are.
  /// `source` tells whose the first of them is.
  mutating func wait(
    now: () -> Int64 = Self.clock, source: () -> UInt, for poll: (_ limit: Int32) -> Int32
  ) -> Int32 {
    let start = now()
    if shortWaits >= Self.streak {
      repeat {
        let count = poll(0)
        if count != 0 { return note(count, isShort: true, source) }
      } while now() - start < Self.longest
      shortWaits = 0
      return poll(-1)
    }
    let count = poll(-1)
    // Only what would count is timed: one event.
    return note(count, isShort: count == 1 && now() - start < Self.longest, source)
  }

  private mutating func note(_ count: Int32, isShort: Bool, _ source: () -> UInt) -> Int32 {
    guard count == 1, isShort else {
      shortWaits = 0
      return count
    }
    let source = source()
    shortWaits = source == caller ? min(shortWaits + 1, Self.streak) : 1
    caller = source
    return count
  }

  /// Monotonic time, ns.
  private static func clock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
