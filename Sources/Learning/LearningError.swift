/// Why a step of learning was refused.
public enum LearningError: Error, Hashable, CustomStringConvertible {
  /// A scorer was asked about rows from before its own cut.
  case hasSeenJudgingRows(scorerCut: Int64, windowStart: Int64)
  /// A fit's arrays do not belong together.
  case malformedFit(String)
  /// A model would need more memory than it is given.
  case tooLarge(String)
  /// An option has no meaning for a model, or a value outside its range.
  case unusableOption(String)
  /// The task that asked for a fit was cancelled.
  case cancelled

  /// What is wrong, and the remedy.
  public var description: String {
    switch self {
    case .hasSeenJudgingRows(let cut, let start):
      "the scorer has seen data up to \(cut) µs and must not be judged on rows after \(start) µs; "
        + "judge a fit that was cut before the window"
    case .malformedFit(let reason): "the fit cannot be used: \(reason)"
    case .tooLarge(let reason), .unusableOption(let reason): reason
    case .cancelled: "the fit was cancelled"
    }
  }
}
