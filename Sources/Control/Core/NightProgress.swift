import Commerce
import GRDB
import Messages

/// How far a night is.
struct NightProgress {
  private typealias State = WorkRow.State

  /// The pace shown is that of so long.
  private static let window: Duration = .seconds(300)
  /// What a tenant takes besides its rows, in rows.
  private static let rowsATenant = 5_000

  private var counts: [WorkRow.State: Int64] = [:]
  private var tooLarge: Int64 = 0
  private var pausing: Int64 = 0
  private var deadline: Int64 = 0
  private var tenantsPerMinute = 0.0
  private var remaining: Duration = .zero

  /// Complexity: O(work of the night), from one index.
  init(_ night: NightRow, at now: Timestamp, _ db: Database) throws {
    let since = max(night.startedAt, night.finishedAt == nil ? now - Self.window : night.startedAt)
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT state, count(*) AS tenants, sum(ifnull(size, 0) + ?) AS rows, count(closed_at >= ? OR NULL) AS lately,
          count(memory > 0 OR NULL) AS too_large, count(ready_at > ? OR NULL) AS pausing, min(deadline) AS deadline
        FROM work WHERE night = ? GROUP BY state
        """, arguments: [Self.rowsATenant, since.microseconds, now.microseconds, night.id])
    var (left, done, lately) = (0.0, 0.0, Int64(0))
    for row in rows {
      guard let state = State(rawValue: row["state"]) else { continue }
      counts[state] = row["tenants"]
      switch state {
      case .waiting, .leased:
        left += row["rows"]
        deadline = deadline == 0 ? row["deadline"] : min(deadline, row["deadline"])
        guard state == .waiting else { continue }
        tooLarge = row["too_large"]
        pausing = row["pausing"]
      case .done, .failed:
        done += row["rows"]
        lately += row["lately"]
      case .quarantined, .missed, .unchanged: continue
      }
    }
    let end = night.finishedAt ?? now
    tenantsPerMinute = Self.pace(Double(lately), over: end - since) * 60
    let rowsPerSecond = Self.pace(done, over: end - night.startedAt)
    if rowsPerSecond > 0 { remaining = .seconds(min(left / rowsPerSecond, 1e9)) }
  }

  /// So many a second.
  private static func pace(_ count: Double, over time: Duration) -> Double {
    time > .zero ? count / (time / .seconds(1)) : 0
  }

  func fill(_ draft: Draft<Proto.NightProgress>) {
    func count(_ state: State) -> UInt32 { UInt32(clamping: counts[state] ?? 0) }
    draft.tenants = UInt32(clamping: counts.values.reduce(0, +))
    draft.waiting = count(.waiting)
    draft.running = count(.leased)
    draft.done = count(.done)
    draft.failed = count(.failed)
    draft.missed = count(.missed)
    draft.quarantined = count(.quarantined)
    draft.unchanged = count(.unchanged)
    draft.waiting_for_memory = UInt32(clamping: tooLarge)
    draft.waiting_for_retry = UInt32(clamping: pausing)
    draft.tenants_per_minute = tenantsPerMinute
    draft.remaining_us = Int64(remaining / .microseconds(1))
    draft.deadline_us = deadline == .max ? 0 : deadline
  }
}
