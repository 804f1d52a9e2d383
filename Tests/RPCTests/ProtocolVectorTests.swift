import Foundation
import Messages
import Testing

@testable import RPC

/// The frames that proto/PROTOCOL.md shows, read from it.
struct ProtocolVector: Sendable, CustomTestStringConvertible {
  let name: String
  let fields: [String: String]
  let bytes: [UInt8]

  var testDescription: String { name }

  static let page: String = {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../proto/PROTOCOL.md").path
    return (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
  }()

  static let all: [ProtocolVector] = blocks("frame").map { block in
    var lines = block.split(separator: "\n").map(String.init)
    let name = lines.removeFirst()
    let fields = lines.removeFirst().split(separator: " ").map {
      $0.split(separator: "=", maxSplits: 1).map(String.init)
    }
    let digits = Array(lines.joined().utf8.filter { $0 != UInt8(ascii: " ") })
    let bytes = stride(from: 0, to: digits.count, by: 2).map {
      UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
    }
    return ProtocolVector(
      name: name, fields: Dictionary(uniqueKeysWithValues: fields.map { ($0[0], $0[1]) }), bytes: bytes)
  }

  static func blocks(_ kind: String) -> [String] {
    page.components(separatedBy: "```\(kind)").dropFirst().map {
      String($0.components(separatedBy: "```")[0].drop { $0 == " " || $0 == "\n" })
    }
  }

  static func named(_ name: String) throws -> ProtocolVector { try #require(all.first { $0.name == name }) }

  var body: [UInt8] { Array(bytes[FrameHeader.byteCount...]) }
}

@Suite("The frames of PROTOCOL.md")
struct ProtocolVectorTests {
  @Test("there is one for every type")
  func complete() {
    #expect(Set(ProtocolVector.all.compactMap { $0.fields["type"] }).isSuperset(of: FrameType.allCases.map(\.name)))
  }

  @Test("the codec reads and writes each as it is described", arguments: ProtocolVector.all)
  func codec(vector: ProtocolVector) throws {
    let header = try FrameHeader.parse(vector.bytes)
    let fields = vector.fields
    #expect(fields["type"] == header.type?.name ?? "\(header.typeNumber)")
    #expect(fields["flags"] == header.flags.names)
    #expect(fields["stream"] == "\(header.stream)")
    #expect(fields["method"] == hex(header.method))
    #expect(fields["timeout"] == "\(header.timeoutMilliseconds)")
    #expect(fields["metadata"] == "\(header.metadataBytes)")
    #expect(fields["body"] == "\(header.bodyBytes)")
    #expect(fields["attachment"] == "\(header.attachmentBytes)")
    #expect(vector.bytes.count == header.frameBytes)
    #expect(header.encoded == Array(vector.bytes.prefix(FrameHeader.byteCount)))
  }

  @Test("the method ids")
  func methodIDs() throws {
    let lines = try #require(ProtocolVector.blocks("method").first).split(separator: "\n")
    #expect(lines.count == 2)
    for line in lines {
      let parts = line.components(separatedBy: " = ")
      #expect(hex(methodID(parts[0])) == parts[1])
    }
  }

  @Test("a server takes HELLO and the first CALL in one write")
  func callBeforeHello() throws {
    var server = Side(.server, greeted: false)
    try server.feed(ProtocolVector.named("hello-client").bytes + ProtocolVector.named("call-unary").bytes)
    let request = try #require(server.received[1]?.first)
    let view = try Encoded<Proto.GetRecommendationsRequest>(unchecked: request).decode()
    #expect(view.tenant == "uk" && view.customer == "12347" && view.limit == 10)
    #expect(server.halfClosed == [1])
  }

  @Test("a client makes the frames of a unary call and takes its answer")
  func unaryClient() throws {
    var client = Side(.client, greeted: false)
    let request = Encoded<Proto.GetRecommendationsRequest> {
      $0.tenant = "uk"
      $0.customer = "12347"
      $0.limit = 10
    }
    let opening = CallOpening(method: methodID("nightjar.v1.Ranker/GetRecommendations"), timeoutMilliseconds: 250)
    let stream = client.session.open(7, opening, message: request.bytes, last: true, maximumMessageBytes: 1000)
    #expect(stream == 1)
    let output = client.output()
    #expect(try output == ProtocolVector.named("hello-client").bytes + ProtocolVector.named("call-unary").bytes)
    try client.feed(ProtocolVector.named("hello-server").bytes + ProtocolVector.named("message-unary").bytes)
    #expect(client.session.peerMaximumStreams == 256)
    #expect(client.ended[7] == .some(nil))
    let answer = try Encoded<Proto.GetRecommendationsResponse>(unchecked: #require(client.received[7]?.first)).decode()
    #expect(answer.outcome == .list && answer.model == "als-7")
    #expect(answer.list(\.n_items, \.items).map(\.product) == ["22423"])
    #expect(answer.list(\.n_items, \.items).map(\.score) == [0.5])
  }

  @Test("a client sends metadata in its CALL, and a server takes it")
  func callMetadata() throws {
    let expected = try ProtocolVector.named("call-metadata")
    var metadata = CallMetadata()
    metadata.attempt = 1
    var client = Side(.client)
    client.session.lastStream = 1
    let opening = CallOpening(
      method: methodID("nightjar.v1.Ranker/GetRecommendations"), timeoutMilliseconds: 0,
      metadata: try metadata.encoded(for: "test"))
    let request = Array(expected.body.dropFirst(2))
    _ = client.session.open(1, opening, message: request, last: true, maximumMessageBytes: 1000)
    let output = client.output()
    #expect(output == expected.bytes)
    var server = Side(.server)
    try server.feed(output)
    #expect(server.received[3] == [request])
  }

  @Test("a server reads everything that metadata can say")
  func fullMetadata() throws {
    let vector = try ProtocolVector.named("call-metadata-full")
    let metadata = try vector.bytes.withUnsafeBytes { bytes in
      let (header, payload) = (try FrameHeader(parsing: bytes), UnsafeRawBufferPointer(rebasing: bytes[32...]))
      return try CallMetadata(decoding: header.metadata(of: payload))
    }
    #expect(metadata.traceparent == "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    #expect(metadata.attempt == 2 && metadata.idempotencyKey == "6f1c0e9a52d44b7b9a0e6f3b1d2c4e5f")
    #expect(
      try metadata.encoded(for: "test") == Array(vector.body.prefix(try FrameHeader.parse(vector.bytes).metadataBytes)))
  }

  @Test("one PING too many is answered with the GOAWAY that the page shows")
  func tooManyPings() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 1))
    let ping = try ProtocolVector.named("ping").bytes
    for _ in 0..<Limits.pingBurst { try server.feed(ping) }
    _ = server.output()
    let error = #expect(throws: ProtocolError.self) { try server.feed(ping) }
    server.session.goAway("\(try #require(error))")
    let output = server.output()
    #expect(try output == ProtocolVector.named("goaway-pings").bytes)
  }

  @Test("a server takes a stream of messages, fragments, and the half-close")
  func streamingServer() throws {
    var server = Side(.server)
    for name in ["call-stream", "message", "message-more", "message-last-fragment"] {
      try server.feed(ProtocolVector.named(name).bytes)
    }
    let whole = try ProtocolVector.named("message").body
    #expect(server.received[5] == [whole, whole])
    #expect(server.halfClosed == [5])
  }

  @Test("statuses and GOAWAY decode to what the page says, and encode to the same bytes")
  func statuses() throws {
    let expected = [
      "end-error": RPCError(
        .invalidArgument, "limit: 0 is not in 1...50", violations: [FieldViolation("limit", "not in 1...50")]),
      "end-retry": RPCError(.resourceExhausted, "busy", retryAfter: .milliseconds(100)),
      "end-owner": RPCError(.failedPrecondition, "not the owner of uk", owner: "ingest-2.example:9441"),
    ]
    for (name, error) in expected {
      let body = try ProtocolVector.named(name).body
      #expect(body.withUnsafeBytes(StatusCoding.decode) == error)
      #expect(StatusCoding.encode(error) == body)
    }
    let goAway = try Encoded<Proto.GoAway>(unchecked: ProtocolVector.named("goaway").body).decode()
    #expect(goAway.last_stream == 7 && goAway.reason == "the server is shutting down")
  }

  @Test("a PING is answered with its PONG")
  func ping() throws {
    var server = Side(.server)
    try server.feed(ProtocolVector.named("ping").bytes)
    let output = server.output()
    #expect(try output == ProtocolVector.named("pong").bytes)
  }

  @Test("an unknown type is skipped when it is ignorable, else refused")
  func unknownTypes() throws {
    var server = Side(.server)
    try server.feed(ProtocolVector.named("unknown-ignorable").bytes)
    try server.feed(ProtocolVector.named("ping").bytes)
    let output = server.output()
    #expect(!output.isEmpty)
    #expect(throws: ProtocolError.unknownType(200)) { try server.feed(ProtocolVector.named("unknown-refused").bytes) }
  }

  @Test("an attachment ends its call, not the connection")
  func attachment() throws {
    var server = Side(.server)
    try server.feed(frame(.call, stream: 13) + ProtocolVector.named("attachment").bytes)
    #expect(server.refusals.map(\.code) == [.invalidArgument])
    #expect(server.session.streams.isEmpty)
    try server.feed(ProtocolVector.named("ping").bytes)
  }
}

extension FrameFlags {
  /// As the page writes them.
  var names: String {
    let names = [(FrameFlags.endStream, "END_STREAM"), (.more, "MORE"), (.ignorable, "IGNORABLE")]
    let set = names.filter { contains($0.0) }.map(\.1)
    return set.isEmpty ? "-" : set.joined(separator: "|")
  }
}
