import CNightjarProto
import CProtobufC
import Messages
import NightjarClient
import RPC
import Testing

/// What a table and the contract must agree on.
private struct Signature: Hashable {
  let name: String
  let request: String
  let response: String
  /// Not part of the contract's files.
  private(set) var idempotency: Idempotency?

  static func == (a: Signature, b: Signature) -> Bool {
    (a.name, a.request, a.response) == (b.name, b.request, b.response)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(name) }

  init<Request, Response>(_ method: Method<Request, Response>) {
    name = method.name
    idempotency = method.idempotency
    request = Request.name
    response = Response.name
  }

  init(service: String, method: ProtobufCMethodDescriptor) {
    name = "\(service)/\(String(cString: method.name))"
    request = String(cString: method.input.pointee.name)
    response = String(cString: method.output.pointee.name)
  }
}

@Suite("The method tables are the contract's services")
struct MethodTableTests {
  private func contract(_ service: ProtobufCServiceDescriptor) -> Set<Signature> {
    let methods = UnsafeBufferPointer(start: service.methods, count: Int(service.n_methods))
    return Set(methods.map { Signature(service: String(cString: service.name), method: $0) })
  }

  private let ingest: Set<Signature> = [
    Signature(IngestService.upsertCustomers), Signature(IngestService.upsertProducts),
    Signature(IngestService.upsertOffers), Signature(IngestService.recordEvents),
    Signature(IngestService.streamSnapshot), Signature(IngestService.describe),
  ]
  private let ranker: Set<Signature> = [Signature(RankerService.getRecommendations)]
  private let control: Set<Signature> = [
    Signature(ControlService.createTenant), Signature(ControlService.getTenant),
    Signature(ControlService.listTenants), Signature(ControlService.setMode), Signature(ControlService.runNight),
    Signature(ControlService.getNight), Signature(ControlService.leaseWork), Signature(ControlService.renewLease),
    Signature(ControlService.reportEvaluation), Signature(ControlService.completeWork),
    Signature(ControlService.failWork), Signature(ControlService.listVersions), Signature(ControlService.activate),
    Signature(ControlService.releaseHold), Signature(ControlService.watchRouting),
    Signature(ControlService.reportServing), Signature(ControlService.readJournal),
  ]

  @Test("every method of the contract stands in its table with the contract's messages, and no other")
  func signatures() {
    #expect(ingest == contract(nightjar__v1__ingest__descriptor))
    #expect(ranker == contract(nightjar__v1__ranker__descriptor))
    #expect(control == contract(nightjar__v1__control__descriptor))
  }

  @Test("every method may be repeated, by itself or with a key")
  func idempotency() {
    let methods = ingest.union(ranker).union(control)
    #expect(!methods.contains { $0.idempotency == Idempotency.none })
    let keyed = methods.filter { $0.idempotency == .keyed }.map { $0.name.split(separator: "/")[1] }
    #expect(
      Set(keyed) == [
        "CreateTenant", "SetMode", "RunNight", "LeaseWork", "FailWork", "Activate", "ReleaseHold",
      ])
  }

  @Test("an id is the FNV-1a hash of the full name")
  func ids() {
    // From the definition: offset basis 0x811c9dc5, prime 0x01000193 (draft-eastlake-fnv), computed with Python.
    #expect(RankerService.getRecommendations.id == 0xfead_9e65)
  }
}
