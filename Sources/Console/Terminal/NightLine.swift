import Messages

/// How far a night is: one line that is written over on a terminal; else, where that is asked for, lines or JSON.
struct NightLine {
  /// Time between two lines where nobody watches.
  private static let pause = Duration.seconds(10)

  private let terminal: Terminal
  private let json: Bool
  private let isAsked: Bool
  private var shown: ContinuousClock.Instant?
  private var last = ""

  init(on terminal: Terminal, json: Bool, isAsked: Bool) {
    self.terminal = terminal
    self.json = json
    self.isAsked = isAsked
  }

  /// Shows how a night stands; a line of its own at most every ten seconds and only when something changed, but always when
  /// the night is over.
  mutating func show(_ night: View<Proto.Night>, at now: ContinuousClock.Instant = .now) {
    guard let progress = night.progress else { return }
    if !json, terminal.isWatched { return terminal.rewrite(Self.bar(night, progress)) }
    guard isAsked else { return }
    let isOver = night.finished_at_us > 0
    if let shown, !isOver, now < shown + Self.pause { return }
    let text = json ? night.json : "night \(night.id): \(Self.text(progress))"
    guard text != last else { return }
    (last, shown) = (text, now)
    if json { terminal.line(text) } else { terminal.remark(text) }
  }

  /// Takes the line away.
  func clear() { terminal.rewrite("") }

  private static func bar(_ night: View<Proto.Night>, _ progress: View<Proto.NightProgress>) -> String {
    let open = progress.waiting + progress.running
    let total = Int(progress.tenants)
    return ProgressBar.text("night \(night.id)", total - Int(open), total) + "  " + text(progress)
  }

  /// "1,720 of 4,000 done, 2 running, 3 failed; 212.4 a minute, 11 min left"
  static func text(_ progress: View<Proto.NightProgress>) -> String {
    let parts: [(UInt32, String)] = [
      (progress.running, "running"), (progress.failed, "failed"), (progress.missed, "missed the deadline"),
      (progress.quarantined, "in quarantine"), (progress.unchanged, "unchanged"),
      (progress.waiting_for_retry, "to be tried again"), (progress.waiting_for_memory, "waiting for a larger trainer"),
    ]
    let counts = parts.filter { $0.0 > 0 || $0.1 == "running" }.map { ", \(Format.count($0.0)) \($0.1)" }.joined()
    let pace =
      progress.tenants_per_minute > 0 ? "; \(Format.decimals(progress.tenants_per_minute, 1)) a minute" : ""
    let left = progress.remaining_us > 0 ? ", \(Format.span(.microseconds(progress.remaining_us))) left" : ""
    return "\(Format.count(progress.done)) of \(Format.count(progress.tenants)) done\(counts)\(pace)\(left)"
  }
}
