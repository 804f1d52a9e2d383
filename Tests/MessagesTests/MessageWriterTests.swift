import CNightjarProto
import Messages
import Testing

@Suite("writing messages in place")
struct MessageWriterTests {
  /// What `write` writes into so many bytes; nil = it did not fit.
  private func written(_ capacity: Int, _ write: (inout MessageWriter) -> Void) -> [UInt8]? {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 1)
    defer { memory.deallocate() }
    var writer = MessageWriter(into: memory)
    write(&writer)
    return writer.hasOverflowed ? nil : Array(memory[..<writer.count])
  }

  private static func write(
    _ writer: inout MessageWriter, _ items: [(product: String, score: Float)], model: String, asOf: Int64
  ) {
    writer.varint(1, UInt64(Proto.Outcome.list.rawValue))
    for item in items {
      writer.message(2) { inner in
        Array(item.product.utf8).withUnsafeBytes { inner.bytes(1, $0) }
        inner.float(3, item.score)
      }
    }
    Array(model.utf8).withUnsafeBytes { writer.bytes(3, $0) }
    writer.varint(8, UInt64(bitPattern: asOf))
  }

  @Test(
    "gives the bytes of libprotobuf-c, whatever the lengths",
    arguments: [1, 100, 119, 120, 121, 122, 123, 127, 128, 129, 300, 16_383, 16_384, 40_000])
  func sameBytes(length: Int) throws {
    let items: [(product: String, score: Float)] = [
      ("a", 0.5), (String(repeating: "p", count: length), -1.25), ("ö", .infinity),
    ]
    let model = String(repeating: "m", count: length)
    for asOf in [1, 127, 128, 1_322_000_000_000_000, -1] as [Int64] {
      let expected = Encoded<Proto.GetRecommendationsResponse> { draft in
        draft.outcome = .list
        draft.list(\.n_items, \.items, of: items) {
          $0.product = $1.product
          $0.score = $1.score
        }
        draft.model = model
        draft.as_of_us = asOf
      }
      // Not as one expectation: a failure would print every byte.
      let isSame = written(100_000) { Self.write(&$0, items, model: model, asOf: asOf) } == expected.bytes
      #expect(isSame, "as of \(asOf)")
    }
  }

  @Test("writes nothing past the memory's end, says so, and stays so")
  func overflow() throws {
    let items: [(product: String, score: Float)] = [("abc", 1), (String(repeating: "p", count: 200), 2)]
    let whole = try #require(written(4_096) { Self.write(&$0, items, model: "als", asOf: 7) })
    for capacity in 0..<whole.count {
      #expect(written(capacity) { Self.write(&$0, items, model: "als", asOf: 7) } == nil)
    }
    let isStillTooLong =
      written(30) { writer in
        [UInt8](repeating: 1, count: 100).withUnsafeBytes { writer.bytes(1, $0) }
        writer.varint(2, 1)
      } == nil
    #expect(isStillTooLong)
  }
}
