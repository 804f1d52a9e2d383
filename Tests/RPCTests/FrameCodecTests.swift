import Testing

@testable import RPC

@Suite("Frame codec")
struct FrameCodecTests {
  @Test("a header survives writing and parsing", arguments: 0..<200 as Range<UInt64>)
  func roundTrip(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var header = FrameHeader(
      FrameType.allCases.randomElement(using: &random)!,
      flags: FrameFlags(rawValue: UInt16.random(in: 0...UInt16.max, using: &random)),
      stream: UInt32.random(in: 0...UInt32.max, using: &random), bodyBytes: Int.random(in: 0...40_000, using: &random))
    header.method = UInt32.random(in: 0...UInt32.max, using: &random)
    header.timeoutMilliseconds = UInt32.random(in: 0...UInt32.max, using: &random)
    header.metadataBytes = Int.random(in: 0...Limits.maximumMetadataBytes, using: &random)
    header.attachmentBytes = Int.random(in: 0...10_000, using: &random)
    #expect(try FrameHeader.parse(header.encoded) == header)
  }

  @Test("a frame of exactly the limit passes, one byte more is refused before it is read")
  func frameLimit() throws {
    var header = FrameHeader(.message, stream: 1, bodyBytes: Limits.maximumPayloadBytes)
    #expect(try FrameHeader.parse(header.encoded) == header)
    header.attachmentBytes = 1
    #expect(throws: ProtocolError.frameTooLarge(bytes: 65_569)) { try FrameHeader.parse(header.encoded) }
  }

  @Test("lengths of 4 GiB do not overflow", arguments: [16, 20, 24])
  func hugeLengths(offset: Int) {
    var bytes = FrameHeader(.message, stream: 1).encoded
    for index in offset..<offset + 4 { bytes[index] = 0xff }
    #expect(throws: ProtocolError.self) { try FrameHeader.parse(bytes) }
  }

  @Test("metadata has a limit of its own")
  func metadataLimit() {
    var header = FrameHeader(.call, stream: 1)
    header.metadataBytes = Limits.maximumMetadataBytes + 1
    #expect(throws: ProtocolError.metadataTooLarge(bytes: 8_193)) { try FrameHeader.parse(header.encoded) }
  }

  @Test("a frame of another version is refused")
  func version() {
    var bytes = FrameHeader(.ping).encoded
    bytes[0] = 2
    #expect(throws: ProtocolError.version(2)) { try FrameHeader.parse(bytes) }
  }

  @Test("frames are found whatever the pieces that they come in")
  func pieces() throws {
    let bytes = frame(.message, stream: 1, body: [1, 2, 3]) + frame(.ping, body: [UInt8](repeating: 7, count: 8))
    for end in 0...bytes.count {
      try bytes.withUnsafeBytes { raw in
        var reader = FrameReader(UnsafeRawBufferPointer(rebasing: raw[..<end]))
        var count = 0
        while let (header, payload) = try reader.next() {
          #expect(payload.count == header.payloadBytes)
          count += 1
        }
        #expect(count == (end < 35 ? 0 : end < 75 ? 1 : 2))
        #expect(reader.consumed == (count == 0 ? 0 : count == 1 ? 35 : 75))
      }
    }
  }

  @Test("a duration becomes whole milliseconds, rounded up, within 32 bits")
  func milliseconds() {
    #expect(Duration.zero.wireMilliseconds == 1)
    #expect(Duration.seconds(-1).wireMilliseconds == 1)
    #expect(Duration.microseconds(1).wireMilliseconds == 1)
    #expect(Duration.milliseconds(250).wireMilliseconds == 250)
    #expect(Duration.microseconds(250_001).wireMilliseconds == 251)
    #expect(Duration.seconds(1 << 40).wireMilliseconds == .max)
  }

  @Test("a status survives its encoding, and its limits hold")
  func status() throws {
    let error = RPCError(
      .invalidArgument, "no", violations: [FieldViolation("a.b", "too long")], retryAfter: .milliseconds(5),
      owner: "b:1")
    #expect(StatusCoding.encode(error).withUnsafeBytes(StatusCoding.decode) == error)

    let long = RPCError(
      .internal, String(repeating: "é", count: 5_000),
      violations: Array(
        repeating: FieldViolation(String(repeating: "x", count: 999), String(repeating: "ü", count: 999)), count: 999))
    let bytes = StatusCoding.encode(long)
    #expect(bytes.count <= Limits.maximumControlBodyBytes)
    let cut = try #require(bytes.withUnsafeBytes(StatusCoding.decode))
    #expect(cut.message.utf8.count == Limits.maximumStatusTextBytes)
    #expect(cut.violations.count == Limits.maximumViolations)
  }

  @Test("an unknown status code is UNKNOWN, an unreadable status INTERNAL")
  func strangeStatus() {
    #expect(([0x08, 99] as [UInt8]).withUnsafeBytes(StatusCoding.decode)?.code == .unknown)
    #expect(([0xff] as [UInt8]).withUnsafeBytes(StatusCoding.decode)?.code == .internal)
    #expect(([] as [UInt8]).withUnsafeBytes(StatusCoding.decode) == nil)
  }
}
