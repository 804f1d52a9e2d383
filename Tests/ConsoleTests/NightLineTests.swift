import Messages
import Testing

@testable import Console

@Suite("the line of a night")
struct NightLineTests {
  private func night(done: UInt32, finished: Bool = false) throws -> View<Proto.Night> {
    try Encoded<Proto.Night> { night in
      night.id = 7
      night.finished_at_us = finished ? 1 : 0
      night.message(\.progress) { progress in
        progress.tenants = 4_000
        progress.done = done
        progress.running = finished ? 0 : 2
        progress.waiting = 4_000 - done - (finished ? 0 : 2)
        progress.tenants_per_minute = 212.4
        progress.remaining_us = finished ? 0 : 660_000_000
      }
    }.decode()
  }

  @Test("says done, running, failed, the rate and what is left")
  func text() throws {
    let progress = try Encoded<Proto.NightProgress> { progress in
      progress.tenants = 4_000
      progress.done = 1_720
      progress.failed = 3
      progress.missed = 1
      progress.quarantined = 2
      progress.unchanged = 40
      progress.waiting_for_memory = 1
      progress.tenants_per_minute = 212.4
      progress.remaining_us = 7_260_000_000
    }.decode()
    #expect(
      NightLine.text(progress) == """
        1,720 of 4,000 done, 0 running, 3 failed, 1 missed the deadline, 2 in quarantine, 40 unchanged, \
        1 waiting for a larger trainer; 212.4 a minute, 2 h 1 min left
        """)
  }

  @Test("is written over on a terminal")
  func terminal() throws {
    let recorder = Recorder()
    var line = NightLine(on: recorder.terminal(isWatched: true), json: false, isAsked: false)
    line.show(try night(done: 1_000))
    line.show(try night(done: 2_000))
    line.clear()
    let shown = recorder.remarks.split(separator: "\r")
    #expect(shown.count == 3)
    #expect(shown[1].contains("night 7  ███████████████░") && shown[1].contains("50%  2,000 of 4,000 done, 2 running"))
    #expect(recorder.results.isEmpty)
  }

  @Test(
    "is a line every ten seconds elsewhere, where it is asked for, and always the last one", arguments: [true, false])
  func lines(isAsked: Bool) throws {
    let recorder = Recorder()
    var line = NightLine(on: recorder.terminal(), json: false, isAsked: isAsked)
    let start = ContinuousClock.now
    line.show(try night(done: 1), at: start)
    line.show(try night(done: 2), at: start + .seconds(9))
    line.show(try night(done: 3), at: start + .seconds(10))
    line.show(try night(done: 3), at: start + .seconds(21))
    line.show(try night(done: 4, finished: true), at: start + .seconds(22))
    line.clear()
    let lines = recorder.remarks.split(separator: "\n").map { $0.prefix { $0 != "," } }
    #expect(lines == (isAsked ? ["night 7: 1 of 4", "night 7: 3 of 4", "night 7: 4 of 4"] : []))
  }

  @Test("is JSON where that is asked for")
  func json() throws {
    let recorder = Recorder()
    var line = NightLine(on: recorder.terminal(isWatched: true), json: true, isAsked: true)
    line.show(try night(done: 1))
    #expect(recorder.results.hasPrefix("{") && recorder.results.contains("\"progress\""))
  }
}
