/// Why a text is not the JSON of a message.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  /// Path of the field, such as `customers[3].birth_year`; empty = the message itself.
  public let path: String
  /// Byte of the text at which the problem was met, from 0.
  public let offset: Int
  /// What is wrong, and what would be right.
  public let problem: String

  public var description: String { "\(path.isEmpty ? "" : "\(path): ")\(problem) (at byte \(offset))" }
}
