/// Why bytes are not a message that may be used.
public enum MessageError: Error, Equatable, CustomStringConvertible {
  /// The bytes break the protobuf wire format; `offset` is where, from the start of the message.
  case malformed(message: String, offset: Int, problem: String)
  /// A string field holds something other than UTF-8, or a NUL.
  case notText(message: String, field: String)
  /// Decoded, the message would take more memory than it may.
  case tooLarge(message: String, limit: Int)

  public var description: String {
    switch self {
    case .malformed(let message, let offset, let problem): "\(message): malformed at byte \(offset): \(problem)"
    case .notText(let message, let field): "\(message).\(field): not UTF-8 text without NUL"
    case .tooLarge(let message, let limit): "\(message): decoded, it exceeds the limit of \(limit) bytes"
    }
  }
}
