import Commerce
import Foundation
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  /// Judges what a trainer measured. The same report under the same fence gets the same answer.
  func reportEvaluation(_ request: View<Proto.ReportEvaluationRequest>, for trainer: PeerIdentity) async throws
    -> Encoded<Proto.ReportEvaluationResponse>
  {
    let tenantID = try Check.tenant("tenant", request.tenant)
    let fence = try Fence(request.fence)
    let report = try Gate.Report(request)
    let now = clock.wall()
    return try await write { db in
      var item = try Self.held(tenantID, fence, by: trainer, db)
      if let given = item.orders { return Encoded(unchecked: Array(given)) }
      var tenant = try TenantRow.get(tenantID, db)
      let champion = try item.champion.map { try VersionRow.get($0, of: tenantID, db) }
      let asOf: Int64 =
        try Int64.fetchOne(db, sql: "SELECT as_of FROM nights WHERE id = ?", arguments: [item.night]) ?? 0
      let situation = Gate.Situation(
        isRebake: item.kind == .rebake || tenant.keepsModel, hasChampion: champion != nil,
        needsApproval: tenant.needsApproval,
        asOf: Timestamp(microseconds: asOf), horizonDays: tenant.horizonDays)
      let decision: Gate.Decision
      do { decision = try Gate.judge(report, in: situation) } catch GateError.noChampion(let why) {
        throw RPCError(.failedPrecondition, "nothing can be baked for tenant \(tenantID): \(why)")
      }
      let orders = decision.bakes.map { tenant.order($0, champion: champion) }
      try tenant.saveNames(db)
      let response = Self.response(decision, orders)
      item.orders = Data(response.bytes)
      item.evaluation = Data(Self.evaluation(request, decision).bytes)
      item.liveBake = orders[0].bake
      try item.save(db)
      try Journal.append(
        .evaluationJudged, tenant: tenantID, by: "control", at: now, reason: decision.reason,
        detail: [
          "night": "\(item.night)", "verdict": "\(decision.verdict)", "live": decision.live.rawValue,
          "bakes": orders.map(\.bake).joined(separator: " "), "judged_customers": "\(report.judgedCustomers)",
          "rmse_of": report.ratingScale == nil ? "probabilities" : "ratings",
          "trainer": trainer.description,
        ], db)
      return response
    }
  }

  private static func response(_ decision: Gate.Decision, _ orders: [BakeOrder]) -> Encoded<
    Proto.ReportEvaluationResponse
  > {
    Encoded { response in
      response.verdict = decision.verdict.proto
      response.reason = decision.reason
      response.list(\.n_bakes, \.bakes, of: orders) { draft, order in
        draft.candidate = order.candidate.rawValue
        draft.model = order.model
        draft.bake = order.bake
      }
    }
  }

  private static func evaluation(_ report: View<Proto.ReportEvaluationRequest>, _ decision: Gate.Decision)
    -> Encoded<Proto.Evaluation>
  {
    Encoded { evaluation in
      evaluation.list(\.n_candidates, \.candidates, sharing: report.list(\.n_candidates, \.candidates))
      evaluation.list(\.n_differences, \.differences, sharing: report.list(\.n_differences, \.differences))
      evaluation.judged_customers = report.judged_customers
      evaluation.judged_rows = report.judged_rows
      evaluation.verdict = decision.verdict.proto
      evaluation.reason = decision.reason
      evaluation.winner = decision.live.rawValue
      evaluation.customers = report.customers
      evaluation.products = report.products
      evaluation.events = report.events
      evaluation.list(\.n_trials, \.trials, sharing: report.list(\.n_trials, \.trials))
      evaluation.choice = report.choice
      if let scale = report.rating_scale { evaluation.message(\.rating_scale, sharing: scale) }
    }
  }

  /// Takes in what was published and makes live what the verdict said. The same fence gets the same answer.
  func completeWork(_ request: View<Proto.CompleteWorkRequest>, for trainer: PeerIdentity) async throws
    -> Encoded<Proto.CompleteWorkResponse>
  {
    let tenantID = try Check.tenant("tenant", request.tenant)
    let fence = try Fence(request.fence)
    let published = try PublishedBake.all(of: request)
    let availabilityChanges =
      request.availability_changes_us == 0 ? nil : Timestamp(microseconds: request.availability_changes_us)
    let now = clock.wall()
    let response = try await write { db in
      var item = try Self.held(tenantID, fence, by: trainer, db)
      if let given = item.completion { return Encoded<Proto.CompleteWorkResponse>(unchecked: Array(given)) }
      guard let orders = item.orders else {
        throw RPCError(.failedPrecondition, "ReportEvaluation comes before CompleteWork")
      }
      let ordered = try Encoded<Proto.ReportEvaluationResponse>(unchecked: Array(orders)).decode()
      var tenant = try TenantRow.get(tenantID, db)
      try Self.store(published, ordered, item, at: now, db)
      let bake = try tenant.admits(item, db) ? item.liveBake : nil
      if let bake { try tenant.goLive(bake, db) }
      let response = Encoded<Proto.CompleteWorkResponse> { $0.live_bake = tenant.liveBake ?? "" }
      item.failure = nil
      item.activatedBake = bake
      item.completion = Data(response.bytes)
      item.close(.done, at: now)
      try item.save(db)
      try Self.note(
        item, of: tenant, live: bake, wasJudged: ordered.verdict != .rebake, availabilityChanges: availabilityChanges,
        db)
      let entry = try Journal.append(
        .workCompleted, tenant: tenantID, by: trainer.description, at: now,
        reason: bake == nil ? "published only: a person decided meanwhile what is live" : ordered.reason,
        detail: [
          "night": "\(item.night)", "live": tenant.liveBake ?? "", "generation": "\(tenant.generation)",
          "published": published.map { "\($0.bake)=\($0.digest)" }.joined(separator: " "),
        ], db)
      try tenant.recordDecision(entry: entry, at: now, db)
      try self.ended(item, at: now, db)
      return response
    }
    leases.withLock { _ = $0.removeValue(forKey: fence) }
    return response
  }

  /// Remembers what completed work teaches about its tenant. `wasJudged`: a challenger was, or would have been but for want of
  /// data; false for a live model baked anew, as also where the tenant was frozen or held after the lease was given.
  private static func note(
    _ item: WorkRow, of tenant: TenantRow, live bake: String?, wasJudged: Bool, availabilityChanges: Timestamp?,
    _ db: Database
  ) throws {
    var track = try TrackRow.find(item.tenant, db)
    track.succeed()
    track.rows = item.rows
    if wasJudged { track.judgedContent = item.content }
    // Where a person decided meanwhile what is live, the lists are not of these data.
    track.bake = bake
    track.generation = tenant.generation
    track.availabilityChanges = availabilityChanges
    try track.save(db)
  }

  /// Stores one version for each order, none of them live yet; throws unless every order, and nothing else, was
  /// published.
  private static func store(
    _ published: [PublishedBake], _ ordered: View<Proto.ReportEvaluationResponse>, _ item: WorkRow,
    at now: Timestamp, _ db: Database
  ) throws {
    let orders = ordered.list(\.n_bakes, \.bakes)
    guard Set(published.map(\.bake)) == Set(orders.map(\.bake)), published.count == orders.count else {
      throw Check.failure("bakes", "are not the ones ordered: \(orders.map(\.bake).joined(separator: ", "))")
    }
    let asOf: Int64 = try Int64.fetchOne(db, sql: "SELECT as_of FROM nights WHERE id = ?", arguments: [item.night]) ?? 0
    var ordinal =
      try Int64.fetchOne(db, sql: "SELECT max(ordinal) FROM versions WHERE tenant = ?", arguments: [item.tenant]) ?? 0
    let champion = try item.champion.map { try VersionRow.get($0, of: item.tenant, db) }
    let evaluation = try item.evaluation.map { try Encoded<Proto.Evaluation>(unchecked: Array($0)).decode() }
    for order in orders {
      guard let bake = published.first(where: { $0.bake == order.bake }) else { continue }
      let judged = evaluation?.list(\.n_candidates, \.candidates).first { $0.candidate == order.candidate }?.recipe
      let recipe = order.candidate == Gate.Candidate.champion.rawValue ? champion?.recipe : judged ?? order.candidate
      let isRolledBack = try VersionRow.isRolledBack(model: order.model, of: item.tenant, db)
      ordinal += 1
      try db.execute(
        sql: "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        arguments: [
          item.tenant, ordinal, bake.bake, order.model, recipe ?? "", bake.digest,
          (isRolledBack ? VersionRow.State.rolledBack : .held).rawValue, asOf, now.microseconds, item.night,
          bake.customers,
          bake.candidates, ordered.verdict == Proto.GateVerdict.dataFloor,
        ])
    }
  }
}

/// What a trainer is to bake, under which names.
struct BakeOrder: Sendable {
  let candidate: Gate.Candidate
  let model: String
  let bake: String
}

/// What a trainer has published.
private struct PublishedBake: Sendable {
  private static let maximum = 4

  let bake: String
  let digest: String
  let customers: Int64
  let candidates: Int64

  static func all(of request: View<Proto.CompleteWorkRequest>) throws -> [PublishedBake] {
    let bakes = request.list(\.n_bakes, \.bakes)
    guard (1...maximum).contains(bakes.count) else { throw Check.failure("bakes", "takes 1 to \(maximum)") }
    return try bakes.enumerated().map { index, bake in
      PublishedBake(
        bake: try Check.text("bakes[\(index)].bake", bake.bake, bytes: 1...Limits.identifierBytes),
        digest: try Check.digest("bakes[\(index)].manifest_digest", bake.manifest_digest),
        customers: try Check.counter("bakes[\(index)].customers", bake.customers),
        candidates: try Check.counter("bakes[\(index)].candidates", bake.candidates))
    }
  }
}

extension TenantRow {
  /// Names a bake and, unless it is the champion's, its model: `als-7` and `als-7.12`.
  fileprivate mutating func order(_ candidate: Gate.Candidate, champion: VersionRow?) -> BakeOrder {
    bakes += 1
    if candidate == .champion, let champion {
      return BakeOrder(candidate: candidate, model: champion.model, bake: "\(champion.model).\(bakes)")
    }
    models += 1
    return BakeOrder(
      candidate: candidate, model: "\(candidate.rawValue)-\(models)", bake: "\(candidate.rawValue)-\(models).\(bakes)")
  }

  fileprivate func saveNames(_ db: Database) throws {
    try db.execute(sql: "UPDATE tenants SET models = ?, bakes = ? WHERE id = ?", arguments: [models, bakes, id])
  }

  /// Whether the night's bake may go live. A person who acted since the lease was given is not overruled: what was
  /// activated meanwhile stays, and a tenant frozen or held meanwhile keeps its model.
  fileprivate func admits(_ item: WorkRow, _ db: Database) throws -> Bool {
    guard liveBake == item.champion, let bake = item.liveBake else { return false }
    guard keepsModel else { return true }
    return try VersionRow.get(bake, of: id, db).model == live(db)?.model
  }

  fileprivate mutating func goLive(_ bake: String, _ db: Database) throws {
    if let liveBake { try VersionRow.setState(.retired, of: liveBake, tenant: id, db) }
    try VersionRow.setState(.live, of: bake, tenant: id, db)
    liveBake = bake
    try save(routed: true, db)
  }
}
