/// The frames of the protocol, by their number on the wire.
enum FrameType: UInt8, CaseIterable {
  /// First frame of each side: version, features, limits.
  case hello = 1
  /// Opens a call, with its first message where there is one.
  case call = 2
  /// A message, or a fragment of one.
  case message = 3
  /// From the server: how the call ended. From the client: no more messages.
  case end = 4
  /// The caller gives the call up.
  case cancel = 5
  /// The receiver of messages allows more bytes.
  case credit = 6
  /// Asks for a PONG with the same body.
  case ping = 7
  /// Answers a PING.
  case pong = 8
  /// The sender takes no further calls.
  case goAway = 9
}

/// The flags of a frame. Unknown ones are ignored.
struct FrameFlags: OptionSet, Hashable {
  let rawValue: UInt16
  /// The sender's last message on the stream; from a server, the call ended well.
  static let endStream = FrameFlags(rawValue: 1)
  /// The message goes on in the stream's next MESSAGE frame.
  static let more = FrameFlags(rawValue: 2)
  /// A receiver that does not know the frame's type skips it.
  static let ignorable = FrameFlags(rawValue: 4)
}
