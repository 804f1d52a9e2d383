import Commerce
import GRDB
import Logging
import Messages
import Operations
import RPC
import Synchronization
import Transport

/// What control decides, over its database: every decision is one transaction with its journal row.
///
/// The RPC handlers are a rim around it. It reads clocks, signs grants and asks ingest through what it is given.
public final class ControlCore: Sendable {
  /// How many characters a reason for the journal may have.
  static let maximumReasonBytes = 256

  let database: ControlDatabase
  let clock: ControlClock
  let leaseTime: Duration
  let logger: Logger
  /// Signs the grants of leases.
  let sign: @Sendable ([UInt8]) throws -> Signature
  /// What ingest has of a tenant now.
  let describe: @Sendable (_ tenant: String) async throws -> TenantFigures
  let ends: WorkEnds
  /// Rings when there may be work to lease, or a route to tell.
  let changes = Signal()
  /// When each lease runs out, by the monotonic clock. A lease that is missing here was given by a former process.
  let leases = Mutex<[Fence: ContinuousClock.Instant]>([:])
  /// Tenants whose last row ingest did not tell when it was last asked.
  let unanswered = Mutex<Set<String>>([])

  /// Decides over `database`. `leaseTime`: how long a trainer may be silent.
  public init(
    database: ControlDatabase, clock: ControlClock, leaseTime: Duration, logger: Logger, metrics: Metrics,
    sign: @escaping @Sendable ([UInt8]) throws -> Signature,
    describe: @escaping @Sendable (_ tenant: String) async throws -> TenantFigures
  ) {
    self.database = database
    self.clock = clock
    self.leaseTime = leaseTime
    self.logger = logger
    self.sign = sign
    self.describe = describe
    ends = WorkEnds(metrics)
  }

  /// Ends the calls that wait for something to happen, so that a stop need not wait for them: trainers get no work, and
  /// rankers are to resume with the next process.
  func stopWaiting() { changes.close() }

  /// Reads in a transaction of its own.
  func read<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    try await database.queue.read(body)
  }

  /// Writes in one transaction, then wakes the waiting.
  func write<T: Sendable>(_ body: @escaping @Sendable (Database) throws -> T) async throws -> T {
    let result = try await database.queue.write(body)
    changes.ring()
    return result
  }

  /// Makes a change in one transaction, unless an earlier attempt at it has: then the answer is that attempt's.
  func change<R>(
    by caller: Caller, at now: Timestamp, _ body: @escaping @Sendable (Database) throws -> Encoded<R>
  ) async throws -> Encoded<R> {
    try await write { db in
      if let given = try Answers.find(caller, db) { return Encoded(unchecked: given) }
      let answer = try body(db)
      try Answers.keep(answer.bytes, to: caller, at: now, db)
      return answer
    }
  }
}

/// What a person does, and why: every change by hand carries it into the journal.
struct Deed: Sendable {
  let actor: String
  let reason: String

  init(by caller: Caller, reason: String) throws(RPCError) {
    actor = caller.peer.description
    self.reason = try Check.text("reason", reason, bytes: 0...ControlCore.maximumReasonBytes)
  }
}
