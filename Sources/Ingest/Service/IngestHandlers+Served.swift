import Commerce
import Messages
import NightjarClient
import RPC

extension IngestHandlers {
  /// Takes what a ranker has served of one tenant.
  func recordServed(
    _ request: View<Proto.RecordServedRequest>, _ context: CallContext
  ) async throws -> Encoded<Proto.WriteResponse> {
    let tenant = try authorise(request.tenant, context)
    let views = request.list(\.n_records, \.records)
    let limit = IngestService.maximumServedRecords
    guard views.count <= limit else {
      throw RPCError(
        .invalidArgument, "\(views.count) records in one call; at most \(limit) are admitted, send several")
    }
    let checked = CheckedRows(views) { view throws(InvalidField) in try ServedAnswer(validating: view) }
    let pending = try await begin(.served(checked.valid), tenant)
    return checked.response(try await outcome(pending, tenant))
  }

  /// Says what a ranker answered under an id, to the tenant whose it is.
  func resolveRecommendation(
    _ request: View<Proto.ResolveRecommendationRequest>, _ context: CallContext
  ) async throws -> Encoded<Proto.ResolveRecommendationResponse> {
    let tenant = try authorise(request.tenant, context)
    guard let id = ServedID(request.recommendation_id) else {
      throw RPCError(
        InvalidField(
          field: "recommendation_id",
          reason: "is '\(request.recommendation_id)'; 32 hex digits in lower case are needed"))
    }
    let answer = try await reading(tenant) { store in try store.read { try ServedRow.resolve(id, $0) } }
    guard let answer = answer ?? nil else {
      throw RPCError(
        .notFound,
        "tenant '\(tenant)' has no recommendation '\(id)': it is another's, past its \(IngestLimits.servedDays) days, or "
          + "still on its way from the ranker; then ask again in some seconds")
    }
    return answer
  }
}
