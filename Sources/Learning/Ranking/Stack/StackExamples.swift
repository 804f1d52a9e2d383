/// Candidates of users before a slice of time, and which of them the users took within it: what a second stage learns from.
struct StackExamples: Sendable {
  private var rows: [Float] = []
  private var labels: [Float] = []
  private var groups: [UInt32] = []

  /// Number of rows.
  var count: Int { labels.count }

  /// Adds a user's candidates that were taken, and as many that were not as are given, drawn at random.
  mutating func add(
    _ candidates: Generators.Candidates, columns: Int, relevant: Set<Int32>, negatives: Int,
    _ random: inout Xoshiro256
  ) {
    let taken = candidates.items.indices.filter { relevant.contains(candidates.items[$0]) }
    guard !taken.isEmpty else { return }
    let others = candidates.items.indices.filter { !relevant.contains(candidates.items[$0]) }
    let chosen = taken + random.shuffled(others).prefix(negatives).sorted()
    for index in chosen { rows += candidates.rows[index * columns..<(index + 1) * columns] }
    labels += taken.map { _ in 1 } + [Float](repeating: 0, count: chosen.count - taken.count)
    groups.append(UInt32(chosen.count))
  }

  /// Adds others.
  mutating func add(_ others: StackExamples) {
    rows += others.rows
    labels += others.labels
    groups += others.groups
  }

  /// The trees that they teach; nil where nobody took a candidate.
  func trees(
    columns: Int, _ settings: BoostedTrees.Settings, seed: UInt64
  ) throws(LearningError) -> BoostedTrees? {
    guard !labels.isEmpty else { return nil }
    return try BoostedTrees(
      rows: rows, columns: columns, labels: labels, groups: groups, settings: settings, seed: seed)
  }
}

extension [StackExamples] {
  /// All of them as one.
  func joined() -> StackExamples {
    reduce(into: StackExamples()) { $0.add($1) }
  }
}
