import Messages
import RPC

/// What became of rows that were written to ingest.
public struct WriteReport: Sendable, Hashable {
  /// A row that ingest refused.
  public struct Rejection: Sendable, Hashable {
    /// Place among the rows written, from 0.
    public let row: Int
    /// Path of the field, such as `revenue.currency`.
    public let field: String
    /// What is wrong, and the limit.
    public let reason: String
  }

  /// Rows written.
  public private(set) var accepted = 0
  /// Rows that were there already with the same content; among them are those whose first answer got lost on the way.
  public private(set) var duplicates = 0
  /// Rows not written, and why.
  public private(set) var rejections: [Rejection] = []
  /// The tenant's sequence after the last batch: a read that waits for it sees every accepted row.
  public private(set) var sequence: UInt64 = 0

  /// Rows judged so far.
  public var rows: Int { accepted + duplicates + rejections.count }

  /// Nothing is written yet.
  public init() {}

  /// Adds the answer to the next batch, of `count` rows. Throws INTERNAL for an answer that does not fit the batch.
  public mutating func add(_ answer: View<Proto.WriteResponse>, rows count: Int) throws(RPCError) {
    let first = rows
    let verdicts = answer.scalars(\.n_verdicts, \.verdicts)
    let refused = answer.list(\.n_rejections, \.rejections)
    guard verdicts.count == count, refused.count == verdicts.count(where: { $0 == .rejected }),
      refused.allSatisfy({ $0.row < UInt32(clamping: count) })
    else {
      throw RPCError(
        .internal,
        "ingest answered a batch of \(count) rows with \(verdicts.count) verdicts and \(refused.count) rejections")
    }
    accepted += verdicts.count { $0 == .accepted }
    duplicates += verdicts.count { $0 == .duplicate }
    rejections += refused.map { Rejection(row: first + Int($0.row), field: $0.field, reason: $0.reason) }
    sequence = answer.sequence
  }
}
