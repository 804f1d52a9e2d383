import Glibc

/// Seconds between laps, and the most memory that the process has held.
struct Stopwatch {
  private var last = ContinuousClock.now

  /// Seconds since the lap before, or since the start.
  mutating func lap() -> Double {
    let now = ContinuousClock.now
    defer { last = now }
    return (now - last) / .seconds(1)
  }

  /// Peak resident memory, bytes.
  static func peakMemoryBytes() -> Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}
