import Commerce
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  private static let reasonBytes = 1...1_024

  /// The work that a trainer holds under a fence. Throws FAILED_PRECONDITION for one that is no longer the present one.
  static func held(_ tenant: String, _ fence: Fence, by trainer: PeerIdentity, _ db: Database) throws -> WorkRow {
    let item = try WorkRow.fetchOne(
      db, sql: "SELECT * FROM work WHERE tenant = ? AND fence_epoch = ? AND fence_number = ?",
      arguments: [tenant, Int64(clamping: fence.epoch), Int64(clamping: fence.number)])
    if let item, item.state == .missed {
      throw RPCError(
        .failedPrecondition,
        "night \(item.night) ended for tenant \(tenant) at its deadline, \(item.deadline.iso8601); drop the work")
    }
    guard let item, item.state == .leased || item.state == .done else {
      throw RPCError(
        .failedPrecondition,
        "fence \(fence.epoch).\(fence.number) of tenant \(tenant) is not the present one: the lease ran out; drop the work"
      )
    }
    guard item.trainer == trainer.description else {
      throw RPCError(.permissionDenied, "the lease is held by \(item.trainer ?? "nobody"), not by \(trainer)")
    }
    return item
  }

  func failWork(_ request: View<Proto.FailWorkRequest>, for trainer: Caller) async throws
    -> Encoded<Proto.FailWorkResponse>
  {
    let tenant = try Check.tenant("tenant", request.tenant)
    let fence = try Fence(request.fence)
    let reason = try Check.text("reason", request.reason, bytes: Self.reasonBytes)
    let kind = request.kind
    let memory = try Check.counter("needed_memory_bytes", request.needed_memory_bytes)
    guard kind != .tooLarge || memory > 0 else {
      throw Check.failure("needed_memory_bytes", "is missing: work that is too large names what it would have needed")
    }
    let now = clock.wall()
    let answer = try await change(by: trainer, at: now) { db in
      let item = try Self.held(tenant, fence, by: trainer.peer, db)
      guard item.state == .leased else {
        throw RPCError(.failedPrecondition, "the work of tenant \(tenant) is complete")
      }
      let actor = trainer.peer.description
      switch kind {
      case .givenBack:
        try Self.handBack(
          item, .workGivenBack, by: actor, because: reason, showing: item.failure, from: now, at: now, db)
      case .tooLarge:
        try Self.handBack(
          item, .workRefused, by: actor, because: reason, showing: reason, from: now, needing: memory, at: now, db)
      case .surroundings:
        try Self.handBack(
          item, .workFailed, by: actor, because: reason, showing: reason, from: now + self.leaseTime, at: now, db)
      default: try self.fail(item, .workFailed, by: actor, because: reason, at: now, db)
      }
      return Encoded<Proto.FailWorkResponse> { _ in }
    }
    leases.withLock { _ = $0.removeValue(forKey: fence) }
    return answer
  }

  /// A lease ended without the tenant's fault: nothing is counted, and another trainer may have the work.
  ///
  /// - Parameters:
  ///   - shown: why the work waits, for people; nil = for its turn.
  ///   - ready: when it may be had.
  ///   - memory: what the trainer would have needed, if that was why.
  private static func handBack(
    _ item: WorkRow, _ kind: Journal.Kind, by actor: String, because reason: String, showing shown: String?,
    from ready: Timestamp, needing memory: Int64? = nil, at now: Timestamp, _ db: Database
  ) throws {
    var item = item
    item.memory = memory ?? item.memory
    item.handBack(because: shown, readyAt: ready)
    try item.save(db)
    var detail = ["night": "\(item.night)"]
    detail["needed_memory_bytes"] = memory.map { "\($0)" }
    try Journal.append(kind, tenant: item.tenant, by: actor, at: now, reason: reason, detail: detail, db)
  }

  /// An attempt failed: it waits for the next one, or the night goes on without the tenant. The third failure in a row puts
  /// it in quarantine, be they of one night or of several.
  func fail(
    _ item: WorkRow, _ kind: Journal.Kind, by actor: String, because reason: String, at now: Timestamp, _ db: Database
  ) throws {
    var item = item
    item.fail(because: reason, at: now, firstPause: leaseTime)
    var track = try TrackRow.find(item.tenant, db)
    let isNewInQuarantine = track.fail(because: reason, night: item.night, at: now)
    try track.save(db)
    if track.quarantinedAt != nil { item.close(.failed, at: now) }
    try item.save(db)
    try Journal.append(
      kind, tenant: item.tenant, by: actor, at: now, reason: reason,
      detail: ["night": "\(item.night)", "attempt": "\(item.attempts)", "state": "\(item.state)"], db)
    if isNewInQuarantine {
      try Journal.append(
        .tenantQuarantined, tenant: item.tenant, by: "control", at: now, reason: reason,
        detail: ["night": "\(item.night)", "failures": "\(TrackRow.maximumFailures)"], db)
    }
    try ended(item, at: now, db)
  }

  /// Counts work that nothing more happens to this night, and ends the night with its last one.
  func ended(_ item: WorkRow, at now: Timestamp, _ db: Database) throws {
    guard item.closedAt != nil else { return }
    count(item, db)
    try Self.finish(item.night, at: now, db)
  }

  /// Counts the end of work, once it is on disk.
  func count(_ item: WorkRow, _ db: Database) {
    db.afterNextTransaction(onCommit: { [ends] _ in ends.count(item.state) })
  }

  /// Takes back the leases that have run out. A lease given by a former process of control has its whole time again,
  /// under its own fence, so that a trainer that outlived control can complete its work.
  func expireLeases() async throws {
    let now = clock.monotonic()
    let leased = try await read { db in try WorkRow.leased(db) }
    let late = leases.withLock { leases in
      let present = Set(leased.compactMap(\.fence))
      leases = leases.filter { present.contains($0.key) }
      return leased.filter { item in
        guard let fence = item.fence else { return true }
        let end = leases[fence] ?? now + leaseTime
        leases[fence] = end
        return end <= now
      }
    }
    guard !late.isEmpty else { return }
    let time = clock.wall()
    try await write { db in
      for item in late {
        guard let present = try WorkRow.get(night: item.night, tenant: item.tenant, db), present.state == .leased,
          present.fence == item.fence
        else { continue }
        try self.fail(
          present, .workExpired, by: "control", because: "\(item.trainer ?? "a trainer") was silent past its lease",
          at: time, db)
      }
    }
  }

  /// Closes the work that is not done at its deadline: yesterday's lists stay, and what its trainers still report is
  /// refused.
  func closeMissed() async throws {
    let now = clock.wall()
    guard let next = try await read({ db in try WorkRow.nextDeadline(db) }), next <= now else { return }
    try await write { db in
      for var item in try WorkRow.open(atDeadline: now, db) {
        let before = item.state == .leased ? "\(item.trainer ?? "a trainer") was at work on it" : item.failure
        let reason = "not done at the deadline" + (before.map { "; \($0)" } ?? "")
        item.failure = reason
        item.close(.missed, at: now)
        try item.save(db)
        try Journal.append(
          .workMissed, tenant: item.tenant, by: "control", at: now, reason: reason,
          detail: [
            "night": "\(item.night)", "deadline": item.deadline.iso8601, "attempts": "\(item.attempts)",
          ], db)
        try self.ended(item, at: now, db)
      }
    }
  }
}
