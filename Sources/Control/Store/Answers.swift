import Commerce
import Foundation
import GRDB
import RPC
import Transport

/// Who asks for a change, and the name that all attempts at it share.
struct Caller: Sendable {
  let peer: PeerIdentity
  let method: String
  /// Nil = every attempt is a change of its own.
  let key: String?

  init(_ context: CallContext) {
    self.init(context.peer, method: context.method, key: context.idempotencyKey)
  }

  init(_ peer: PeerIdentity, method: String, key: String?) {
    self.peer = peer
    self.method = method
    self.key = key
  }
}

/// The answers to changes that carried an idempotency key, so that another attempt at a change gets the first one's
/// answer instead of a second change. Errors are not kept: what failed changed nothing.
enum Answers {
  /// How long an answer is kept; no attempt comes later.
  private static let age: Duration = .seconds(24 * 3_600)
  /// Answers kept for one caller, and their bytes together; the newest stays whatever its length.
  static let maximumCount = 256
  static let maximumBytes = 16 << 20

  /// The answer to an earlier attempt, if there was one.
  static func find(_ caller: Caller, _ db: Database) throws -> [UInt8]? {
    guard let key = caller.key else { return nil }
    let row = try Row.fetchOne(
      db, sql: "SELECT method, answer FROM answers WHERE caller = ? AND key = ?",
      arguments: [caller.peer.description, key])
    guard let row else { return nil }
    let method: String = row["method"]
    guard method == caller.method else {
      throw RPCError(
        .invalidArgument, "the idempotency key '\(key)' was used for \(method); every change needs a key of its own")
    }
    return Array(row["answer"] as Data)
  }

  /// Keeps an answer, in the transaction of its change, and forgets what need not be kept any longer.
  static func keep(_ answer: [UInt8], to caller: Caller, at now: Timestamp, _ db: Database) throws {
    guard let key = caller.key else { return }
    let name = caller.peer.description
    // Also those from the future, which a wrong clock has left behind.
    try db.execute(
      sql: "DELETE FROM answers WHERE at < ? OR at > ?",
      arguments: [(now - age).microseconds, (now + age).microseconds])
    try db.execute(
      sql: """
        INSERT INTO answers (caller, key, number, method, at, answer)
        SELECT ?1, ?2, ifnull(max(number), 0) + 1, ?3, ?4, ?5 FROM answers WHERE caller = ?1
        """,
      arguments: [name, key, caller.method, now.microseconds, Data(answer)])
    let kept = try Row.fetchAll(
      db, sql: "SELECT number, length(answer) AS bytes FROM answers WHERE caller = ? ORDER BY number DESC",
      arguments: [name])
    var bytes = 0
    for (place, row) in kept.enumerated() {
      bytes += row["bytes"]
      guard place > 0, place >= maximumCount || bytes > maximumBytes else { continue }
      try db.execute(
        sql: "DELETE FROM answers WHERE caller = ? AND number <= ?", arguments: [name, row["number"] as Int64])
      return
    }
  }
}
