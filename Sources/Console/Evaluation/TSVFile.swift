import Foundation

/// Reading of tab-separated files.
enum TSVFile {
  /// A longer line is taken for a file of another kind.
  static let maximumLineBytes = 1 << 20
  /// Rows are numbered in 32 bits.
  static let maximumLines = Int(Int32.max)
  /// Squares of larger numbers could not be added up.
  static let maximumMagnitude = 1e15

  /// All lines of a file without their ends; at least one. Throws an error if it is empty, not text, or a line too long.
  static func lines(_ path: String) throws(ConsoleError) -> [Substring] {
    guard let data = FileManager.default.contents(atPath: path) else { throw ConsoleError("\(path) cannot be read") }
    guard !data.isEmpty else { throw ConsoleError("\(path) is empty; a header is needed") }
    guard let text = String(data: data, encoding: .utf8) else {
      let line = data.split(separator: newline, omittingEmptySubsequences: false)
        .firstIndex { String(data: $0, encoding: .utf8) == nil }
      throw ConsoleError("\(path) line \((line ?? 0) + 1): not UTF-8 text; iconv converts it")
    }
    var lines: [Substring] = []
    for line in text.utf8.split(separator: newline, omittingEmptySubsequences: false) {
      guard line.count <= maximumLineBytes else {
        throw ConsoleError(
          "\(path) line \(lines.count + 1): \(line.count) bytes; \(maximumLineBytes) is the limit of a line")
      }
      lines.append(Substring(line.last == carriageReturn ? line.dropLast() : line))
    }
    return lines
  }

  /// The fields of a line, empty ones too.
  static func fields(_ line: Substring) -> [Substring] {
    line.utf8.split(separator: tab, omittingEmptySubsequences: false).map { Substring($0) }
  }

  /// A finite number. Throws an error that names file, line and field otherwise.
  static func number(
    _ text: Substring, _ path: String, _ line: Int, _ field: some StringProtocol
  ) throws(ConsoleError) -> Double {
    guard let number = Double(text), number.isFinite else {
      throw ConsoleError("\(path) line \(line): \(field) '\(text.prefix(shownCharacters))' is not a finite number")
    }
    guard abs(number) <= maximumMagnitude else {
      throw ConsoleError("\(path) line \(line): \(field) \(number) lies beyond ±\(maximumMagnitude)")
    }
    return number
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let tab = UInt8(ascii: "\t")
  private static let shownCharacters = 40
}
