/// Why one line of a file is no row. The lines after it are read all the same.
public enum CSVError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The line, or a quoted field from it on, exceeds `limit` bytes.
  case tooLong(limit: Int)
  /// A quote stands inside a field that does not begin with one; `column` counts from 1.
  case strayQuote(column: Int)
  /// Text follows a field's closing quote.
  case textAfterQuote(column: Int)
  /// A quoted field does not end.
  case openQuote(column: Int)
  /// A field is not UTF-8, or holds a NUL.
  case notText(column: Int)
  /// The line has another number of fields than the header.
  case columnCount(found: Int, header: Int)
  /// A field's value is not admitted.
  case invalid(InvalidField)

  public var description: String {
    switch self {
    case .tooLong(let limit): "the line exceeds \(limit) bytes"
    case .strayQuote(let column): "column \(column): a quote inside a field; quote the whole field and double the quote"
    case .textAfterQuote(let column): "column \(column): text after the closing quote; double a quote that is text"
    case .openQuote(let column): "column \(column): a quote is opened and not closed"
    case .notText(let column): "column \(column): not UTF-8 text without NUL"
    case .columnCount(let found, let header): "\(found) columns where the header has \(header)"
    case .invalid(let invalid): invalid.description
    }
  }
}
