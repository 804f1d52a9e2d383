import Commerce
import GRDB
import Messages

/// What the rankers say that they serve: a fact stands until its ranker adopts something else or stops.
///
/// A refusal does not end what was adopted before it, since that is what goes on being served.
enum Serving {
  private static let refused = Int64(Proto.ServingState.refused.rawValue)
  /// Condition on `fact`, with the parameters `:tenant` and `:until`.
  private static let stands = """
    fact.tenant = :tenant AND fact.at <= :until AND NOT EXISTS (
      SELECT 1 FROM serving AS later
      WHERE later.tenant = fact.tenant AND later.ranker = fact.ranker AND later.number > fact.number
      AND later.at <= :until AND (later.state <> \(refused) OR fact.state = \(refused)))
    """

  /// Keeps a fact; returns whether it says anything new. What stands and what was told before does not.
  static func keep(_ fact: ServingFact, from ranker: String, _ db: Database) throws -> Bool {
    let isKnown = try Bool.fetchOne(
      db,
      sql: """
        SELECT EXISTS (
          SELECT 1 FROM serving AS fact
          WHERE fact.tenant = :tenant AND fact.ranker = :ranker AND fact.state = :state AND fact.digest = :digest
          AND fact.reason = :reason AND (fact.at = :at OR \(stands)))
        """,
      arguments: [
        "tenant": fact.tenant, "ranker": ranker, "state": fact.state, "digest": fact.digest, "reason": fact.reason,
        "at": fact.at.microseconds, "until": Int64.max,
      ])
    if isKnown == true { return false }
    try db.execute(
      sql: """
        INSERT INTO serving (tenant, ranker, number, at, state, bake, digest, reason)
        SELECT ?1, ?2, ifnull(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7 FROM serving WHERE tenant = ?1 AND ranker = ?2
        """,
      arguments: [fact.tenant, ranker, fact.at.microseconds, fact.state, fact.bake, fact.digest, fact.reason])
    return true
  }

  /// What stood for a tenant at a time, by ranker; at most one refusal beside what a ranker served.
  static func standing(for tenant: String, at until: Int64, _ db: Database) throws -> [Row] {
    try Row.fetchAll(
      db, sql: "SELECT * FROM serving AS fact WHERE \(stands) ORDER BY ranker, number",
      arguments: ["tenant": tenant, "until": until])
  }
}
