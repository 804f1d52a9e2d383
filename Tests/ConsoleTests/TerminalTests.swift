import Synchronization
import Testing

@testable import Console

/// A terminal that keeps what is written.
final class Recorder: Sendable {
  private let written = Mutex((results: "", remarks: ""))

  var results: String { written.withLock { $0.results } }
  var remarks: String { written.withLock { $0.remarks } }

  func terminal(isWatched: Bool = false) -> Terminal {
    Terminal(
      results: { [self] text in written.withLock { $0.results += text } },
      remarks: { [self] text in written.withLock { $0.remarks += text } }, isWatched: isWatched)
  }
}

@Suite("the terminal")
struct TerminalTests {
  @Test("a table aligns its columns and leaves no spaces at a line's end")
  func table() {
    var table = Table("NAME", ">COUNT", "WHY")
    table.add("uk", "361,878", "")
    table.add("saudi-arabia", "9", "few")
    #expect(
      table.lines == [
        "NAME            COUNT  WHY",
        "uk            361,878",
        "saudi-arabia        9  few",
      ])
  }

  @Test(
    "counts are grouped by thousands",
    arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")])
  func counts(number: Int, text: String) {
    #expect(Format.count(number) == text)
  }

  @Test("numbers that are none are a dash")
  func noNumber() {
    #expect(Format.decimals(.nan, 4) == "–")
    #expect(Format.percent(nil) == "–")
    #expect(Format.decimals(0.43216, 4) == "0.4322")
    #expect(Format.percent(0.105) == "10.5%")
    #expect(Format.date(1_317_340_800_000_000) == "2011-09-30")
    #expect(Format.date(1_317_340_800_000_001) == "2011-09-30T00:00:00.000001Z")
    #expect(Format.time(0) == "–")
  }

  @Test("a progress bar is silent where nobody watches")
  func unwatched() {
    let recorder = Recorder()
    var bar = ProgressBar("night", on: recorder.terminal())
    bar.show(1, of: 2)
    bar.clear()
    #expect(recorder.remarks.isEmpty)
    #expect(recorder.results.isEmpty)
  }

  @Test(
    "a progress bar goes from nothing to all, and over nothing is all",
    arguments: [(0, 4, 0), (1, 4, 25), (4, 4, 100), (9, 4, 100), (0, 0, 100)])
  func bar(done: Int, total: Int, percent: Int) {
    let text = ProgressBar.text("x", done, total)
    #expect(text.hasSuffix("\(percent)%"))
    #expect(text.count { $0 == "█" } == percent * 30 / 100)
  }

  @Test("a progress bar is drawn anew only when it moves")
  func redraw() {
    let recorder = Recorder()
    var bar = ProgressBar("x", on: recorder.terminal(isWatched: true))
    for done in 0...10_000 { bar.show(done, of: 10_000) }
    #expect(recorder.remarks.split(separator: "\r").count == 201)
  }
}
