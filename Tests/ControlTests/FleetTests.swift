import Commerce
import Foundation
import GRDB
import Messages
import RPC
import Testing

@testable import Control

@Suite("The fleet")
struct FleetTests {
  private func desk(_ events: [String: Int64] = ["uk": 1]) async throws -> Desk {
    let desk = try Desk()
    for (tenant, events) in events.sorted(by: { $0.key < $1.key }) {
      try await desk.create(tenant)
      desk.ingest.set(tenant, events: events)
    }
    try await desk.runNight()
    return desk
  }

  func progress(_ desk: Desk) async throws -> View<Proto.NightProgress> {
    let request = try Desk.request(Proto.GetNightRequest.self) { $0.progress_only = true }
    let night = try await desk.core.getNight(request).decode()
    #expect(night.list(\.n_work, \.work).isEmpty)
    return try #require(night.progress)
  }

  private func releaseQuarantine(_ desk: Desk, _ tenant: String, reason: String = "") async throws -> View<Proto.Tenant>
  {
    let request = try Desk.request(Proto.ReleaseQuarantineRequest.self) { draft in
      draft.tenant = tenant
      draft.reason = reason
    }
    return try await desk.core.releaseQuarantine(request, by: Desk.caller(Desk.admin)).decode()
  }

  // MARK: Order

  @Test("the largest tenant goes first, by what ingest tells before anybody has worked on it")
  func largestFirst() async throws {
    let desk = try await desk(["at": 10, "be": 1_000, "ch": 100, "de": 100])
    var leased: [String] = []
    while let lease = try await desk.lease() { leased.append(lease.tenant) }
    #expect(leased == ["be", "ch", "de", "at"])
    #expect(try await desk.work("be").rows == 1_000)
  }

  @Test("the next night knows the sizes of the last, and a lease tells the trainer what the tenant has now")
  func knownSizes() async throws {
    let desk = try await desk(["at": 10, "be": 1_000])
    while let lease = try await desk.lease() { try await desk.complete(lease, desk.report(lease)) }
    desk.ingest.set("at", events: 20)
    let night = try await desk.runNight()
    #expect(night.list(\.n_work, \.work).map(\.rows) == [10, 1_000])
    #expect(try await desk.lease()?.events == 1_000)
    #expect(try await desk.lease()?.events == 20)
  }

  @Test("tenants whose deadline is the next go before larger ones")
  func deadlineFirst() async throws {
    let desk = try Desk()
    for tenant in ["at", "be"] { try await desk.create(tenant) }
    desk.ingest.set("at", events: 10)
    desk.ingest.set("be", events: 1_000)
    try await desk.runNight(["at"], deadline: desk.time.wall + .seconds(3_600))
    try await desk.runNight(["be"], deadline: desk.time.wall + .seconds(7_200))
    #expect(try await desk.lease()?.tenant == "at")
  }

  // MARK: Failures

  @Test("failed work waits, twice as long the second time, while other work is done")
  func backoff() async throws {
    let desk = try await desk(["at": 10, "be": 1])
    let first = try #require(try await desk.lease())
    try await desk.fail(first)
    #expect(first.tenant == "at")
    #expect(try await desk.lease()?.tenant == "be")
    #expect(try await progress(desk).waiting_for_retry == 1)
    for pause in [Desk.leaseTime, Desk.leaseTime * 2] {
      desk.time.advance(pause - .milliseconds(1))
      #expect(try await desk.lease() == nil)
      #expect(try await desk.work("at").not_before_us > desk.time.wall.microseconds)
      desk.time.advance(.milliseconds(1))
      let again = try #require(try await desk.lease())
      #expect(again.tenant == "at")
      try await desk.fail(again)
    }
    #expect(try await desk.work("at").state == .failed)
  }

  @Test("a clock that is set back makes nobody wait longer than the longest pause")
  func clockSetBack() async throws {
    let desk = try await desk()
    try await desk.fail(#require(try await desk.lease()))
    desk.time.advance(.zero - WorkRow.longestPause * 2)
    #expect(try await desk.lease() != nil)
  }

  @Test("the third failure in a row puts a tenant in quarantine, whether in one night or over several")
  func quarantine() async throws {
    let desk = try await desk()
    for reason in ["one", "two"] {
      try await desk.fail(#require(try await desk.lease()), because: reason)
      desk.passPause()
    }
    #expect(try await desk.tenant("uk").failures == 2)
    #expect(try await desk.tenant("uk").quarantine == nil)
    desk.time.advance(.seconds(86_400))
    try await desk.core.closeMissed()
    let night = try await desk.runNight()
    try await desk.fail(#require(try await desk.lease()), because: "three")
    #expect(try await desk.work("uk").state == .failed)
    #expect(try await desk.work("uk").attempts == 1)
    let quarantine = try #require(try await desk.tenant("uk").quarantine)
    #expect(quarantine.reason == "three" && quarantine.night == night.id)
    #expect(quarantine.since_us == desk.time.wall.microseconds)
    #expect(try await desk.kinds("uk").suffix(2) == ["work.failed", "tenant.quarantined"])
  }

  @Test(
    "a tenant in quarantine keeps its lists, is left out by the next nights and reported, until a person releases it")
  func release() async throws {
    let desk = try Desk()
    // The one in quarantine is the first that a night looks at.
    try await desk.create("uk")
    try await desk.create("us")
    let live = try await desk.wholeNight("uk")
    try await desk.runNight(["uk"])
    for _ in 0..<3 {
      try await desk.fail(#require(try await desk.lease()), because: "no memory")
      desk.passPause()
    }
    let night = try await desk.runNight()
    #expect(night.finished_at_us == 0)
    let left = try await desk.work("uk")
    #expect(left.state == .quarantined && left.failure.contains("no memory"))
    #expect(try await progress(desk).quarantined == 1)
    #expect(try await desk.lease()?.tenant == "us")
    #expect(try await desk.lease(by: "node-2") == nil)
    #expect(try await desk.tenant("uk").live?.bake == live)
    #expect(desk.metrics.exposition().contains(#"nightjar_control_work_total{end="quarantined"} 1"#))

    #expect(try await releaseQuarantine(desk, "uk", reason: "mended").quarantine == nil)
    let entry = try #require(try await desk.journal("uk").list(\.n_entries, \.entries).first)
    #expect(entry.kind == "quarantine.released" && entry.reason == "mended" && entry.actor == "admin/cli")
    #expect(entry.detail.contains("no memory"))
    _ = try await releaseQuarantine(desk, "uk")
    #expect(try await desk.kinds("uk").count { $0 == "quarantine.released" } == 1)
    try await desk.runNight(["uk"])
    #expect(try await desk.lease(by: "node-2")?.tenant == "uk")
    await expectRefusal(.notFound) { _ = try await releaseQuarantine(desk, "be") }
  }

  @Test("completed work ends the row of failures")
  func success() async throws {
    let desk = try await desk()
    for _ in 0..<2 {
      try await desk.fail(#require(try await desk.lease()))
      desk.passPause()
    }
    let lease = try #require(try await desk.lease())
    try await desk.complete(lease, desk.report(lease))
    #expect(try await desk.tenant("uk").failures == 0)
  }

  @Test("what fails around the trainer is tried again after a pause, however often, and counts for nothing")
  func surroundings() async throws {
    let desk = try await desk()
    for _ in 0..<5 {
      try await desk.fail(#require(try await desk.lease()), .surroundings, because: "the disk is full")
      #expect(try await desk.lease() == nil)
      desk.time.advance(Desk.leaseTime)
    }
    let work = try await desk.work("uk")
    #expect(work.state == .waiting && work.attempts == 0 && work.failure == "the disk is full")
    #expect(try await desk.tenant("uk").failures == 0)
    #expect(try await desk.lease() != nil)
  }

  @Test("work that a stopping trainer gives back goes to the next at once, and is no failure")
  func givenBack() async throws {
    let desk = try await desk()
    for _ in 0..<5 {
      let lease = try #require(try await desk.lease())
      try await desk.report(lease)
      try await desk.fail(lease, .givenBack, because: "the trainer stops")
      await expectRefusal(.failedPrecondition) { try await desk.renew(lease) }
    }
    let lease = try #require(try await desk.lease(by: "node-2"))
    try await desk.complete(lease, desk.report(lease, by: "node-2"), by: "node-2")
    let work = try await desk.work("uk")
    #expect(work.state == .done && work.attempts == 1 && work.failure.isEmpty)
    #expect(try await desk.tenant("uk").failures == 0)
    #expect(try await desk.kinds("uk").contains("work.given_back"))
  }

  // MARK: Memory

  @Test("work that is too large for a trainer waits for one with more memory, and shows what it needs")
  func memory() async throws {
    let desk = try await desk(["at": 10, "be": 1])
    let large = try #require(try await desk.lease(memory: 4 << 30))
    #expect(large.tenant == "at")
    await expectRefusal(.invalidArgument, "needed_memory_bytes") { try await desk.fail(large, .tooLarge) }
    try await desk.fail(large, .tooLarge, because: "takes 12.3 GiB, more than 4.0 GiB", memory: 12 << 30)
    let work = try await desk.work("at")
    #expect(work.state == .waiting && work.needed_memory_bytes == 12 << 30 && work.failure.contains("12.3 GiB"))
    #expect(try await desk.lease(memory: 4 << 30)?.tenant == "be")
    #expect(try await desk.lease(memory: 4 << 30) == nil)
    #expect(try await progress(desk).waiting_for_memory == 1)
    #expect(try await desk.tenant("at").failures == 0)
    let again = try #require(try await desk.lease(by: "node-2", memory: 16 << 30))
    try await desk.complete(again, desk.report(again, by: "node-2"), by: "node-2")
    #expect(try await desk.work("at").state == .done)
  }

  // MARK: Deadline

  @Test("what is not done at the deadline keeps yesterday's lists, is refused afterwards and reported")
  func deadline() async throws {
    let desk = try Desk()
    for tenant in ["at", "be", "ch"] { try await desk.create(tenant) }
    let live = try await desk.wholeNight("at")
    let night = try await desk.runNight(deadline: desk.time.wall + .seconds(60))
    let done = try #require(try await desk.lease())
    try await desk.complete(done, desk.report(done))
    let late = try #require(try await desk.lease())
    let orders = try await desk.report(late)
    desk.time.advance(.seconds(59))
    try await desk.core.closeMissed()
    #expect(try await desk.night().finished_at_us == 0)
    desk.time.advance(.seconds(1))
    #expect(try await desk.lease(by: "node-2") == nil)
    try await desk.core.closeMissed()

    await expectRefusal(.failedPrecondition, "at its deadline") { try await desk.renew(late) }
    await expectRefusal(.failedPrecondition) { try await desk.complete(late, orders) }
    await expectRefusal(.failedPrecondition) { try await desk.fail(late) }
    #expect(try await desk.night(night.id).finished_at_us == desk.time.wall.microseconds)
    #expect(try await desk.work("be").state == .missed)
    #expect(try await desk.work("be").failure == "not done at the deadline; trainer/node-1 was at work on it")
    #expect(try await desk.work("ch").failure == "not done at the deadline")
    let progress = try await progress(desk)
    #expect(progress.missed == 2 && progress.done == 1 && progress.deadline_us == 0)
    #expect(try await desk.tenant("at").live?.bake != live)
    #expect(try await desk.tenant("be").live == nil)
    #expect(try await desk.tenant("be").failures == 0)
    #expect(try await desk.kinds("be").last == "work.missed")
    #expect(desk.metrics.exposition().contains(#"nightjar_control_work_total{end="missed"} 2"#))
    try await desk.runNight()
  }

  @Test("a night as of now ends at the next 06:00 where the tenant is, summer or winter")
  func tenantTime() throws {
    func deadline(_ start: String, _ zone: String) throws -> String {
      let start = try Timestamp(iso8601: start)
      var deadlines = NightDeadlines(startedAt: start, asOf: start.startOfDay)
      return deadlines.deadline(in: zone).iso8601
    }
    #expect(try deadline("2026-01-15T00:30:00Z", "UTC") == "2026-01-15T06:00:00Z")
    #expect(try deadline("2026-01-15T06:00:00Z", "UTC") == "2026-01-16T06:00:00Z")
    #expect(try deadline("2026-01-15T00:30:00Z", "Europe/Berlin") == "2026-01-15T05:00:00Z")
    #expect(try deadline("2026-07-15T00:30:00Z", "Europe/Berlin") == "2026-07-15T04:00:00Z")
    #expect(try deadline("2026-01-15T00:30:00Z", "America/New_York") == "2026-01-15T11:00:00Z")
    #expect(try deadline("2026-03-29T00:30:00Z", "Europe/Berlin") == "2026-03-29T04:00:00Z")
    #expect(try deadline("2026-01-15T00:30:00Z", "Atlantis/Lost") == "2026-01-15T06:00:00Z")
  }

  @Test("a night that is replayed has the time that it would have had")
  func replay() throws {
    let start = try Timestamp(iso8601: "2026-01-15T05:59:59Z")
    var deadlines = NightDeadlines(startedAt: start, asOf: try Timestamp(iso8601: "2011-09-30"))
    #expect(deadlines.deadline(in: "UTC") == start + .seconds(6 * 3_600))
    #expect(deadlines.deadline(in: "America/New_York") == start + .seconds(10 * 3_600))
  }

  @Test("each tenant's work has the deadline of its own time zone")
  func timeZones() async throws {
    let desk = try Desk()
    try await desk.create("at")
    try await desk.create("be")
    func setTimeZone(_ zone: String) async throws -> View<Proto.Tenant> {
      let request = try Desk.request(Proto.SetTimeZoneRequest.self) { draft in
        draft.tenant = "be"
        draft.time_zone = zone
      }
      return try await desk.core.setTimeZone(request, by: Desk.caller(Desk.admin)).decode()
    }
    #expect(try await setTimeZone("America/New_York").time_zone == "America/New_York")
    #expect(try await desk.kinds("be") == ["tenant.created", "time_zone.set"])
    await expectRefusal(.invalidArgument, "IANA") { _ = try await setTimeZone("Somewhere") }
    await expectRefusal(.invalidArgument, "time_zone") { _ = try await setTimeZone("") }
    try await desk.runNight(asOf: desk.time.wall.startOfDay)
    let hours = Double(try await desk.work("be").deadline_us - desk.work("at").deadline_us) / 3.6e9
    #expect(abs(hours) == 4 || abs(hours) == 20)
    await expectRefusal(.invalidArgument, "deadline_us") { try await desk.runNight(deadline: desk.time.wall) }
    await expectRefusal(.invalidArgument, "deadline_us") {
      try await desk.runNight(deadline: desk.time.wall + .seconds(8 * 86_400))
    }
  }

  // MARK: Progress

  @Test("progress tells counts, pace and what is left")
  func pace() async throws {
    let desk = try await desk(["at": 95_000, "be": 45_000, "ch": 45_000])
    #expect(try await progress(desk).remaining_us == 0)
    let lease = try #require(try await desk.lease())
    desk.time.advance(.seconds(60))
    try await desk.complete(lease, desk.report(lease))
    _ = try await desk.lease()
    let progress = try await progress(desk)
    #expect(progress.tenants == 3 && progress.done == 1 && progress.running == 1 && progress.waiting == 1)
    #expect(progress.tenants_per_minute == 1)
    #expect(progress.remaining_us == 60_000_000)
    let deadline = try await desk.work("be").deadline_us
    #expect(progress.deadline_us == deadline)
  }

  @Test("the work of a night is read by pages")
  func pages() async throws {
    let desk = try await desk(["at": 1, "be": 1, "ch": 1])
    var token = ""
    var seen: [[String]] = []
    repeat {
      let request = try Desk.request(Proto.GetNightRequest.self) { draft in
        draft.page_size = 2
        draft.page_token = token
      }
      let page = try await desk.core.getNight(request).decode()
      seen.append(page.list(\.n_work, \.work).map(\.tenant))
      token = page.next_page_token
    } while !token.isEmpty
    #expect(seen == [["at", "be"], ["ch"]])
  }
}
