/// A call that waits for its stream, and what its CALL frame is to say.
struct PendingCall: Sendable {
  let call: Call
  /// FNV-1a of the method's name.
  let method: UInt32
  let maximumResponseBytes: Int
  /// An encoded `CallMetadata`; empty = none.
  let metadata: [UInt8]
  /// The only request of a unary call; nil where requests are sent one by one.
  let request: [UInt8]?
}
