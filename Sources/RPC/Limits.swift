/// The protocol's limits and constants, as PROTOCOL.md gives them.
enum Limits {
  /// Metadata, body and attachment of one frame together.
  static let maximumPayloadBytes = 65_536
  /// A whole frame.
  static let maximumFrameBytes = FrameHeader.byteCount + maximumPayloadBytes
  /// Metadata of a CALL.
  static let maximumMetadataBytes = 8_192
  /// A message that always fits in one frame, whatever the metadata.
  static let maximumSingleFrameMessageBytes = maximumPayloadBytes - maximumMetadataBytes
  /// Body of a frame that is not a message: HELLO, END, GOAWAY.
  static let maximumControlBodyBytes = 49_152
  /// Opaque body of PING and PONG.
  static let pingBytes = 8
  /// One message, all its fragments together; each method sets a lower one.
  static let maximumMessageBytes = 64 << 20
  /// Bytes of frames that may be sent on a stream before the receiver gives more credit.
  static let initialStreamCredit = 262_144
  /// The same for all streams of a connection together.
  static let initialConnectionCredit = 8 << 20
  /// Bytes of cost that the reader of a call collects before it tells the reactor. Times the streams, it stays below
  /// the connection's credit, so that streams which have read everything never stop each other.
  static let readBatch = 4_096
  /// Released bytes that are worth a CREDIT frame: on a stream and on the connection.
  static let streamCreditBatch = 65_536
  static let connectionCreditBatch = 1 << 20
  /// A message is cut for lack of credit into no smaller pieces.
  static let minimumFragmentBytes = 1_024
  /// Body of CREDIT.
  static let creditBytes = 4
  /// No sender holds more credit than this.
  static let maximumCredit = Int(Int32.max)
  /// Calls in flight on one connection.
  static let maximumStreams = 1_024
  /// When a caller with too many calls in flight may try again.
  static let busyRetryAfter = Duration.milliseconds(100)
  /// Messages that are still coming in, all streams of a connection together.
  static let maximumAssemblyBytes = 128 << 20
  /// Longest timeout that the wire can say is 49 days; this is shorter, and enough for any stream.
  static let maximumTimeout = Duration.seconds(40 * 24 * 3600)
  /// Text of a status or of a GOAWAY.
  static let maximumStatusTextBytes = 1_024
  /// Text of a field violation: path or reason.
  static let maximumViolationTextBytes = 256
  /// Field violations in one status.
  static let maximumViolations = 64
  /// Bytes queued by `send` on one call before it suspends.
  static let sendQueueBytes = 65_536
  /// Control frames that may wait while a batch of incoming frames is worked off.
  static let controlFramesABatch = 256
  /// Output that a peer may leave unread: twice the credit it can give us. Past it the connection is closed.
  static let maximumUnreadOutputBytes = 2 * initialConnectionCredit
  /// Answers that wait for a client's credit, all calls of a connection together: past it no further call gets a task.
  static let maximumQueuedAnswerBytes = maximumMessageBytes
  /// PINGs at once, and more with each second.
  static let pingBurst = 60
  static let pingsPerSecond = 1
  /// Calls that a client gives up, at once and more with each second: a call that is opened to be cancelled costs its
  /// sender two frames and the server a task.
  static let cancelBurst = 4_096
  static let cancelsPerSecond = 1_024
  /// CREDIT, PONG and frames of unknown type, at once and more with each second.
  static let freeFrameBurst = 100_000
  static let freeFramesPerSecond = 50_000
}
