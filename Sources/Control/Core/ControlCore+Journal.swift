import Commerce
import GRDB
import Messages
import RPC
import Transport

extension ControlCore {
  private static let maximumFacts = 10_000

  /// Keeps what a ranker says that it serves. A fact that says nothing new is not kept twice.
  func reportServing(_ request: View<Proto.ReportServingRequest>, from ranker: PeerIdentity) async throws
    -> Encoded<Proto.ReportServingResponse>
  {
    let views = request.list(\.n_facts, \.facts)
    guard views.count <= Self.maximumFacts else { throw Check.failure("facts", "takes at most \(Self.maximumFacts)") }
    let facts = try views.enumerated().map { try ServingFact($1, at: "facts[\($0)]") }
    let now = clock.wall()
    try await database.queue.write { db in
      for fact in facts where try Serving.keep(fact, from: ranker.description, db) {
        try Journal.append(
          .servingReported, tenant: fact.tenant, by: ranker.description, at: now, reason: fact.reason,
          detail: ["state": fact.stateName, "bake": fact.bake, "digest": fact.digest, "at": fact.at.iso8601], db)
      }
    }
    return Encoded { _ in }
  }

  /// Entries, newest first, and for one tenant what was decided and what was served at that time.
  func readJournal(_ request: View<Proto.ReadJournalRequest>) async throws -> Encoded<Proto.ReadJournalResponse> {
    let tenant = request.tenant.isEmpty ? nil : try Check.tenant("tenant", request.tenant)
    let size = try Check.number("page_size", request.page_size, Self.pageSizes, absent: Self.ordinaryPage)
    let before = try pageNumber(request.page_token)
    let until = request.until_us == 0 ? Int64.max : request.until_us
    return try await read { db in
      if let tenant { _ = try TenantRow.get(tenant, db) }
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT * FROM journal WHERE (? IS NULL OR tenant = ?) AND at <= ? AND number < ? ORDER BY number DESC LIMIT ?
          """, arguments: [tenant, tenant, until, before, size + 1])
      return try Encoded { response in
        response.list(\.n_entries, \.entries, of: rows.prefix(size)) { Self.fill($0, $1) }
        if rows.count > size { response.next_page_token = "\(rows[size - 1]["number"] as Int64)" }
        guard let tenant else { return }
        try Self.fillServed(response, tenant, until, db)
        try Self.fillDecided(response, tenant, until, db)
      }
    }
  }

  private static func fill(_ entry: Draft<Proto.JournalEntry>, _ row: Row) {
    entry.number = UInt64(row["number"] as Int64)
    entry.at_us = row["at"]
    entry.actor = row["actor"]
    entry.kind = row["kind"]
    entry.tenant = row["tenant"]
    entry.reason = row["reason"]
    entry.detail = row["detail"]
  }

  private static func fillServed(
    _ response: Draft<Proto.ReadJournalResponse>, _ tenant: String, _ until: Int64, _ db: Database
  ) throws {
    let rows = try Serving.standing(for: tenant, at: until, db)
    response.list(\.n_served, \.served, of: rows) { served, row in
      served.ranker = row["ranker"]
      served.state = Proto.ServingState(rawValue: UInt32(row["state"] as Int64))
      served.bake = row["bake"]
      served.manifest_digest = row["digest"]
      served.since_us = row["at"]
      served.reason = row["reason"]
    }
  }

  private static func fillDecided(
    _ response: Draft<Proto.ReadJournalResponse>, _ tenant: String, _ until: Int64, _ db: Database
  ) throws {
    let row = try Row.fetchOne(
      db, sql: "SELECT * FROM decisions WHERE tenant = ? AND at <= ? ORDER BY entry DESC LIMIT 1",
      arguments: [tenant, until])
    guard let row else { return }
    response.message(\.decided) { decided in
      decided.mode = Proto.Mode(rawValue: UInt32(row["mode"] as Int64))
      decided.bake = row["bake"] ?? ""
      decided.manifest_digest = row["digest"] ?? ""
      decided.entry = UInt64(row["entry"] as Int64)
    }
  }
}
