import Messages
import Testing

@testable import RPC

/// Valid conversations, damaged at random: a session must take or refuse them, never trap, never hold more than its limits.
@Suite("Damaged conversations")
struct FuzzTests {
  private static let rounds: UInt64 = 4_000

  /// Frames that make sense after HELLO, in either direction.
  private func conversation(_ random: inout SeededRandom, from side: Session<Int>.Side) -> [UInt8] {
    var bytes = helloFrame
    var last: UInt32 = 0
    for _ in 0..<Int.random(in: 1...20, using: &random) {
      let stream = last == 0 ? 1 : 2 * UInt32.random(in: 0...last / 2, using: &random) + 1
      let body = [UInt8](repeating: 0x0a, count: Int.random(in: 0...300, using: &random))
      switch Int.random(in: 0..<9, using: &random) {
      case 0...2 where side == .client:
        last = last == 0 ? 1 : last + 2
        let flags: FrameFlags = [[], .endStream, .more].randomElement(using: &random)!
        bytes += frame(.call, flags, stream: last, method: 1, metadata: [8, 1], body: body)
      case 0...3:
        bytes += frame(.message, [[], .endStream, .more].randomElement(using: &random)!, stream: stream, body: body)
      case 4: bytes += frame(.end, stream: stream, body: side == .server ? [8, 3] : [])
      case 5: bytes += frame(.credit, stream: Bool.random(using: &random) ? 0 : stream, body: [0, 0, 16, 0])
      case 6: bytes += frame(.ping, body: [1, 2, 3, 4, 5, 6, 7, 8])
      case 7 where side == .client: bytes += frame(.cancel, stream: stream)
      case 8: bytes += frame(.goAway, body: Encoded<Proto.GoAway> { $0.last_stream = last }.bytes)
      default: break
      }
    }
    return bytes
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SeededRandom) {
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let at = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
      case 2: bytes[at] = [0, 0xff, 0x7f, 0x80].randomElement(using: &random)!
      case 3: bytes.remove(at: at)
      default: bytes.insert(UInt8.random(in: 0...9, using: &random), at: at)
      }
      if bytes.isEmpty { bytes = [0] }
    }
  }

  @Test("are taken or refused", arguments: [Session<Int>.Side.client, .server])
  func damaged(side: Session<Int>.Side) async {
    var refused = 0
    for seed in 0..<Self.rounds {
      // Other tests wait for the same few threads.
      if seed % 100 == 0 { await Task.yield() }
      var random = SeededRandom(seed)
      var target = Side(side, greeted: false)
      target.maximumMessageBytes = 1_000
      if side == .client {
        for call in 0..<10 {
          _ = target.session.open(
            call, CallOpening(method: 1, timeoutMilliseconds: 0), message: [], last: false, maximumMessageBytes: 1_000)
        }
        _ = target.output()
      }
      var bytes = conversation(&random, from: side == .server ? .client : .server)
      damage(&bytes, &random)
      var rest = bytes[...]
      do {
        while !rest.isEmpty {
          let piece = rest.prefix(Int.random(in: 1...200, using: &random))
          try target.feed(Array(piece))
          rest = rest.dropFirst(piece.count)
          for stream in target.unread.keys where Bool.random(using: &random) { target.read(stream) }
        }
      } catch {
        refused += 1
      }
      let session = target.session
      #expect(session.assemblyBytes >= 0 && session.assemblyBytes <= 1_000 * session.streams.count)
      #expect(session.peerCredit >= 0 && session.sendCredit >= 0)
      _ = target.output()
    }
    // The test is worth something only if it sees both ends often.
    #expect(refused > Int(Self.rounds) / 10 && refused < Int(Self.rounds) * 9 / 10)
  }

  @Test("bytes without any sense are refused within the first frame")
  func noise() async {
    for seed in 0..<Self.rounds {
      // Other tests wait for the same few threads.
      if seed % 100 == 0 { await Task.yield() }
      var random = SeededRandom(seed)
      var target = Side(.server, greeted: false)
      let bytes = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
      let error = #expect(throws: ProtocolError.self) { try target.feed(bytes) }
      #expect(error != nil && target.session.streams.isEmpty)
    }
  }

  @Test("damaged statuses and HELLOs decode to something or are refused")
  func damagedMessages() async {
    let status = StatusCoding.encode(
      RPCError(
        .notFound, "nothing", violations: [FieldViolation("a", "b")], retryAfter: .seconds(1), owner: "somewhere:1"))
    let hello = Encoded<Proto.Hello> {
      $0.version = 1
      $0.maximum_streams = 10
      $0.strings(\.n_features, \.features, ["a", "b"])
    }
    for seed in 0..<Self.rounds {
      // Other tests wait for the same few threads.
      if seed % 100 == 0 { await Task.yield() }
      var random = SeededRandom(seed)
      var bytes = status
      damage(&bytes, &random)
      let error = bytes.withUnsafeBytes(StatusCoding.decode)
      #expect(error?.code != .ok)
      bytes = hello.bytes
      damage(&bytes, &random)
      var target = Side(.client, greeted: false)
      do { try target.feed(frame(.hello, body: bytes)) } catch { continue }
      #expect(target.session.helloReceived)
      #expect((1...Limits.maximumStreams).contains(target.session.peerMaximumStreams))
    }
  }
}
