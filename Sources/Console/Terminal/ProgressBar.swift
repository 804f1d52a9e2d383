/// How far a piece of work is, on one line that is written over; silent where nobody watches.
struct ProgressBar {
  private let title: String
  private let terminal: Terminal
  private var shown = -1

  private static let width = 30
  /// The bar moves at most this often, in parts of the whole.
  private static let steps = 200

  init(_ title: String, on terminal: Terminal) {
    self.title = title
    self.terminal = terminal
  }

  /// Shows `done` of `total`; a total of zero is a whole one.
  mutating func show(_ done: Int, of total: Int, _ detail: String = "") {
    let step = total == 0 ? Self.steps : min(done, total) * Self.steps / total
    guard step != shown, terminal.isWatched else { return }
    shown = step
    terminal.rewrite(Self.text(title, done, total) + (detail.isEmpty ? "" : "  " + detail))
  }

  /// Takes the bar away.
  func clear() { terminal.rewrite("") }

  static func text(_ title: String, _ done: Int, _ total: Int) -> String {
    let part = total == 0 ? 1 : Double(min(done, total)) / Double(total)
    let filled = Int(part * Double(width))
    let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
    let percent = String(Int(part * 100))
    return "\(title)  \(bar) \(String(repeating: " ", count: 3 - percent.count))\(percent)%"
  }
}
