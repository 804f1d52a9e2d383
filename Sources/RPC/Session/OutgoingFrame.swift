/// A frame that the session has decided to send, and the memory that its body is copied from.
struct OutgoingFrame<Call> {
  var header: FrameHeader
  /// What stands before the body, in a CALL.
  var metadata: [UInt8] = []
  /// Where the body is: `range` of `source`.
  var source: [UInt8] = []
  var range: Range<Int> = 0..<0
  /// The call whose message bytes these are, to be told that they are on their way; nil for all other frames.
  var call: Call?
  /// The call whose stream is over once this frame is written.
  var endedCall: Call?

  /// What the frame's part of a message counts for in its sender's queue; the last part counts the header.
  var queueCost: Int { header.flags.contains(.more) ? range.count : Mailbox.queueCost(range.count) }

  /// A frame that is not part of a message.
  static func control(_ type: FrameType, stream: UInt32 = 0, _ body: [UInt8] = []) -> Self {
    Self(header: FrameHeader(type, stream: stream, bodyBytes: body.count), source: body, range: 0..<body.count)
  }
}
