import Messages

@testable import RPC

/// The state machine of both sides, fed a stream of bytes behind a HELLO. The first byte chooses the side.
///
/// Whatever comes, the session either goes on or ends with a protocol error; what it holds stays in its bounds.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  guard let first = bytes.first else { return 0 }
  var peer = Peer(first & 1 == 0 ? .server : .client)
  peer.feed(hello)
  peer.feed(UnsafeRawBufferPointer(rebasing: bytes.dropFirst()))
  return 0
}

private let hello: [UInt8] = {
  let body = Encoded<Proto.Hello> { $0.version = 1 }.bytes
  let header = FrameHeader(.hello, bodyBytes: body.count)
  return [UInt8](unsafeUninitializedCapacity: FrameHeader.byteCount) { space, count in
    header.write(to: UnsafeMutableRawBufferPointer(space))
    count = FrameHeader.byteCount
  } + body
}()

private struct Peer {
  private static let maximumMessageBytes = 1 << 20
  private var session: Session<UInt32>
  private var next: UInt32 = 1

  init(_ side: Session<UInt32>.Side) {
    session = Session(side: side)
    guard side == .client else { return }
    for index in 0..<3 as Range<UInt32> {
      let opening = CallOpening(method: 7, timeoutMilliseconds: 0)
      _ = session.open(
        index, opening, message: [1, 2], last: index == 0, maximumMessageBytes: Self.maximumMessageBytes)
    }
    drain()
  }

  mutating func feed(_ bytes: [UInt8]) { bytes.withUnsafeBytes { feed($0) } }

  mutating func feed(_ bytes: UnsafeRawBufferPointer) {
    var frames = FrameReader(bytes)
    do throws(ProtocolError) {
      while let (header, payload) = try frames.next() {
        let event = try session.receive(header, payload)
        try act(event, header, header.body(of: payload))
        check()
        drain()
      }
    } catch {
      session.goAway("\(error)")
      drain()
    }
  }

  private mutating func act(
    _ event: SessionEvent<UInt32>, _ header: FrameHeader, _ body: UnsafeRawBufferPointer
  ) throws(ProtocolError) {
    switch event {
    case .call:
      guard session.streams.count < 16, header.method != 9 else {
        session.pass(header)
        session.refuse(header.stream, StatusCoding.encode(RPCError(.unimplemented, "no")))
        return
      }
      session.admit(header, header.stream, maximumMessageBytes: Self.maximumMessageBytes)
      if Session<UInt32>.carriesMessage(header) { try act(session.take(header, body), header, body) }
    case .message(let call, let message, let cost, _):
      guard session.call(header.stream) != nil else { return }
      session.release(header.stream, cost)
      // A server echoes what it got, at times as its last word.
      if session.side == .server { session.send(call, message, last: message.first == 1) }
    case .halfClosed(let call): session.end(call, StatusCoding.ok)
    case .refused(let stream, _, let error):
      if session.side == .server { session.abort(stream, StatusCoding.encode(error)) } else { session.cancel(stream) }
    case .ended: _ = StatusCoding.decode(body)
    case .none, .cancelled, .goAway: break
    }
  }

  private mutating func drain() {
    while let frame = session.nextFrame() {
      precondition(frame.header.frameBytes <= Limits.maximumFrameBytes)
      precondition(frame.range.count == frame.header.bodyBytes && frame.metadata.count == frame.header.metadataBytes)
    }
  }

  private func check() {
    precondition(session.streams.count <= Limits.maximumStreams)
    precondition((0...Limits.maximumCredit).contains(session.sendCredit))
    precondition((0...Limits.initialConnectionCredit).contains(session.peerCredit))
    precondition((0...Limits.maximumAssemblyBytes).contains(session.assemblyBytes))
    precondition(session.streams.values.allSatisfy { $0.partial.count <= Self.maximumMessageBytes })
  }
}
