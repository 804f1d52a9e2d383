/// How the peer broke the protocol. The connection ends with a GOAWAY that says so.
enum ProtocolError: Error, Equatable, CustomStringConvertible {
  case version(UInt8)
  case unknownType(UInt8)
  case frameTooLarge(bytes: Int)
  case metadataTooLarge(bytes: Int)
  case malformed(FrameType, String)
  case notHelloFirst(UInt8)
  case secondHello
  case wrongStream(FrameType, stream: UInt32, String)
  case wrongDirection(FrameType)
  case creditExceeded(stream: UInt32)
  case creditOverflow(stream: UInt32)
  case outputUnread(bytes: Int)
  case tooMany(Allowance.Kind)
  case stuckFrame

  var description: String {
    switch self {
    case .version(let version): "frame of version \(version); this side speaks \(FrameHeader.version)"
    case .unknownType(let type): "frame of unknown type \(type) without IGNORABLE"
    case .frameTooLarge(let bytes): "frame of \(bytes) bytes; at most \(Limits.maximumFrameBytes)"
    case .metadataTooLarge(let bytes): "metadata of \(bytes) bytes; at most \(Limits.maximumMetadataBytes)"
    case .malformed(let type, let problem): "malformed \(type.name): \(problem)"
    case .notHelloFirst(let type): "first frame is of type \(type), not HELLO"
    case .secondHello: "second HELLO"
    case .wrongStream(let type, let stream, let problem): "\(type.name) on stream \(stream): \(problem)"
    case .wrongDirection(let type): "\(type.name) from the wrong side"
    case .creditExceeded(let stream): "more bytes than credit on \(Self.name(of: stream))"
    case .creditOverflow(let stream): "credit over \(Limits.maximumCredit) bytes on \(Self.name(of: stream))"
    case .outputUnread(let bytes): "\(bytes) bytes of answers left unread"
    case .tooMany(let kind): "too many \(kind.name): at most \(kind.burst), and \(kind.perSecond) more a second"
    case .stuckFrame: "a frame that has begun does not come whole"
    }
  }

  private static func name(of stream: UInt32) -> String { stream == 0 ? "the connection" : "stream \(stream)" }
}

extension FrameType {
  /// Name in PROTOCOL.md.
  var name: String {
    switch self {
    case .hello: "HELLO"
    case .call: "CALL"
    case .message: "MESSAGE"
    case .end: "END"
    case .cancel: "CANCEL"
    case .credit: "CREDIT"
    case .ping: "PING"
    case .pong: "PONG"
    case .goAway: "GOAWAY"
    }
  }
}
