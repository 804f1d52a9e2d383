import Commerce
import Logging
import Messages
import NightjarClient
import RPC
import Transport

/// The handlers of `nightjar.v1.Ingest`.
public struct IngestHandlers: Sendable {
  let intake: Intake
  let grants: GrantCheck
  let clock: @Sendable () -> Timestamp
  let logger: Logger

  /// Handlers that write to and read from `intake`, believe grants that `verifier` does, and take the time from `clock`.
  public init(
    intake: Intake, verifier: SignatureVerifier, logger: Logger, clock: @escaping @Sendable () -> Timestamp
  ) {
    self.intake = intake
    grants = GrantCheck(verifier: verifier)
    self.clock = clock
    self.logger = logger
  }

  /// The service's methods.
  public func router() -> Router {
    var router = Router()
    router.unary(IngestService.upsertCustomers) { request, context in
      try await upsert(request.tenant, request.list(\.n_customers, \.customers), context) { view throws(InvalidField) in
        try Customer(validating: view)
      } rows: {
        .customers($0)
      }
    }
    router.unary(IngestService.upsertProducts) { request, context in
      try await upsert(request.tenant, request.list(\.n_products, \.products), context) { view throws(InvalidField) in
        try Product(validating: view)
      } rows: {
        .products($0)
      }
    }
    router.unary(IngestService.upsertOffers) { request, context in
      try await upsert(request.tenant, request.list(\.n_offers, \.offers), context) { view throws(InvalidField) in
        try Offer(validating: view)
      } rows: {
        .offers($0)
      }
    }
    router.stream(IngestService.recordEvents, recordEvents)
    router.stream(IngestService.streamSnapshot, streamSnapshot)
    router.unary(IngestService.describe, describe)
    router.unary(IngestService.recordServed, recordServed)
    router.unary(IngestService.resolveRecommendation, resolveRecommendation)
    return router
  }

  private func upsert<M: Message, Row: Sendable>(
    _ tenant: String, _ views: ViewList<M>, _ context: CallContext,
    read: (View<M>) throws(InvalidField) -> Row, rows: ([Row]) -> Rows
  ) async throws -> Encoded<Proto.WriteResponse> {
    let tenant = try authorise(tenant, context)
    try checkCount(views.count)
    let checked = CheckedRows(views, read)
    let pending = try await begin(rows(checked.valid), tenant)
    return checked.response(try await outcome(pending, tenant))
  }

  private func describe(
    _ request: View<Proto.DescribeRequest>, _ context: CallContext
  ) async throws -> Encoded<Proto.DescribeResponse> {
    let tenant = try authorise(request.tenant, context)
    let state = try await reading(tenant) { try $0.state() } ?? TenantState()
    return Encoded { draft in
      draft.customers = state.customers
      draft.products = state.products
      draft.offers = state.offers
      draft.events = state.events
      draft.sequence = state.sequence
      draft.content_digest = state.sequence == 0 ? "" : state.content.hex
      draft.first_event_us = state.firstEvent?.microseconds ?? 0
      draft.last_event_us = state.lastEvent?.microseconds ?? 0
      draft.last_received_us = state.lastReceived?.microseconds ?? 0
      draft.served = state.served
    }
  }

  /// Checks the tenant's name, and that a tenant asks for nothing but itself.
  func authorise(_ name: String, _ context: CallContext) throws(RPCError) -> TenantID {
    let tenant: TenantID
    do {
      tenant = try TenantID(name)
    } catch {
      throw RPCError(error)
    }
    try context.authorise(tenant: name)
    return tenant
  }

  func checkCount(_ count: Int) throws(RPCError) {
    let limit = IngestService.maximumBatchRows
    guard count <= limit else {
      throw RPCError(.invalidArgument, "\(count) rows in one batch; at most \(limit) are admitted, send several")
    }
  }

  /// Hands rows over to be written; an empty list only waits for the tenant's sequence.
  func begin(_ rows: Rows, _ tenant: TenantID) async throws(RPCError) -> PendingWrite? {
    guard rows.count > 0 else { return nil }
    do {
      return try await intake.begin(rows, tenant: tenant, receivedAt: clock())
    } catch {
      throw RPCError(error, logger)
    }
  }

  /// Waits for what became of rows.
  func outcome(_ pending: PendingWrite?, _ tenant: TenantID) async throws(RPCError) -> WriteOutcome {
    do {
      if let pending { return try await pending.outcome }
      return WriteOutcome(sequence: try await intake.read(tenant) { try $0.state().sequence } ?? 0, verdicts: [])
    } catch {
      throw RPCError(error, logger)
    }
  }

  /// Reads from a tenant's database; nil for a tenant without rows.
  func reading<R: Sendable>(
    _ tenant: TenantID, _ body: @escaping @Sendable (TenantStore) throws -> R
  ) async throws(RPCError) -> R? {
    do {
      return try await intake.read(tenant, body)
    } catch {
      throw RPCError(error, logger)
    }
  }
}
