import CNightjarProto
import Messages
import Testing

@Suite("Messages: hostile bytes")
struct HostileBytesTests {
  private func decode<M: Message>(_: M.Type, _ bytes: [UInt8], limit: Int = 1 << 20) throws(MessageError) -> View<M> {
    let arena = Arena(limit: limit)
    let result: Result<View<M>, MessageError> = bytes.withUnsafeBytes { raw in
      do throws(MessageError) { return .success(try arena.decode(from: raw)) } catch { return .failure(error) }
    }
    return try result.get()
  }

  @Test(
    "broken wire format is refused with its place",
    arguments: [
      ([0x0a], 0, "length"),  // a string without its length
      ([0x0a, 0x05, 0x61], 0, "length"),  // a string longer than the message
      ([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], 0, "length"),  // 2^64 - 1 bytes
      ([0x38, 0x80], 0, "number"),  // a varint without end
      ([0x38] + [UInt8](repeating: 0xff, count: 11), 0, "number"),  // eleven bytes of varint
      ([0x00], 0, "field number"),  // field 0
      ([0x0b], 0, "wire type 3"),  // a group
      ([0x0a, 0x01, 0x61, 0x39, 0x00], 3, "cut short"),  // fixed64 of one byte
      ([0x3d, 0x00], 0, "cut short"),  // fixed32 of one byte
    ] as [([UInt8], Int, String)])
  func malformed(bytes: [UInt8], place: Int, problem: String) {
    #expect {
      try decode(Proto.Customer.self, bytes)
    } throws: { error in
      guard case MessageError.malformed("nightjar.v1.Customer", place, let text) = error else { return false }
      return text.contains(problem)
    }
  }

  @Test(
    "a string must be UTF-8 without NUL, at any place of it",
    arguments: [0, 1, 7, 8, 9, 15, 16, 40], [0x00, 0xff, 0xc0, 0x80] as [UInt8])
  func text(place: Int, byte: UInt8) {
    var string = [UInt8](repeating: 0x61, count: 41)
    string[place] = byte
    #expect(throws: MessageError.notText(message: "nightjar.v1.Customer", field: "id")) {
      try decode(Proto.Customer.self, [0x0a, 41] + string)
    }
  }

  @Test("a NUL after other than ASCII text is found too")
  func lateNUL() {
    let string = Array("Öster\0reich".utf8)
    #expect(throws: MessageError.notText(message: "nightjar.v1.Customer", field: "country")) {
      try decode(Proto.Customer.self, [0x12, UInt8(string.count)] + string)
    }
  }

  @Test("bad text in a nested message is named by its own type")
  func nested() {
    let attribute: [UInt8] = [0x0a, 0x01, 0xff]
    #expect(throws: MessageError.notText(message: "nightjar.v1.Attribute", field: "key")) {
      try decode(Proto.Customer.self, [0x5a, UInt8(attribute.count)] + attribute)
    }
  }

  @Test("few bytes cannot claim much memory")
  func amplification() {
    // Each empty event takes two bytes here and a whole C struct decoded.
    let bytes = [[UInt8]](repeating: [0x12, 0x00], count: 500_000).flatMap { $0 }
    #expect(throws: MessageError.tooLarge(message: "nightjar.v1.RecordEventsRequest", limit: 1 << 20)) {
      try decode(Proto.RecordEventsRequest.self, bytes)
    }
  }

  @Test("unknown fields and enum values are carried past")
  func future() throws {
    let view = try decode(Proto.Customer.self, [0x0a, 0x01, 0x61, 0x38, 0x63, 0xfa, 0x7f, 0x02, 0xff, 0x00])
    #expect(view.id == "a")
    #expect(view.gender.rawValue == 99)
  }

  @Test("every truncation is refused or is a message of its own")
  func truncation() throws {
    let bytes = RoundTripTests.customer().bytes
    for count in 0..<bytes.count {
      guard let view = try? decode(Proto.Customer.self, Array(bytes[..<count])) else { continue }
      #expect(view.encoded().bytes.count <= bytes.count)
    }
  }

  @Test("mutated messages never crash, and what decodes encodes and decodes again", arguments: 0..<4)
  func mutation(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed))
    let seeds: [[UInt8]] = [
      RoundTripTests.customer().bytes,
      Encoded<Proto.Customer> { draft in
        draft.list(\.n_attributes, \.attributes, of: 0..<5) { $0.key = "k\($1)" }
      }.bytes,
    ]
    for _ in 0..<5_000 {
      var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
      for _ in 0...(random.next() % 4) {
        let place = Int(random.next() % UInt64(bytes.count))
        switch random.next() % 3 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        default: if bytes.count > 1 { bytes.remove(at: place) }
        }
      }
      guard let view = try? decode(Proto.Customer.self, bytes) else { continue }
      let again = try view.encoded().decode()
      #expect(again.encoded() == view.encoded())
    }
  }
}

/// Steele, Lea, Flood 2014: the generator that makes failures repeatable.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
