/// Why a file cannot be read at all: its first line does not name the columns that are needed.
public struct CSVHeaderError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Everything that is wrong with the header, and the columns that are known.
  public let description: String
}
