import Glibc

/// A time of the clock that `ContinuousClock` reads on Linux: monotonic, and going on while the machine sleeps.
///
/// It is a plain number, where a `ContinuousClock.Instant` is opaque to the compiler, which calls the runtime for each copy:
/// too dear for what every call of a server carries along.
public struct Moment: Comparable, Sendable {
  /// Since some time in the past, ns.
  let nanoseconds: Int64

  /// The present. The corresponding C function is `clock_gettime`.
  public static var now: Moment {
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    return Moment(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  /// Whether `a` comes before `b`.
  @inline(__always)
  public static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }

  /// So many nanoseconds later; at the end of time (in 292 years) where they are too many.
  @inline(__always)
  public func advanced(byNanoseconds nanoseconds: Int64) -> Moment {
    let (sum, overflow) = self.nanoseconds.addingReportingOverflow(nanoseconds)
    return Moment(nanoseconds: overflow ? (nanoseconds < 0 ? .min : .max) : sum)
  }

  /// From this one to another, ns.
  @inline(__always)
  public func nanoseconds(to other: Moment) -> Int64 { other.nanoseconds &- nanoseconds }

  /// From this one to another.
  public func duration(to other: Moment) -> Duration { .nanoseconds(nanoseconds(to: other)) }

  /// The same for `ContinuousClock`.
  public var instant: ContinuousClock.Instant { .now + Moment.now.duration(to: self) }
}

extension Duration {
  /// Whole nanoseconds; those of more than 292 years are as good as that.
  public var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : whole + attoseconds / 1_000_000_000
  }
}
