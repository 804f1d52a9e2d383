import Commerce
import Foundation
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  private static let candidatesALook = 64
  private static let longestWaitMilliseconds: UInt32 = 30_000
  /// Leases run out and ingest comes back without ringing.
  private static let longestSleep: Duration = .seconds(1)
  /// Wall clocks of control and ingest may differ by this much.
  private static let grantSlack: Duration = .seconds(60)

  /// Gives waiting work to a trainer, or nothing after `wait`.
  func leaseWork(_ request: View<Proto.LeaseWorkRequest>, for trainer: Caller) async throws
    -> Encoded<Proto.LeaseWorkResponse>
  {
    guard request.wait_ms <= Self.longestWaitMilliseconds else {
      throw Check.failure("wait_ms", "goes from 0 to \(Self.longestWaitMilliseconds), it is \(request.wait_ms)")
    }
    // Also where there is no other work: the answer to an earlier attempt may have been lost.
    if let given = try await read({ db in try Answers.find(trainer, db) }) { return Encoded(unchecked: given) }
    let deadline = clock.monotonic() + .milliseconds(Int64(request.wait_ms))
    while true {
      let seen = changes.count
      if let lease = try await leaseAny(to: trainer) { return lease }
      let left = clock.monotonic().duration(to: deadline)
      guard left > .zero, !changes.isClosed else { return Encoded { _ in } }
      await changes.wait(past: seen, atMost: min(left, Self.longestSleep))
      try Task.checkCancellation()
    }
  }

  private func leaseAny(to trainer: Caller) async throws -> Encoded<Proto.LeaseWorkResponse>? {
    let waiting = try await read { db in
      try WorkRow.fetchAll(
        db, sql: "SELECT * FROM work WHERE state = ? ORDER BY night, attempts, tenant LIMIT ?",
        arguments: [WorkRow.State.waiting.rawValue, Self.candidatesALook])
    }
    // Those for whom ingest had no answer last time come last, lest one of them keep all others waiting.
    let unanswered = unanswered.withLock { $0 }
    for item in waiting.filter({ !unanswered.contains($0.tenant) })
      + waiting.filter({ unanswered.contains($0.tenant) })
    {
      do {
        let watermark = try await watermark(of: item)
        _ = self.unanswered.withLock { $0.remove(item.tenant) }
        if let lease = try await lease(item, at: watermark, to: trainer) { return lease }
      } catch let error as RPCError {
        logger.warning("no lease", metadata: ["tenant": "\(item.tenant)", "error": "\(error)"])
        // Ingest is away: asking it for every other tenant would only take its time.
        if error.code == .unavailable || error.code == .deadlineExceeded {
          self.unanswered.withLock { _ = $0.insert(item.tenant) }
          break
        }
        if error.code == .dataLoss { try await giveUpUnread(item, because: error.message) }
      }
      try Task.checkCancellation()
    }
    return nil
  }

  /// Ingest cannot read the tenant, and will not be able to before somebody mends it: the night must end without it.
  private func giveUpUnread(_ item: WorkRow, because reason: String) async throws {
    let now = clock.wall()
    try await write { db in
      guard var present = try WorkRow.get(night: item.night, tenant: item.tenant, db), present.state == .waiting,
        present.attempts == item.attempts
      else { return }
      present.attempts += 1
      try Self.giveUp(present, .workFailed, by: "control", because: "ingest: \(reason)", at: now, db)
    }
  }

  /// The end of the snapshot: pinned by an earlier lease of the night, or what ingest has now.
  private func watermark(of item: WorkRow) async throws -> UInt64 {
    if let pinned = item.watermark { return pinned }
    let sequence = try await watermark(item.tenant)
    guard Int64(exactly: sequence) != nil else { throw RPCError(.internal, "ingest tells the sequence \(sequence)") }
    return sequence
  }

  private func lease(_ item: WorkRow, at watermark: UInt64, to trainer: Caller) async throws -> Encoded<
    Proto.LeaseWorkResponse
  >? {
    let now = clock.wall()
    let answer: (Fence?, Encoded<Proto.LeaseWorkResponse>)? = try await write { db in
      if let given = try Answers.find(trainer, db) { return (nil, Encoded(unchecked: given)) }
      guard let leased = try self.takeLease(item, for: trainer.peer, watermark: watermark, at: now, db),
        let fence = leased.item.fence
      else { return nil }
      let response = try self.response(leased, fence, to: trainer.peer)
      try Answers.keep(response.bytes, to: trainer, at: now, db)
      return (fence, response)
    }
    if let fence = answer?.0 { leases.withLock { $0[fence] = clock.monotonic() + leaseTime } }
    return answer?.1
  }

  private func response(_ leased: Leased, _ fence: Fence, to trainer: PeerIdentity) throws -> Encoded<
    Proto.LeaseWorkResponse
  > {
    let item = leased.item
    let grant = try grant(item, asOf: leased.asOf, to: trainer)
    return Encoded { response in
      response.message(\.lease) { lease in
        lease.tenant = item.tenant
        lease.night = UInt64(item.night)
        lease.kind = Proto.WorkKind(rawValue: UInt32(item.kind.rawValue))
        lease.as_of_us = leased.asOf.microseconds
        lease.watermark = item.watermark ?? 0
        lease.ttl_ms = ttlMilliseconds
        lease.message(\.fence) { fence.fill($0) }
        lease.message(\.grant) { grant($0) }
        lease.horizon_days = UInt32(leased.tenant.horizonDays)
        lease.seed = Self.seed(night: item.night, tenant: item.tenant)
        lease.repurchase = leased.tenant.repurchase.proto
        if let champion = leased.champion { lease.message(\.champion) { champion.fill($0) } }
      }
    }
  }

  private struct Leased: Sendable {
    let item: WorkRow
    let tenant: TenantRow
    let champion: VersionRow?
    let asOf: Timestamp
  }

  private func takeLease(
    _ waiting: WorkRow, for trainer: PeerIdentity, watermark: UInt64, at now: Timestamp, _ db: Database
  ) throws -> Leased? {
    guard var item = try WorkRow.get(night: waiting.night, tenant: waiting.tenant, db), item.state == .waiting else {
      return nil
    }
    let tenant = try TenantRow.get(item.tenant, db)
    let champion = try tenant.live(db)
    guard tenant.mode != .off, !tenant.keepsModel || champion != nil else {
      item.state = .failed
      item.failure = tenant.mode == .off ? "the tenant was turned off" : "the tenant is frozen and nothing is live"
      try item.save(db)
      try Journal.append(
        .workFailed, tenant: item.tenant, by: "control", at: now, reason: item.failure ?? "",
        detail: ["night": "\(item.night)"], db)
      try Self.finish(item.night, at: now, db)
      return nil
    }
    let fence = Fence(epoch: database.epoch, number: UInt64(try Meta.fence.next(db)))
    item.lease(
      to: trainer.description, fence: fence, kind: tenant.keepsModel ? .rebake : .train, champion: champion?.bake,
      watermark: watermark)
    try item.save(db)
    try Journal.append(
      .workLeased, tenant: item.tenant, by: trainer.description, at: now, reason: "",
      detail: [
        "night": "\(item.night)", "fence": "\(fence.epoch).\(fence.number)", "watermark": "\(watermark)",
        "attempt": "\(item.attempts)", "kind": "\(item.kind)",
      ], db)
    let asOf: Int64 = try Int64.fetchOne(db, sql: "SELECT as_of FROM nights WHERE id = ?", arguments: [item.night]) ?? 0
    return Leased(item: item, tenant: tenant, champion: champion, asOf: Timestamp(microseconds: asOf))
  }

  private var ttlMilliseconds: UInt32 { UInt32(clamping: Int64(leaseTime / .milliseconds(1))) }

  /// The same for every attempt of a tenant's night (FNV-1a 64).
  private static func seed(night: Int64, tenant: String) -> UInt64 {
    "\(tenant)/\(night)".utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  private func grant(_ item: WorkRow, asOf: Timestamp, to trainer: PeerIdentity) throws
    -> @Sendable (Draft<Proto.SignedGrant>) -> Void
  {
    let expires = clock.wall() + leaseTime + Self.grantSlack
    let bytes = Encoded<Proto.Grant> { grant in
      grant.tenant = item.tenant
      grant.as_of_us = asOf.microseconds
      grant.watermark = item.watermark ?? 0
      grant.trainer = trainer.description
      grant.expires_at_us = expires.microseconds
    }.bytes
    let signature = try sign(bytes)
    return { draft in
      draft.grant = bytes
      draft.signature = signature.signature
      draft.certificate = signature.certificate
    }
  }

  /// The work that a trainer holds under a fence. Throws FAILED_PRECONDITION for one that is no longer the present one.
  static func held(_ tenant: String, _ fence: Fence, by trainer: PeerIdentity, _ db: Database) throws -> WorkRow {
    let item = try WorkRow.fetchOne(
      db, sql: "SELECT * FROM work WHERE tenant = ? AND fence_epoch = ? AND fence_number = ?",
      arguments: [tenant, Int64(clamping: fence.epoch), Int64(clamping: fence.number)])
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

  func renewLease(_ request: View<Proto.RenewLeaseRequest>, for trainer: PeerIdentity) async throws
    -> Encoded<Proto.RenewLeaseResponse>
  {
    let tenant = try Check.tenant("tenant", request.tenant)
    let fence = try Fence(request.fence)
    let (item, asOf) = try await read { db in
      let item = try Self.held(tenant, fence, by: trainer, db)
      guard item.state == .leased else {
        throw RPCError(.failedPrecondition, "the work of tenant \(tenant) is complete; there is no lease to renew")
      }
      return (item, try Int64.fetchOne(db, sql: "SELECT as_of FROM nights WHERE id = ?", arguments: [item.night]) ?? 0)
    }
    leases.withLock { $0[fence] = clock.monotonic() + leaseTime }
    let grant = try grant(item, asOf: Timestamp(microseconds: asOf), to: trainer)
    return Encoded { response in
      response.ttl_ms = ttlMilliseconds
      response.message(\.grant) { grant($0) }
    }
  }

  func failWork(_ request: View<Proto.FailWorkRequest>, for trainer: Caller) async throws
    -> Encoded<Proto.FailWorkResponse>
  {
    let tenant = try Check.tenant("tenant", request.tenant)
    let fence = try Fence(request.fence)
    let reason = try Check.text("reason", request.reason, bytes: 1...1_024)
    let now = clock.wall()
    let answer = try await change(by: trainer, at: now) { db in
      let item = try Self.held(tenant, fence, by: trainer.peer, db)
      guard item.state == .leased else {
        throw RPCError(.failedPrecondition, "the work of tenant \(tenant) is complete")
      }
      try Self.giveUp(item, .workFailed, by: trainer.peer.description, because: reason, at: now, db)
      return Encoded<Proto.FailWorkResponse> { _ in }
    }
    leases.withLock { _ = $0.removeValue(forKey: fence) }
    return answer
  }

  private static func giveUp(
    _ item: WorkRow, _ kind: Journal.Kind, by actor: String, because reason: String, at now: Timestamp, _ db: Database
  ) throws {
    var item = item
    item.giveUp(because: reason)
    try item.save(db)
    try Journal.append(
      kind, tenant: item.tenant, by: actor, at: now, reason: reason,
      detail: ["night": "\(item.night)", "attempt": "\(item.attempts)", "state": "\(item.state)"], db)
    try finish(item.night, at: now, db)
  }

  /// Takes back the leases that have run out. A lease given by a former process of control has its whole time again,
  /// under its own fence, so that a trainer that outlived control can complete its work.
  func expireLeases() async throws {
    let now = clock.monotonic()
    let leased = try await read { db in
      try WorkRow.fetchAll(db, sql: "SELECT * FROM work WHERE state = ?", arguments: [WorkRow.State.leased.rawValue])
    }
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
        try Self.giveUp(
          present, .workExpired, by: "control", because: "\(item.trainer ?? "a trainer") was silent past its lease",
          at: time, db)
      }
    }
  }
}
