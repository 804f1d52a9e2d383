import Commerce
import Foundation
import GRDB
import Messages
import RPC

/// A number that control gives with a lease: whoever comes with an older one is late.
struct Fence: Hashable, Sendable {
  let epoch: UInt64
  let number: UInt64

  init(epoch: UInt64, number: UInt64) {
    self.epoch = epoch
    self.number = number
  }

  init(_ view: View<Proto.Fence>?) throws(RPCError) {
    guard let view, view.number > 0 else {
      throw RPCError(
        .invalidArgument, "the lease's fence is missing", violations: [FieldViolation("fence", "is missing")])
    }
    self.init(epoch: view.epoch, number: view.number)
  }

  func fill(_ draft: Draft<Proto.Fence>) {
    draft.epoch = epoch
    draft.number = number
  }
}

/// One tenant's part of a night.
struct WorkRow: FetchableRecord {
  enum State: Int64 {
    case waiting = 1
    case leased, done, failed, quarantined, missed, unchanged
  }
  enum Kind: Int64 {
    case train = 1
    case rebake
  }

  /// Leases that a night gives for one tenant before it gives up.
  static let maximumAttempts: Int64 = 3
  /// The longest pause after a failure.
  static let longestPause: Duration = .seconds(3_600)

  let night: Int64
  let tenant: String
  var state: State
  var kind: Kind
  var attempts: Int64
  var trainer: String?
  var fence: Fence?
  /// The bake that was live when the lease was given: what is baked anew, and what the challenger is measured against.
  var champion: String?
  /// Pinned by the first lease, so that every attempt works on the same snapshot.
  var watermark: UInt64?
  var failure: String?
  /// Encoded `Evaluation`, once judged under the present fence.
  var evaluation: Data?
  /// Encoded `ReportEvaluationResponse` given under the present fence.
  var orders: Data?
  /// The ordered bake that is to go live.
  var liveBake: String?
  /// Encoded `CompleteWorkResponse` given under the present fence.
  var completion: Data?
  var activatedBake: String?
  /// Wall clock, from which on it is not worked on any more.
  let deadline: Timestamp
  /// Wall clock, before which it is not tried again.
  var readyAt: Timestamp
  /// Wall clock; nil = it is open.
  var closedAt: Timestamp?
  /// Nil = ingest has not told it yet.
  var rows: TenantRows?
  /// Bytes that the trainer that refused it would have needed; 0 = none did.
  var memory: Int64
  /// Digest of the data of the pinned snapshot; nil = it is not known that it names all of them.
  var content: String?

  init(row: Row) throws {
    night = row["night"]
    tenant = row["tenant"]
    guard let state = State(rawValue: row["state"]), let kind = Kind(rawValue: row["kind"]) else {
      throw ControlError.damaged(
        "the work of night \(night) for \(tenant) is in a state that this version does not know")
    }
    self.state = state
    self.kind = kind
    attempts = row["attempts"]
    trainer = row["trainer"]
    if let epoch = row["fence_epoch"] as Int64?, let number = row["fence_number"] as Int64? {
      fence = Fence(epoch: UInt64(epoch), number: UInt64(number))
    }
    champion = row["champion"]
    watermark = (row["watermark"] as Int64?).map { UInt64($0) }
    failure = row["failure"]
    evaluation = row["evaluation"]
    orders = row["orders"]
    liveBake = row["live_bake"]
    completion = row["completion"]
    activatedBake = row["activated_bake"]
    deadline = Timestamp(microseconds: row["deadline"])
    readyAt = Timestamp(microseconds: row["ready_at"])
    closedAt = (row["closed_at"] as Int64?).map { Timestamp(microseconds: $0) }
    rows = TenantRows(row)
    memory = row["memory"]
    content = row["content"]
  }

  static func get(night: Int64, tenant: String, _ db: Database) throws -> WorkRow? {
    try fetchOne(db, sql: "SELECT * FROM work WHERE night = ? AND tenant = ?", arguments: [night, tenant])
  }

  func save(_ db: Database) throws {
    try db.execute(
      sql: """
        UPDATE work SET state = ?, kind = ?, attempts = ?, trainer = ?, fence_epoch = ?, fence_number = ?,
        champion = ?, watermark = ?, failure = ?, evaluation = ?, orders = ?, live_bake = ?, completion = ?,
        activated_bake = ?, ready_at = ?, closed_at = ?, customers = ?, products = ?, events = ?, size = ?,
        memory = ?, content = ? WHERE night = ? AND tenant = ?
        """,
      arguments: [
        state.rawValue, kind.rawValue, attempts, trainer, fence.map { Int64($0.epoch) }, fence.map { Int64($0.number) },
        champion, watermark.map { Int64($0) }, failure, evaluation, orders, liveBake, completion, activatedBake,
        readyAt.microseconds, closedAt?.microseconds, rows?.customers, rows?.products, rows?.events, rows?.total,
        memory, content, night, tenant,
      ])
  }

  /// Gives the work to a trainer under a new fence; whatever an earlier lease reported is void.
  mutating func lease(to trainer: String, fence: Fence, kind: Kind, champion: String?, _ figures: TenantFigures) {
    state = .leased
    self.kind = kind
    attempts += 1
    self.trainer = trainer
    self.fence = fence
    self.champion = champion
    watermark = figures.sequence
    rows = figures.rows
    content = figures.content
    evaluation = nil
    orders = nil
    liveBake = nil
    completion = nil
  }

  /// An attempt failed: the work waits for its next one, twice as long each time, or has failed for this night.
  mutating func fail(because reason: String, at now: Timestamp, firstPause: Duration) {
    failure = reason
    guard attempts < Self.maximumAttempts else { return close(.failed, at: now) }
    state = .waiting
    readyAt = now + min(firstPause * (1 << max(0, attempts - 1)), Self.longestPause)
  }

  /// The lease came to nothing without the tenant's fault: another trainer may have the work, at once or after a pause.
  mutating func handBack(because reason: String?, readyAt: Timestamp) {
    failure = reason
    state = .waiting
    attempts -= 1
    self.readyAt = readyAt
  }

  /// Nothing more happens to it this night.
  mutating func close(_ state: State, at now: Timestamp) {
    self.state = state
    closedAt = now
  }

  func fill(_ draft: Draft<Proto.NightWork>) {
    draft.tenant = tenant
    draft.state = Proto.WorkState(rawValue: UInt32(state.rawValue))
    draft.attempts = UInt32(attempts)
    draft.trainer = trainer ?? ""
    draft.failure = failure ?? ""
    draft.activated_bake = activatedBake ?? ""
    draft.deadline_us = deadline.microseconds
    draft.rows = UInt64(rows?.total ?? 0)
    draft.needed_memory_bytes = UInt64(memory)
    draft.not_before_us = state == .waiting ? readyAt.microseconds : 0
    if let bytes = self.evaluation,
      let evaluation = try? Encoded<Proto.Evaluation>(unchecked: Array(bytes)).decode()
    {
      draft.message(\.evaluation, sharing: evaluation)
    }
  }
}
