/// Why a command failed, in words for the person who gave it.
public struct ConsoleError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String

  /// What went wrong, where, and the remedy.
  public init(_ description: String) { self.description = description }
}
