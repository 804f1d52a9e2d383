import Glibc

/// Where commands write: results to standard output, progress and complaints to standard error.
public struct Terminal: Sendable {
  private let results: @Sendable (String) -> Void
  private let remarks: @Sendable (String) -> Void
  /// Somebody watches: progress bars make sense.
  let isWatched: Bool

  /// The process's own streams.
  public static let standard = Terminal(
    results: { write($0, to: STDOUT_FILENO) }, remarks: { write($0, to: STDERR_FILENO) },
    isWatched: isatty(STDERR_FILENO) == 1)

  /// A terminal that hands everything on.
  public init(
    results: @escaping @Sendable (String) -> Void, remarks: @escaping @Sendable (String) -> Void, isWatched: Bool
  ) {
    self.results = results
    self.remarks = remarks
    self.isWatched = isWatched
  }

  /// One line of results.
  func line(_ text: String = "") { results(text + "\n") }

  /// Lines of results.
  func lines(_ texts: some Sequence<String>) {
    for text in texts { line(text) }
  }

  /// A table of results, indented by `indent` spaces.
  func table(_ table: Table, indent: Int = 0) {
    for line in table.lines { self.line(String(repeating: " ", count: indent) + line) }
  }

  /// One line for whoever watches.
  func remark(_ text: String) { remarks(text + "\n") }

  /// Replaces the line that the cursor stands on; only where somebody watches.
  func rewrite(_ text: String) {
    if isWatched { remarks("\r\u{1b}[K" + text) }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }  // the reader is gone
      bytes = bytes.dropFirst(count)
    }
  }
}
