import Foundation
import Messages
import Testing

@testable import RPC

/// Numbers that a seed repeats: SplitMix64 (Steele, Lea, Flood 2014).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// A frame as bytes.
func frame(
  _ type: FrameType, _ flags: FrameFlags = [], stream: UInt32 = 0, method: UInt32 = 0, metadata: [UInt8] = [],
  body: [UInt8] = [], attachment: [UInt8] = []
) -> [UInt8] {
  var header = FrameHeader(type, flags: flags, stream: stream, bodyBytes: body.count)
  header.method = method
  header.metadataBytes = metadata.count
  header.attachmentBytes = attachment.count
  return header.encoded + metadata + body + attachment
}

extension FrameHeader {
  /// The header's 32 bytes.
  var encoded: [UInt8] {
    var bytes = [UInt8](repeating: 0xaa, count: Self.byteCount)
    bytes.withUnsafeMutableBytes { write(to: $0) }
    return bytes
  }

  /// Parses the first 32 of `bytes`.
  static func parse(_ bytes: [UInt8]) throws(ProtocolError) -> FrameHeader {
    let result = bytes.withUnsafeBytes { raw in
      Result<FrameHeader, ProtocolError> { () throws(ProtocolError) in try FrameHeader(parsing: raw) }
    }
    return try result.get()
  }
}

let helloFrame = frame(.hello, body: Encoded<Proto.Hello> { $0.version = 1 }.bytes)

/// One side of a connection without a connection: a session, what it was told, and what it made of it.
struct Side {
  var session: Session<Int>
  /// Messages that came in, by call.
  var received: [Int: [[UInt8]]] = [:]
  /// Costs of messages that were not released, by stream.
  var unread: [UInt32: [Int]] = [:]
  var halfClosed: Set<Int> = []
  /// Calls that are over, with their status.
  var ended: [Int: RPCError?] = [:]
  var cancelled: Set<Int> = []
  var refusals: [RPCError] = []
  var notProcessed: [Int] = []
  var goAwayReasons: [String] = []
  var maximumMessageBytes = 1 << 20
  private var pending: [UInt8] = []
  private(set) var openedHere: [Int] = []

  init(_ side: Session<Int>.Side, greeted: Bool = true) {
    session = Session(side: side)
    if greeted {
      _ = output()
      // Greeting a new session cannot fail.
      try? feed(helloFrame)
    }
  }

  /// Everything that the session wants to send now.
  mutating func output() -> [UInt8] {
    var bytes: [UInt8] = []
    while let frame = session.nextFrame() {
      bytes += frame.header.encoded + frame.metadata + frame.source[frame.range]
    }
    return bytes
  }

  /// Takes bytes as they come, whole frames or not.
  mutating func feed(_ bytes: [UInt8]) throws(ProtocolError) {
    pending += bytes
    let input = pending
    let result = input.withUnsafeBytes { raw in
      Result<Int, ProtocolError> { () throws(ProtocolError) in
        var frames = FrameReader(raw)
        while let (header, payload) = try frames.next() {
          let event = try session.receive(header, payload)
          try handle(event, header, header.body(of: payload))
        }
        return frames.consumed
      }
    }
    pending.removeFirst(try result.get())
  }

  /// Releases the oldest unread message of a stream.
  mutating func read(_ stream: UInt32) {
    guard var costs = unread[stream], !costs.isEmpty else { return }
    session.release(stream, costs.removeFirst())
    unread[stream] = costs
  }

  private mutating func handle(_ event: SessionEvent<Int>, _ header: FrameHeader, _ body: UnsafeRawBufferPointer)
    throws(ProtocolError)
  {
    switch event {
    case .none: break
    case .call:
      openedHere.append(Int(header.stream))
      session.admit(header, Int(header.stream), maximumMessageBytes: maximumMessageBytes)
      if Session<Int>.carriesMessage(header) { try handle(session.take(header, body), header, body) }
    case .message(let call, let message, let cost, let last):
      received[call, default: []].append(message)
      if session.call(header.stream) != nil { unread[header.stream, default: []].append(cost) }
      if last {
        if session.side == .server { halfClosed.insert(call) } else { ended[call] = .some(nil) }
      }
    case .halfClosed(let call): halfClosed.insert(call)
    case .ended(let call): ended[call] = .some(StatusCoding.decode(body))
    case .cancelled(let call): cancelled.insert(call)
    case .refused(let stream, let call, let error):
      refusals.append(error)
      if session.side == .server {
        session.abort(stream, StatusCoding.encode(error))
      } else {
        session.cancel(stream)
        ended[call] = .some(error)
      }
    case .goAway(let reason, let calls):
      goAwayReasons.append(reason)
      notProcessed += calls
    }
  }
}
