import NightjarClient

@testable import Messages

/// Every message that a method takes or gives, and those of the frames: the first byte chooses which.
///
/// What is decoded is encoded again, and decoded from that to the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  guard let first = bytes.first else { return 0 }
  let decoder = decoders[Int(first) % decoders.count]
  let body = Array(bytes.dropFirst())
  guard let again = decoder(body) else { return 0 }
  precondition(decoder(again) == again, "what was encoded decodes to something else")
  return 0
}

private func decoder<M: Message>(_: M.Type) -> @Sendable ([UInt8]) -> [UInt8]? {
  { bytes in try? Encoded<M>(unchecked: bytes).decode().encoded().bytes }
}

/// In an order that does not change, or the corpus would mean something else.
private let decoders: [@Sendable ([UInt8]) -> [UInt8]?] = [
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
]
