/// Frames that cost their sender next to nothing and that credit does not hold back: so many at once, and so many more
/// with each second.
struct Allowance {
  /// What a connection may send of them.
  enum Kind: Int, CaseIterable {
    case pings, cancels, others

    var burst: Int {
      switch self {
      case .pings: Limits.pingBurst
      case .cancels: Limits.cancelBurst
      case .others: Limits.freeFrameBurst
      }
    }

    var perSecond: Int {
      switch self {
      case .pings: Limits.pingsPerSecond
      case .cancels: Limits.cancelsPerSecond
      case .others: Limits.freeFramesPerSecond
      }
    }

    var name: String {
      switch self {
      case .pings: "pings"
      case .cancels: "cancelled calls"
      case .others: "frames that say nothing"
      }
    }
  }

  private var pings = Kind.pings.burst
  private var cancels = Kind.cancels.burst
  private var others = Kind.others.burst

  /// Takes one; false when none is left.
  mutating func take(_ kind: Kind) -> Bool {
    switch kind {
    case .pings: Self.take(&pings)
    case .cancels: Self.take(&cancels)
    case .others: Self.take(&others)
    }
  }

  /// A second has passed.
  mutating func refill() {
    pings = min(Kind.pings.burst, pings + Kind.pings.perSecond)
    cancels = min(Kind.cancels.burst, cancels + Kind.cancels.perSecond)
    others = min(Kind.others.burst, others + Kind.others.perSecond)
  }

  private static func take(_ left: inout Int) -> Bool {
    left -= 1
    return left >= 0
  }
}
