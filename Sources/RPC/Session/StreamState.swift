/// One call in flight on a connection, as a session keeps it.
struct StreamState<Call> {
  /// What the session's holder knows the call by.
  var call: Call

  // Receiving.
  /// Longest message that the peer may send.
  let maximumMessageBytes: Int
  /// Bytes of frames that the peer may still send.
  var peerCredit = Limits.initialStreamCredit
  /// Fragments of a message whose last one has not come.
  var partial: [UInt8] = []
  /// What the fragments in `partial` cost and has not been released.
  var partialCost = 0
  var isAssembling = false
  /// Cost of whole messages that have been handed on and not released.
  var held = 0
  /// Released, but not yet worth a CREDIT frame.
  var ungranted = 0
  var receivingEnded = false

  // Sending.
  var sendCredit = Limits.initialStreamCredit
  var queue = Queue<Outgoing>()
  /// Bytes of the queue's first message that are sent.
  var sent = 0
  /// Bytes of the queue's messages that are not.
  var queuedBytes = 0
  /// The stream stands in the session's ring.
  var isScheduled = false
  var sendingEnded = false

  init(call: Call, maximumMessageBytes: Int) {
    self.call = call
    self.maximumMessageBytes = maximumMessageBytes
  }

  /// What waits to be sent on a stream.
  enum Outgoing {
    case message([UInt8], last: Bool)
    /// END, with the status from a server.
    case end([UInt8])
  }

  /// Whether the CALL frame may carry the first message in the queue: an empty one that is not the last would be taken
  /// for none.
  var mayOpenWithMessage: Bool {
    guard case .message(let message, let last) = queue.first else { return false }
    return last || !message.isEmpty
  }

  /// Credit that the next fragment needs at least: a smaller one would not be worth its header.
  var fragmentCost: Int {
    guard case .message(let message, _) = queue.first else { return FrameHeader.byteCount }
    return FrameHeader.byteCount + min(message.count - sent, Limits.minimumFragmentBytes)
  }

  /// Credit of the connection without which the first of the queue cannot be sent: an END needs none.
  var connectionCreditNeeded: Int {
    guard case .message = queue.first else { return 0 }
    return fragmentCost
  }

  /// Everything that the stream has received and not released.
  var unreleased: Int { held + partialCost }
}
