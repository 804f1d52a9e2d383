/// A call that waits for its stream, and what its CALL frame is to say.
struct PendingCall: Sendable {
  let call: Call
  /// FNV-1a of the method's name.
  let method: UInt32
  let maximumResponseBytes: Int
  /// Requests of the method that the connection may carry in a second; nil = as many as credit allows.
  let maximumMessagesPerSecond: Int?
  /// An encoded `CallMetadata`; empty = none.
  let metadata: [UInt8]
  /// The only request of a unary call; nil where requests are sent one by one.
  let request: [UInt8]?
}
