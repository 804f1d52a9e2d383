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
    // Of an older trainer nothing is known: it takes what it gets.
    let memory = request.memory_bytes == 0 ? Int64.max : Int64(clamping: request.memory_bytes)
    // Also where there is no other work: the answer to an earlier attempt may have been lost.
    if let given = try await read({ db in try Answers.find(trainer, db) }) { return Encoded(unchecked: given) }
    let deadline = clock.monotonic() + .milliseconds(Int64(request.wait_ms))
    while true {
      let seen = changes.count
      if let lease = try await leaseAny(to: trainer, memory: memory) { return lease }
      let left = clock.monotonic().duration(to: deadline)
      guard left > .zero, !changes.isClosed else { return Encoded { _ in } }
      await changes.wait(past: seen, atMost: min(left, Self.longestSleep))
      try Task.checkCancellation()
    }
  }

  /// The largest tenant goes first, of those whose deadline is the next: a night is over soonest when no large one is left
  /// for its end.
  private func leaseAny(to trainer: Caller, memory: Int64) async throws -> Encoded<Proto.LeaseWorkResponse>? {
    try await measure()
    let now = clock.wall()
    let waiting = try await read { db in
      try WorkRow.toLease(at: now, memory: memory, limit: Self.candidatesALook, db)
    }
    // Those for whom ingest had no answer last time come last, lest one of them keep all others waiting.
    let unanswered = unanswered.withLock { $0 }
    for item in waiting.filter({ !unanswered.contains($0.tenant) })
      + waiting.filter({ unanswered.contains($0.tenant) })
    {
      do {
        let figures = try await figures(of: item)
        _ = self.unanswered.withLock { $0.remove(item.tenant) }
        if let lease = try await lease(item, figures, to: trainer) { return lease }
      } catch let error as RPCError {
        logger.warning("no lease", metadata: ["tenant": "\(item.tenant)", "error": "\(error)"])
        // Ingest is away: asking it for every other tenant would only take its time.
        if error.isIngestAway {
          self.unanswered.withLock { _ = $0.insert(item.tenant) }
          break
        }
        if error.code == .dataLoss { try await giveUpUnread(item, because: error.message) }
      }
      try Task.checkCancellation()
    }
    return nil
  }

  /// Asks ingest how large those tenants are that no night has worked on yet, some at each look.
  private func measure() async throws {
    let unknown = try await read { db in try WorkRow.toMeasure(limit: Self.candidatesALook, db) }
    let unanswered = unanswered.withLock { $0 }
    var measured: [String: TenantRows] = [:]
    for tenant in unknown where !unanswered.contains(tenant) {
      do {
        measured[tenant] = try await describe(tenant).rows
      } catch let error as RPCError {
        guard !error.isIngestAway else {
          self.unanswered.withLock { _ = $0.insert(tenant) }
          break
        }
        // What is wrong with it shows at its turn.
        measured[tenant] = TenantRows(customers: 0, products: 0, events: 0)
      }
    }
    guard !measured.isEmpty else { return }
    try await database.queue.write { [measured] db in
      for (tenant, rows) in measured { try WorkRow.setRows(rows, ofWaiting: tenant, db) }
    }
  }

  /// Ingest cannot read the tenant, and will not be able to before somebody mends it: the night must end without it.
  private func giveUpUnread(_ item: WorkRow, because reason: String) async throws {
    let now = clock.wall()
    try await write { db in
      guard var present = try WorkRow.get(night: item.night, tenant: item.tenant, db), present.state == .waiting,
        present.attempts == item.attempts
      else { return }
      present.attempts += 1
      try self.fail(present, .workFailed, by: "control", because: "ingest: \(reason)", at: now, db)
    }
  }

  /// What the snapshot holds: pinned by an earlier lease of the night, or what ingest has now.
  private func figures(of item: WorkRow) async throws -> TenantFigures {
    if let watermark = item.watermark {
      return TenantFigures(
        sequence: watermark, rows: item.rows ?? TenantRows(customers: 0, products: 0, events: 0),
        content: item.content, lastEvent: .epoch)
    }
    let figures = try await describe(item.tenant)
    guard Int64(exactly: figures.sequence) != nil else {
      throw RPCError(.internal, "ingest tells the sequence \(figures.sequence)")
    }
    return figures
  }

  private func lease(_ item: WorkRow, _ figures: TenantFigures, to trainer: Caller) async throws -> Encoded<
    Proto.LeaseWorkResponse
  >? {
    let now = clock.wall()
    let answer: (Fence?, Encoded<Proto.LeaseWorkResponse>)? = try await write { db in
      if let given = try Answers.find(trainer, db) { return (nil, Encoded(unchecked: given)) }
      guard let leased = try self.takeLease(item, for: trainer.peer, figures, at: now, db),
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
        lease.customers = UInt64(item.rows?.customers ?? 0)
        lease.products = UInt64(item.rows?.products ?? 0)
        lease.events = UInt64(item.rows?.events ?? 0)
        lease.strings(\.n_kept_digests, \.kept_digests, leased.kept)
      }
    }
  }

  private struct Leased: Sendable {
    let item: WorkRow
    let tenant: TenantRow
    let champion: VersionRow?
    let asOf: Timestamp
    /// Digests of what can be live again.
    let kept: [String]
  }

  private func takeLease(
    _ waiting: WorkRow, for trainer: PeerIdentity, _ figures: TenantFigures, at now: Timestamp, _ db: Database
  ) throws -> Leased? {
    guard var item = try WorkRow.get(night: waiting.night, tenant: waiting.tenant, db), item.state == .waiting,
      item.deadline > now
    else { return nil }
    let tenant = try TenantRow.get(item.tenant, db)
    let champion = try tenant.live(db)
    guard tenant.mode != .off, !tenant.keepsModel || champion != nil else {
      item.failure = tenant.mode == .off ? "the tenant was turned off" : "the tenant is frozen and nothing is live"
      item.close(.failed, at: now)
      try item.save(db)
      try Journal.append(
        .workFailed, tenant: item.tenant, by: "control", at: now, reason: item.failure ?? "",
        detail: ["night": "\(item.night)"], db)
      try ended(item, at: now, db)
      return nil
    }
    let night = try NightRow.get(item.night, db)
    let figures = figures.asOf(night.asOf)
    guard let kind = try kind(of: item, tenant, champion, night, figures, at: now, db) else { return nil }
    let fence = Fence(epoch: database.epoch, number: UInt64(try Meta.fence.next(db)))
    item.lease(to: trainer.description, fence: fence, kind: kind, champion: champion?.bake, figures)
    try item.save(db)
    try Journal.append(
      .workLeased, tenant: item.tenant, by: trainer.description, at: now, reason: "",
      detail: [
        "night": "\(item.night)", "fence": "\(fence.epoch).\(fence.number)", "watermark": "\(figures.sequence)",
        "attempt": "\(item.attempts)", "kind": "\(item.kind)",
      ], db)
    let removed = try VersionRow.keepNewest(of: item.tenant, db)
    if !removed.isEmpty {
      try Journal.append(
        .versionsRemoved, tenant: item.tenant, by: "control", at: now,
        reason: "not among the newest \(VersionRow.kept)", detail: ["bakes": removed.joined(separator: " ")], db)
    }
    return Leased(
      item: item, tenant: tenant, champion: champion, asOf: night.asOf,
      kept: try VersionRow.keptDigests(of: item.tenant, db))
  }

  /// What is to be done with a tenant; nil = nothing, since its data are those that its live lists were made from.
  ///
  /// Such a tenant is not trained. Its lists are baked anew once a product has come on or gone off sale since, once
  /// somebody has decided anything about the tenant, or once they are `TrackRow.longestKept` old. Where that fails, the next attempt trains: perhaps the live model is damaged.
  private func kind(
    of waiting: WorkRow, _ tenant: TenantRow, _ champion: VersionRow?, _ night: NightRow, _ figures: TenantFigures,
    at now: Timestamp, _ db: Database
  ) throws -> WorkRow.Kind? {
    guard !tenant.keepsModel else { return .rebake }
    let track = try TrackRow.find(tenant.id, db)
    guard !night.retrainsUnchanged, waiting.attempts == 0, track.isJudged(on: figures.content, live: champion) else {
      return .train
    }
    guard track.isFresh(champion, of: tenant, at: night.asOf) else { return .rebake }
    var item = waiting
    item.rows = figures.rows
    item.close(.unchanged, at: now)
    try item.save(db)
    try Journal.append(
      .workUnchanged, tenant: tenant.id, by: "control", at: now,
      reason: "the data are those that \(champion?.bake ?? "") was made from",
      detail: ["night": "\(item.night)", "content": figures.content ?? "", "live": champion?.bake ?? ""], db)
    try ended(item, at: now, db)
    return nil
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
      return (item, try NightRow.get(item.night, db).asOf)
    }
    leases.withLock { $0[fence] = clock.monotonic() + leaseTime }
    let grant = try grant(item, asOf: asOf, to: trainer)
    return Encoded { response in
      response.ttl_ms = ttlMilliseconds
      response.message(\.grant) { grant($0) }
    }
  }
}

extension RPCError {
  /// It says nothing about one tenant: the others would get the same answer.
  fileprivate var isIngestAway: Bool { code == .unavailable || code == .deadlineExceeded }
}
