/// One line of a ranked list: a candidate of the file's dictionary and how well it suits.
public struct RankedEntry: Equatable, Sendable {
  /// Index into the file's candidates.
  public let candidate: UInt32
  /// Finite; the higher the better, comparable within one list only.
  public let score: Float

  /// Pairs a candidate with its score.
  public init(candidate: UInt32, score: Float) {
    self.candidate = candidate
    self.score = score
  }
}
