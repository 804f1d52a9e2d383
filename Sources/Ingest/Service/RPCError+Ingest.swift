import Commerce
import Logging
import RPC

extension RPCError {
  /// A request that breaks the contract.
  init(_ invalid: InvalidField) {
    self.init(.invalidArgument, "\(invalid)", violations: [FieldViolation(invalid.field, invalid.reason)])
  }

  /// What a failure inside means to the caller; the log has the particulars.
  init(_ error: any Error, _ logger: Logger) {
    guard let error = error as? IngestError else {
      self.init(.internal, "the rows could not be handled")
      logger.error("failed", metadata: ["error": "\(error)"])
      return
    }
    logger.error("failed", metadata: ["error": "\(error)"])
    switch error {
    case _ where error.isFull:
      self.init(.resourceExhausted, "no room on ingest's disk; rows without a verdict may be sent again, which is safe")
    case .damagedDatabase, .databaseAhead:
      self.init(.dataLoss, "the tenant's database cannot be used, ingest's log says why; it has to be restored")
    case .closed: self.init(.unavailable, "ingest is stopping")
    default:
      self.init(
        .unavailable, "ingest cannot write or read now; rows without a verdict may be sent again, which is safe")
    }
  }
}
