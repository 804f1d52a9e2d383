/// The bought section: what customers have bought, by where their blobs begin; see "Bought" in FORMAT.md.
struct BoughtTable: BitwiseCopyable {
  static let headBytes = 16

  let customers: Int
  private let blobs: FileBytes
  private let starts: FileBytes
  private let candidates: FileBytes

  /// Nil unless the section has the length that its counts say.
  init?(_ section: FileBytes) {
    guard section.count >= Self.headBytes + Format.offsetBytes else { return nil }
    let (customers, candidates) = (section.load(0, as: UInt64.self), section.load(8, as: UInt64.self))
    // Neither can be more than there are bytes: the sums below do not overflow.
    guard customers <= UInt64(section.count), candidates <= UInt64(section.count) else { return nil }
    let startsOffset = Self.headBytes + Int(customers) * Format.offsetBytes
    let itemsOffset = startsOffset + (Int(customers) + 1) * Format.offsetBytes
    guard itemsOffset + Int(candidates) * Format.boughtBytes == section.count else { return nil }
    self.customers = Int(customers)
    blobs = section.slice(Self.headBytes, startsOffset - Self.headBytes)
    starts = section.slice(startsOffset, itemsOffset - startsOffset)
    self.candidates = section.slice(itemsOffset, section.count - itemsOffset)
  }

  /// Where the blob of a customer begins, by number.
  func blob(_ number: Int) -> UInt64 { blobs.load(number * Format.offsetBytes, as: UInt64.self) }

  private func start(_ number: Int) -> UInt64 { starts.load(number * Format.offsetBytes, as: UInt64.self) }

  private func candidate(_ position: Int) -> UInt32 {
    candidates.load(position * Format.boughtBytes, as: UInt32.self)
  }

  /// Whether every list of candidates is where it should be, ascends, and names candidates that there are. Complexity: O(n).
  func isRight(candidates count: Int) -> Bool {
    guard start(0) == 0, start(customers) == UInt64(candidates.count / Format.boughtBytes) else { return false }
    for number in 0..<customers {
      guard number == 0 || blob(number - 1) < blob(number), start(number) < start(number + 1),
        start(number + 1) <= start(customers)
      else { return false }
      for position in Int(start(number))..<Int(start(number + 1)) {
        guard candidate(position) < UInt32(count) else { return false }
        guard position == Int(start(number)) || candidate(position - 1) < candidate(position) else { return false }
      }
    }
    return true
  }

  /// Hands out what the customer whose blob begins at `offset` has bought.
  func forEach(blob offset: Int, _ body: (UInt32) -> Void) {
    var (low, high) = (0, customers)
    while low < high {
      let middle = (low + high) / 2
      if blob(middle) < UInt64(offset) { low = middle + 1 } else { high = middle }
    }
    guard low < customers, blob(low) == UInt64(offset) else { return }
    for position in Int(start(low))..<Int(start(low + 1)) { body(candidate(position)) }
  }
}
