import CNightjarProto
import CProtobufC
import Foundation
import Messages
import NightjarClient
import RPC
import Testing

/// What a table and the contract must agree on.
private struct Signature: Hashable {
  let name: String
  let request: String
  let response: String

  init(_ method: AnyMethod) {
    name = method.name
    request = method.request.name
    response = method.response.name
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

  @Test("every method of the contract stands in its table with the contract's messages, and no other")
  func signatures() {
    #expect(Set(IngestService.all.map { Signature($0) }) == contract(nightjar__v1__ingest__descriptor))
    #expect(Set(RankerService.all.map { Signature($0) }) == contract(nightjar__v1__ranker__descriptor))
    #expect(Set(ControlService.all.map { Signature($0) }) == contract(nightjar__v1__control__descriptor))
    #expect(
      Set(StandardMethods.all.map { Signature($0) })
        == contract(nightjar__v1__health__descriptor).union(contract(nightjar__v1__reflection__descriptor)))
    #expect(Set(Contract.methods.map(\.name)).count == Contract.methods.count)
  }

  @Test("every method streams what its line in the .proto file says")
  func kinds() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../proto/nightjar/v1")
    var kinds: [String: MethodKind] = [:]
    for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
      var service = ""
      for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
        let words = line.split { " ();".contains($0) }
        if words.first == "service" { service = String(words[1]) }
        guard words.first == "rpc" else { continue }
        let streams = (words[2] == "stream", words.dropFirst(3).contains("stream"))
        kinds["nightjar.v1.\(service)/\(words[1])"] =
          switch streams {
          case (false, false): .unary
          case (false, true): .serverStream
          case (true, false): .clientStream
          case (true, true): .bidirectional
          }
      }
    }
    #expect(kinds == Dictionary(uniqueKeysWithValues: Contract.methods.map { ($0.name, $0.kind) }))
  }

  @Test("every method may be repeated, by itself or with a key")
  func idempotency() {
    let methods = Contract.methods
    #expect(!methods.contains { $0.idempotency == Idempotency.none })
    let keyed = methods.filter { $0.idempotency == .keyed }.map { $0.name.split(separator: "/")[1] }
    #expect(
      Set(keyed) == [
        "CreateTenant", "SetMode", "RunNight", "LeaseWork", "FailWork", "Activate", "ReleaseHold",
        "ReleaseQuarantine", "SetOverlay", "SetRepurchase", "SetTimeZone",
      ])
  }

  @Test("an id is the FNV-1a hash of the full name")
  func ids() {
    // From the definition: offset basis 0x811c9dc5, prime 0x01000193 (draft-eastlake-fnv), computed with Python.
    #expect(RankerService.getRecommendations.id == 0xfead_9e65)
  }
}
