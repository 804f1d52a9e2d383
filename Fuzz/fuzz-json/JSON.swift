import Messages
import NightjarClient

/// The JSON bridge: what it takes is a message of the type, whose JSON it takes again for the same bytes. The first byte
/// chooses the type.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  guard let first = bytes.first else { return 0 }
  let type = types[Int(first) % types.count]
  guard let encoded = try? type.encode(json: UnsafeRawBufferPointer(rebasing: bytes.dropFirst())) else { return 0 }
  guard let json = try? type.json(encoded) else {
    preconditionFailure("the bridge made bytes that are no \(type.name)")
  }
  guard let again = try? type.encode(json: json), let text = try? type.json(again) else {
    preconditionFailure("the bridge does not take its own JSON: \(json)")
  }
  precondition(text == json, "\(json) came back as \(text)")
  return 0
}

/// The first in an order that does not change, or the corpus would mean something else; then all that can be called.
private let types =
  [
    MessageType(Proto.Product.self), MessageType(Proto.UpsertCustomersRequest.self),
    MessageType(Proto.RecordEventsRequest.self), MessageType(Proto.EventColumns.self),
    MessageType(Proto.GetRecommendationsResponse.self), MessageType(Proto.SignedGrant.self),
    MessageType(Proto.SetModeRequest.self),
  ] + Contract.methods.flatMap { [$0.request, $0.response] }
