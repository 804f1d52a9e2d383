/// Rows of text under a header, aligned by column for a terminal.
public struct Table: Sendable {
  /// On which side a column's text stands.
  public enum Alignment: Sendable { case left, right }

  private let titles: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// An empty table; a title that begins with `>` makes its column flush right.
  public init(_ titles: String...) {
    alignments = titles.map { $0.hasPrefix(">") ? .right : .left }
    self.titles = titles.map { $0.hasPrefix(">") ? String($0.dropFirst()) : $0 }
  }

  /// Number of rows.
  public var count: Int { rows.count }

  /// Adds a row with a text for each column.
  public mutating func add(_ cells: String...) {
    precondition(cells.count == titles.count, "a row of \(cells.count) cells in a table of \(titles.count) columns")
    rows.append(cells)
  }

  /// The lines, the header first; two spaces between columns, none at a line's end.
  public var lines: [String] {
    let widths = titles.indices.map { column in ([titles] + rows).map { $0[column].count }.max() ?? 0 }
    return ([titles] + rows).map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += (column == 0 ? "" : "  ") + (alignments[column] == .right ? padding + cell : cell + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }
}
