import Messages
import Testing

@testable import RPC

@Suite("Session")
struct SessionTests {
  private func creditFrame(_ stream: UInt32, _ bytes: UInt32) -> [UInt8] {
    frame(.credit, stream: stream, body: bigEndianBytes(bytes))
  }

  private let opening = CallOpening(method: 1, timeoutMilliseconds: 1)

  // MARK: What ends a connection

  @Test(
    "a first frame other than HELLO ends the connection",
    arguments: [frame(.ping, body: [UInt8](repeating: 0, count: 8)), frame(.call, .endStream, stream: 1)])
  func helloFirst(first: [UInt8]) {
    var server = Side(.server, greeted: false)
    #expect(throws: ProtocolError.notHelloFirst(first[1])) { try server.feed(first) }
  }

  @Test("a peer that breaks the protocol is found out", arguments: Violation.all)
  func violations(violation: Violation) {
    var side = Side(violation.side)
    #expect(throws: ProtocolError.self) { try side.feed(violation.frames) }
  }

  @Test("a message over the stream's credit ends the connection")
  func streamCreditExceeded() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1))
    let full = frame(.message, stream: 1, body: [UInt8](repeating: 1, count: Limits.maximumPayloadBytes))
    for _ in 0..<3 { try server.feed(full) }
    #expect(throws: ProtocolError.creditExceeded(stream: 1)) { try server.feed(full) }
  }

  @Test("messages over the connection's credit end it, whatever the number of streams")
  func connectionCreditExceeded() throws {
    var server = Side(.server)
    let body = [UInt8](repeating: 1, count: Limits.maximumPayloadBytes)
    let calls = Limits.initialConnectionCredit / Limits.maximumFrameBytes
    for index in 0..<calls { try server.feed(frame(.call, .endStream, stream: UInt32(index) * 2 + 1, body: body)) }
    #expect(throws: ProtocolError.creditExceeded(stream: 0)) {
      try server.feed(frame(.call, .endStream, stream: 9_999, body: body))
    }
  }

  // MARK: Streams

  @Test("an END or a last message half-closes, and the server's END ends")
  func halfClose() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1) + frame(.end, stream: 1) + frame(.call, .endStream, stream: 3))
    #expect(server.halfClosed == [1, 3])
    server.session.end(1, [])
    server.session.send(3, [9], last: true)
    do {
      let output = server.output()
      #expect(output == frame(.end, stream: 1) + frame(.message, .endStream, stream: 3, body: [9]))
    }
    #expect(server.session.streams.isEmpty)
  }

  @Test("frames on a stream that has ended are dropped, and their credit is given back")
  func lateFrames() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1))
    server.session.end(1, [])
    _ = server.output()
    let late = frame(.message, stream: 1, body: [UInt8](repeating: 1, count: 60_000))
    for _ in 0..<1_000 { try server.feed(late) }
    try server.feed(frame(.end, stream: 1) + frame(.cancel, stream: 1) + creditFrame(1, 5))
    #expect(server.received.isEmpty)
  }

  @Test("CANCEL ends the stream and drops what was queued on it")
  func cancel() throws {
    var server = Side(.server)
    try server.feed(frame(.call, .endStream, stream: 1))
    server.session.send(1, [1], last: false)
    try server.feed(frame(.cancel, stream: 1))
    #expect(server.cancelled == [1])
    do {
      let output = server.output()
      #expect(output.isEmpty)
    }
  }

  @Test("a call that is cancelled before its CALL was sent leaves no trace but a gap in the streams")
  func cancelBeforeCall() throws {
    var client = Side(.client)
    let first = client.session.open(1, opening, message: [1], last: true, maximumMessageBytes: 9)
    let second = client.session.open(2, opening, message: [2], last: true, maximumMessageBytes: 9)
    #expect(first == 1 && second == 3)
    client.session.cancel(1)
    let bytes = client.output()
    #expect(try FrameHeader.parse(bytes).stream == 3)
    #expect(bytes.count == 33)
    client.session.cancel(3)
    do {
      let output = client.output()
      #expect(output == frame(.cancel, stream: 3))
    }
  }

  @Test("an empty first message is not taken for none")
  func emptyFirstMessage() throws {
    var client = Side(.client)
    let stream = client.session.open(1, opening, message: nil, last: false, maximumMessageBytes: 9)!
    client.session.send(stream, [], last: false)
    var server = Side(.server)
    try server.feed(client.output())
    #expect(server.received == [1: [[]]])
  }

  @Test("a message over the method's limit ends its call as soon as that is known")
  func messageLimit() throws {
    var server = Side(.server)
    server.maximumMessageBytes = 100_000
    let half = [UInt8](repeating: 1, count: 60_000)
    try server.feed(frame(.call, .more, stream: 1, body: half))
    #expect(server.session.assemblyBytes == 60_000)
    try server.feed(frame(.message, .more, stream: 1, body: half))
    #expect(server.refusals.map(\.code) == [.resourceExhausted])
    #expect(server.session.assemblyBytes == 0)
    #expect(server.session.streams.isEmpty)
    // The rest is on its way already.
    try server.feed(frame(.message, .endStream, stream: 1, body: half))
  }

  @Test("unfinished messages of all streams together have a limit")
  func assemblyLimit() throws {
    var server = Side(.server)
    server.maximumMessageBytes = Limits.maximumMessageBytes
    let body = [UInt8](repeating: 1, count: Limits.maximumPayloadBytes)
    var streams: [UInt32] = []
    for index in 0..<3 as Range<UInt32> {
      streams.append(2 * index + 1)
      try server.feed(frame(.call, stream: 2 * index + 1))
    }
    for _ in 0..<Limits.maximumMessageBytes / body.count {
      for stream in streams where server.refusals.isEmpty {
        try server.feed(frame(.message, .more, stream: stream, body: body))
        #expect(server.session.assemblyBytes <= Limits.maximumAssemblyBytes)
        _ = server.output()
      }
    }
    #expect(server.refusals.map(\.code) == [.resourceExhausted])
  }

  // MARK: Credit

  @Test("calls that are opened without a message give their credit back, however many there are")
  func openingsReleased() throws {
    var (client, server) = (Side(.client), Side(.server))
    let opening = CallOpening(
      method: 1, timeoutMilliseconds: 1, metadata: [UInt8](repeating: 1, count: Limits.maximumMetadataBytes))
    for call in 0..<3 * Limits.initialConnectionCredit / Limits.maximumMetadataBytes {
      let opened = client.session.open(call, opening, message: nil, last: false, maximumMessageBytes: 9)
      let stream = try #require(opened)
      client.session.end(stream, [])
      try server.feed(client.output())
      server.session.end(stream, [])
      try client.feed(server.output())
    }
    #expect(client.session.streams.isEmpty && server.session.streams.isEmpty)
    #expect(client.session.sendCredit >= Limits.initialConnectionCredit - Limits.connectionCreditBatch)
  }

  @Test("streams that end while they wait for credit leave nothing in the queues")
  func endedWhileWaiting() throws {
    var (client, server) = (Side(.client), Side(.server))
    server.session.sendCredit = 10
    client.session.sendCredit = 10
    try server.feed(frame(.call, .endStream, stream: 1))
    server.session.send(1, [UInt8](repeating: 1, count: 200), last: true)
    _ = client.session.open(0, opening, message: [1], last: true, maximumMessageBytes: 9)
    for index in 1..<1_000 as Range<UInt32> {
      let stream = 2 * index + 1
      try server.feed(frame(.call, .endStream, stream: stream))
      server.session.send(stream, [1], last: true)
      server.session.abort(stream, [])
      _ = client.session.open(Int(index), opening, message: [1], last: true, maximumMessageBytes: 9)
      client.session.cancel(stream)
    }
    #expect(server.session.ring.count < 100 && client.session.openings.count < 100)
    try server.feed(creditFrame(0, 1_000))
    try client.feed(creditFrame(0, 1_000))
    #expect(server.output().suffix(200) == [UInt8](repeating: 1, count: 200)[...])
    #expect(client.output().count == FrameHeader.byteCount + 1)
  }

  @Test("a second GOAWAY says why, and takes no stream back")
  func secondGoAway() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1))
    server.session.goAway("it is late")
    try server.feed(frame(.call, stream: 3))
    server.session.goAway("that was wrong")
    var client = Side(.client)
    for _ in 0..<2 { _ = client.session.open(0, opening, message: [1], last: true, maximumMessageBytes: 9) }
    _ = client.output()
    try client.feed(server.output())
    #expect(client.goAwayReasons == ["it is late", "that was wrong"])
    #expect(client.session.streams.keys.sorted() == [1])
  }

  @Test("a sender stops at the stream's credit and goes on when it gets more")
  func senderStops() throws {
    var server = Side(.server)
    try server.feed(frame(.call, .endStream, stream: 1))
    server.session.send(1, [UInt8](repeating: 5, count: 1_000_000), last: true)
    do {
      let output = server.output()
      #expect(output.count == Limits.initialStreamCredit)
    }
    do {
      let output = server.output()
      #expect(output.isEmpty)
    }
    try server.feed(creditFrame(1, 5_000))
    do {
      let output = server.output()
      #expect(output.count == 5_000)
    }
    try server.feed(creditFrame(1, 100))
    let piece = server.output()
    #expect(piece.isEmpty, "a piece of 100 bytes is not worth its header")
    try server.feed(creditFrame(1, 2_000_000))
    do {
      let output = server.output()
      #expect(output.count > 700_000)
    }
    #expect(server.session.streams.isEmpty)
  }

  @Test("a sender stops at the connection's credit; frames without cost still go")
  func connectionStops() throws {
    var server = Side(.server)
    for index in 0..<40 as Range<UInt32> {
      try server.feed(frame(.call, .endStream, stream: 2 * index + 1))
      server.session.send(2 * index + 1, [UInt8](repeating: 5, count: 250_000), last: true)
    }
    let sent = server.output().count
    #expect(sent <= Limits.initialConnectionCredit && sent > Limits.initialConnectionCredit - 2_000)
    let mayWrite = server.session.takeCredit(forMessageBytes: 3_000)
    #expect(!mayWrite)
    try server.feed(frame(.call, .endStream, stream: 101))
    server.session.end(101, [])
    do {
      let output = server.output()
      #expect(output == frame(.end, stream: 101))
    }
    try server.feed(creditFrame(0, 9_000_000))
    _ = server.output()
    #expect(server.session.streams.isEmpty)
  }

  @Test("streams that wait for the connection's credit are left alone until there is enough for one of them")
  func waitingForConnection() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1) + frame(.call, stream: 3) + frame(.call, stream: 5))
    server.session.sendCredit = 100
    server.session.send(1, [UInt8](repeating: 1, count: 200), last: true)
    server.session.send(3, [UInt8](repeating: 3, count: 5_000), last: true)
    #expect(server.output().isEmpty)
    #expect(server.session.ringNeeds == FrameHeader.byteCount + 200)
    try server.feed(creditFrame(0, 100))
    #expect(server.output().isEmpty)
    try server.feed(creditFrame(0, 32))
    #expect(server.output().count == FrameHeader.byteCount + 200)
    #expect(server.session.ringNeeds > server.session.sendCredit)
    server.session.end(5, [])
    #expect(server.output() == frame(.end, stream: 5))
    try server.feed(creditFrame(0, 10_000))
    #expect(server.output().count == FrameHeader.byteCount + 5_000)
    #expect(server.session.streams.isEmpty)
  }

  @Test("an unread stream gets no more credit; reading gives it back")
  func unreadStream() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1))
    let message = frame(.message, stream: 1, body: [UInt8](repeating: 1, count: 50_000))
    for _ in 0..<5 { try server.feed(message) }
    do {
      let output = server.output()
      #expect(output.isEmpty)
    }
    server.read(1)
    let first = server.output()
    #expect(first.isEmpty, "one message is not worth a CREDIT")
    server.read(1)
    do {
      let output = server.output()
      #expect(output == creditFrame(1, UInt32(2 * message.count)))
    }
  }

  @Test("a message longer than the stream's credit gets credit as it comes, unless others wait unread before it")
  func longMessage() throws {
    var server = Side(.server)
    let fragment = frame(.message, .more, stream: 1, body: [UInt8](repeating: 1, count: 65_536))
    try server.feed(frame(.call, stream: 1))
    try server.feed(fragment)
    do {
      let output = server.output()
      #expect(output == creditFrame(1, UInt32(fragment.count)))
    }

    try server.feed(frame(.call, stream: 3) + frame(.message, stream: 3, body: [UInt8](repeating: 1, count: 5_000)))
    try server.feed(frame(.message, .more, stream: 3, body: [UInt8](repeating: 1, count: 65_536)))
    do {
      let output = server.output()
      #expect(output.isEmpty)
    }
    server.read(3)
    #expect(!server.output().isEmpty)
  }

  @Test("streams are served in turn, a fragment each, and small calls pass large ones")
  func roundRobin() throws {
    var server = Side(.server)
    for stream in [1, 3, 5] as [UInt32] { try server.feed(frame(.call, .endStream, stream: stream)) }
    server.session.send(1, [UInt8](repeating: 1, count: 200_000), last: true)
    server.session.send(3, [UInt8](repeating: 3, count: 100_000), last: true)
    server.session.send(5, [5], last: true)
    var order: [UInt32] = []
    while let frame = server.session.nextFrame() { order.append(frame.header.stream) }
    #expect(order == [1, 3, 5, 1, 3, 1, 1])
  }

  @Test("CALL frames leave in the order of their streams, also when credit runs short")
  func openingOrder() throws {
    var client = Side(.client)
    client.session.sendCredit = 2_000
    for call in 1...3 {
      _ = client.session.open(
        call, opening, message: [UInt8](repeating: 1, count: call == 2 ? 100_000 : 10), last: true,
        maximumMessageBytes: 1)
    }
    var streams: [UInt32] = []
    for _ in 0..<200 {
      while let frame = client.session.nextFrame() {
        if frame.header.type == .call { streams.append(frame.header.stream) }
      }
      try client.feed(creditFrame(0, 900))
    }
    #expect(streams == [1, 3, 5])
  }

  @Test(
    "metadata takes its part of a frame and of the credit, whatever the request",
    arguments: [nil, 0, 10, 57_344, 57_345, 65_536, 300_000])
  func metadataAndCredit(requestBytes: Int?) throws {
    var client = Side(.client)
    var server = Side(.server)
    let metadata = [UInt8](repeating: 7, count: Limits.maximumMetadataBytes)
    let request = requestBytes.map { [UInt8](repeating: 1, count: $0) }
    let opening = CallOpening(method: 1, timeoutMilliseconds: 1, metadata: metadata)
    _ = client.session.open(1, opening, message: request, last: true, maximumMessageBytes: 9)
    while let frame = client.session.nextFrame() {
      #expect(frame.header.payloadBytes <= Limits.maximumPayloadBytes)
      #expect(frame.metadata == (frame.header.type == .call ? metadata : []))
      try server.feed(frame.header.encoded + frame.metadata + frame.source[frame.range])
      try client.feed(server.output())
    }
    #expect(server.received[1] == request.map { [$0] })
    #expect(client.session.sendCredit == server.session.peerCredit)
  }

  @Test("a request that fits in one frame waits for credit rather than come in two")
  func wholeRequest() throws {
    var client = Side(.client)
    client.session.sendCredit = 40_000
    _ = client.session.open(
      1, opening, message: [UInt8](repeating: 1, count: 50_000), last: true, maximumMessageBytes: 1)
    let early = client.session.nextFrame()
    #expect(early?.header == nil)
    try client.feed(creditFrame(0, 20_000))
    let whole = client.session.nextFrame()
    #expect(whole?.header.bodyBytes == 50_000)
  }

  // MARK: Going away

  @Test("after GOAWAY new calls are dropped unanswered and old ones go on")
  func goAway() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1))
    server.session.goAway("bye")
    try server.feed(frame(.call, .endStream, stream: 3, body: [1]) + frame(.message, .endStream, stream: 1, body: [2]))
    #expect(server.received == [1: [[2]]])
    server.session.end(1, [])
    let goAway = Encoded<Proto.GoAway> {
      $0.last_stream = 1
      $0.reason = "bye"
    }
    do {
      let output = server.output()
      #expect(output == frame(.goAway, body: goAway.bytes) + frame(.end, stream: 1))
    }
  }

  @Test("a client learns which of its calls were not processed")
  func goneAway() throws {
    var client = Side(.client)
    for call in 1...3 { _ = client.session.open(call, opening, message: [], last: true, maximumMessageBytes: 9) }
    _ = client.output()
    try client.feed(frame(.goAway, body: Encoded<Proto.GoAway> { $0.last_stream = 3 }.bytes))
    #expect(client.notProcessed == [3])
    #expect(client.session.peerIsGoingAway)
    try client.feed(frame(.end, stream: 1) + frame(.message, .endStream, stream: 3))
    #expect(client.ended == [1: nil, 2: nil])
  }
}

/// Frames that a peer must not send.
struct Violation: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let side: Session<Int>.Side
  let frames: [UInt8]

  init(_ name: String, _ frames: [UInt8], at side: Session<Int>.Side = .server) {
    testDescription = name
    self.side = side
    self.frames = frames
  }

  static let call = frame(.call, stream: 3)
  static let all = [
    Violation("second HELLO", helloFrame),
    Violation("HELLO of version 0", frame(.hello)),
    Violation("HELLO that is no protobuf", frame(.hello, body: [0xff])),
    Violation("even stream", frame(.call, stream: 2)),
    Violation("stream 0", frame(.call, stream: 0)),
    Violation("stream used again", call + call),
    Violation("stream not above the last", call + frame(.call, stream: 1)),
    Violation("END_STREAM and MORE", frame(.call, [.endStream, .more], stream: 1, body: [1])),
    Violation("empty fragment", call + frame(.message, .more, stream: 3)),
    Violation("message on a stream never opened", frame(.message, stream: 1, body: [1])),
    Violation("message on an even stream", call + frame(.message, stream: 2, body: [1])),
    Violation("END on a stream never opened", frame(.end, stream: 1)),
    Violation("CANCEL on a stream never opened", frame(.cancel, stream: 1)),
    Violation("CREDIT on a stream never opened", frame(.credit, stream: 1, body: [0, 0, 0, 1])),
    Violation("message after half-close", call + frame(.end, stream: 3) + frame(.message, stream: 3, body: [1])),
    Violation("second half-close", call + frame(.end, stream: 3) + frame(.end, stream: 3)),
    Violation("half-close in a message", call + frame(.message, .more, stream: 3, body: [1]) + frame(.end, stream: 3)),
    Violation("status from a client", call + frame(.end, stream: 3, body: [8, 1])),
    Violation("CREDIT of 0", frame(.credit, body: [0, 0, 0, 0])),
    Violation("CREDIT of 3 bytes", frame(.credit, body: [0, 0, 1])),
    Violation("CREDIT over the limit", frame(.credit, body: [0x7f, 0xff, 0xff, 0xff])),
    Violation("CREDIT over a stream's limit", call + frame(.credit, stream: 3, body: [0xff, 0xff, 0xff, 0xff])),
    Violation("PING of 7 bytes", frame(.ping, body: [UInt8](repeating: 0, count: 7))),
    Violation("PING on a stream", frame(.ping, stream: 1, body: [UInt8](repeating: 0, count: 8))),
    Violation("CANCEL with a body", call + frame(.cancel, stream: 3, body: [1])),
    Violation("control frame with an attachment", frame(.goAway, attachment: [1])),
    Violation("CALL from a server", frame(.call, stream: 1), at: .client),
    Violation("CANCEL from a server", frame(.cancel, stream: 1), at: .client),
    Violation("message on a stream that the client never opened", frame(.message, stream: 1), at: .client),
  ]
}
