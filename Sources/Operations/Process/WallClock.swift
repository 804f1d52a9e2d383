import Glibc

/// The time of day, which somebody may set.
enum WallClock {
  /// Seconds since 1970.
  static func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }

  /// ISO 8601 in UTC, of seconds since 1970.
  static func iso8601(_ seconds: Int64) -> String {
    JSONLine.iso8601(timespec(tv_sec: Int(seconds), tv_nsec: 0))
  }
}
