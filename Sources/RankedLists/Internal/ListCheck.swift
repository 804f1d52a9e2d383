/// The rules of one ranked list, held by writer and reader alike.
///
/// Complexity: O(entries) a list, one word of memory per candidate.
struct ListCheck {
  private var seenIn: [UInt32] = []
  private var list: UInt32 = 0

  /// What is wrong with the list, or nil: entries in range, finite, best first, no candidate twice.
  mutating func problem(in entries: some Collection<RankedEntry>, candidates: Int) -> String? {
    guard entries.count <= Format.maximumListEntries else {
      return "\(entries.count) entries, the most is \(Format.maximumListEntries)"
    }
    begin(candidates: candidates)
    var previous = Float.infinity
    for (position, entry) in entries.enumerated() {
      guard entry.candidate < UInt32(candidates) else {
        return "entry \(position) names candidate \(entry.candidate) of \(candidates)"
      }
      guard entry.score.isFinite else { return "entry \(position) has the score \(entry.score)" }
      guard entry.score <= previous else { return "entry \(position) scores above the one before it" }
      guard seenIn[Int(entry.candidate)] != list else {
        return "candidate \(entry.candidate) stands twice, the second time at entry \(position)"
      }
      seenIn[Int(entry.candidate)] = list
      previous = entry.score
    }
    return nil
  }

  private mutating func begin(candidates: Int) {
    if seenIn.count < candidates {
      seenIn.append(contentsOf: repeatElement(0, count: candidates - seenIn.count))
    }
    if list == .max {
      seenIn = [UInt32](repeating: 0, count: seenIn.count)
      list = 0
    }
    list += 1
  }
}
