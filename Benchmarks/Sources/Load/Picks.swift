/// Numbers that are each as likely as any other, the same ones in every run: xorshift64 (Marsaglia 2003).
struct Picks {
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// The next one of `0..<count`.
  @inline(__always)
  mutating func next(below count: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    // Lemire, "Fast random integer generation in an interval", 2019, without the rejection of what makes no difference here.
    return Int(truncatingIfNeeded: state.multipliedFullWidth(by: UInt64(count)).high)
  }
}
