import NightjarClient

@testable import Messages

/// Every message that a method takes or gives, those of the frames, and those that files and other messages hold as bytes:
/// the first byte chooses which.
///
/// What is decoded is encoded again, and decoded from that to the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  guard let first = bytes.first else { return 0 }
  let decoder = decoders[Int(first) % decoders.count].decode
  let body = Array(bytes.dropFirst())
  guard let again = decoder(body) else { return 0 }
  precondition(decoder(again) == again, "what was encoded decodes to something else")
  return 0
}

private struct Decoder {
  let type: MessageType
  let decode: @Sendable ([UInt8]) -> [UInt8]?
}

private func decoder<M: Message>(_: M.Type) -> Decoder {
  Decoder(type: MessageType(M.self)) { bytes in try? Encoded<M>(unchecked: bytes).decode().encoded().bytes }
}

/// In an order that does not change, or the corpus would mean something else.
private let decoders: [Decoder] = complete([
  decoder(Proto.Hello.self), decoder(Proto.CallMetadata.self), decoder(Proto.Status.self), decoder(Proto.GoAway.self),
  decoder(Proto.GetRecommendationsRequest.self), decoder(Proto.GetRecommendationsResponse.self),
  decoder(Proto.UpsertCustomersRequest.self), decoder(Proto.UpsertProductsRequest.self),
  decoder(Proto.UpsertOffersRequest.self), decoder(Proto.RecordEventsRequest.self), decoder(Proto.WriteResponse.self),
  decoder(Proto.StreamSnapshotRequest.self), decoder(Proto.SnapshotChunk.self), decoder(Proto.DescribeRequest.self),
  decoder(Proto.DescribeResponse.self), decoder(Proto.CreateTenantRequest.self), decoder(Proto.Tenant.self),
  decoder(Proto.ListTenantsResponse.self), decoder(Proto.SetModeRequest.self), decoder(Proto.RunNightRequest.self),
  decoder(Proto.Night.self), decoder(Proto.LeaseWorkResponse.self), decoder(Proto.RenewLeaseRequest.self),
  decoder(Proto.ReportEvaluationRequest.self), decoder(Proto.ReportEvaluationResponse.self),
  decoder(Proto.CompleteWorkRequest.self), decoder(Proto.FailWorkRequest.self),
  decoder(Proto.ListVersionsResponse.self), decoder(Proto.ActivateRequest.self),
  decoder(Proto.WatchRoutingRequest.self), decoder(Proto.RoutingUpdate.self),
  decoder(Proto.ReportServingRequest.self), decoder(Proto.ReadJournalResponse.self), decoder(Proto.Manifest.self),
  decoder(Proto.HealthCheckRequest.self), decoder(Proto.ListMethodsResponse.self),
  decoder(Proto.DescribeTypesResponse.self),
  decoder(Proto.BatchGetRecommendationsRequest.self), decoder(Proto.BatchGetRecommendationsResponse.self),
  decoder(Proto.CompleteWorkResponse.self), decoder(Proto.DescribeTypesRequest.self),
  decoder(Proto.ExportRecommendationsRequest.self), decoder(Proto.ExportedLists.self),
  decoder(Proto.FailWorkResponse.self), decoder(Proto.GetNightRequest.self), decoder(Proto.GetOverlayRequest.self),
  decoder(Proto.GetOverlayResponse.self), decoder(Proto.GetTenantRequest.self),
  decoder(Proto.HealthCheckResponse.self), decoder(Proto.LeaseWorkRequest.self),
  decoder(Proto.ListMethodsRequest.self), decoder(Proto.ListTenantsRequest.self),
  decoder(Proto.ListVersionsRequest.self), decoder(Proto.ReadJournalRequest.self),
  decoder(Proto.RecordServedRequest.self), decoder(Proto.ReleaseHoldRequest.self),
  decoder(Proto.ReleaseQuarantineRequest.self), decoder(Proto.RenewLeaseResponse.self),
  decoder(Proto.ReportServingResponse.self), decoder(Proto.ResolveRecommendationRequest.self),
  decoder(Proto.ResolveRecommendationResponse.self), decoder(Proto.SetOverlayRequest.self),
  decoder(Proto.SetOverlayResponse.self), decoder(Proto.SetRepurchaseRequest.self),
  decoder(Proto.SetTimeZoneRequest.self), decoder(Proto.Grant.self), decoder(Proto.ServedRecord.self),
  decoder(Proto.Evaluation.self), decoder(Proto.Overlay.self), decoder(Proto.Fence.self), decoder(Proto.Route.self),
])

/// The decoders, if there is one for each message of the contract's methods.
private func complete(_ decoders: [Decoder]) -> [Decoder] {
  let types = Set(decoders.map(\.type))
  for type in Contract.methods.flatMap({ [$0.request, $0.response] }) {
    precondition(types.contains(type), "\(type.name) is not fuzzed")
  }
  return decoders
}
