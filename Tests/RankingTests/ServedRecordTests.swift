import Foundation
import Messages
import Testing

@testable import Ranking

@Suite("Served records: bytes")
struct ServedRecordTests {
  @Test("a record is read back as it was written, wishes and all")
  func roundTrip() throws {
    let record = try #require(
      Serve.parse(Serve.record(9, pinned: ["p1", "p2"], excluded: ["never"], isNamed: true)))
    #expect(String(decoding: record.tenant, as: UTF8.self) == "uk")
    #expect(String(decoding: record.customer, as: UTF8.self) == "c7")
    #expect(record.servedAt == 1_700_000_000_000_009 && record.occurredAt == 1_600_000_000_000_000)
    #expect(record.channel == 2 && record.isNamed && record.answer == Serve.answer(9))
    #expect(record.wishes.map(\.kind) == [.pinned, .pinned, .excluded])
    #expect(record.wishes.map { String(decoding: $0.product, as: UTF8.self) } == ["p1", "p2", "never"])
    #expect(Serve.parse(Serve.record(9))?.isNamed == false)
  }

  @Test("the bytes are those that the format's page describes, to the last one")
  func golden() throws {
    // Put together by hand from FORMAT.md, the checksum with Python.
    let golden: [UInt64] = [
      0x0000_0080_3152_4a4e, 0x015a_ba9c_2947_a228, 0x0006_0a24_181e_4001, 0x0005_af31_07a4_0000,
      0x0000_0008_0000_0036, 0x0000_0000_0102_0202,
    ]
    let bytes = Serve.record(1, pinned: ["p1"], excluded: ["p2"], items: 0, isNamed: true)
    let words = bytes.withUnsafeBytes { bytes in
      stride(from: 0, to: 48, by: 8).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self))
      }
    }
    #expect(words == golden)
    let tail = Array("uk".utf8) + Array("c7".utf8) + [1, 2] + Array("p1".utf8) + [2, 2] + Array("p2".utf8)
    #expect(Array(bytes[48..<(48 + tail.count)]) == tail)
    let answer = Serve.answer(1, items: 0)
    #expect(Array(bytes[(48 + tail.count)..<(48 + tail.count + answer.count)]) == answer)
    #expect(bytes[(48 + tail.count + answer.count)...].allSatisfy { $0 == 0 })
  }

  @Test("no cut record and none with a flipped bit is taken for a whole one, at any place")
  func damage() {
    let good = Serve.record(3, pinned: ["p1"], excluded: ["p2"])
    for length in 0..<good.count { #expect(Serve.parse(Array(good[..<length])) == nil, "cut at \(length)") }
    for bit in 0..<(8 * good.count) {
      var damaged = good
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(Serve.parse(damaged) == nil, "bit \(bit)")
    }
  }

  @Test("damage costs the record that it is in, and those around it are found")
  func gaps() {
    let records = (0..<5).map { Serve.record($0) }
    let length = records[0].count
    for place in stride(from: 0, to: 5 * length, by: 7) {
      var bytes = Array(records.joined())
      bytes[place] ^= 0x20
      let found = Serve.numbers(in: bytes)
      #expect(found.numbers == (0..<5).filter { $0 != place / length } && found.gaps == 1, "byte \(place)")
    }
    for end in 0...(5 * length) {
      let found = Serve.numbers(in: Array(Array(records.joined())[..<end]))
      #expect(found.numbers == Array(0..<(end / length)) && found.gaps == (end % length == 0 ? 0 : 1), "cut at \(end)")
    }
  }

  @Test("lengths that a record claims under a right checksum are not believed either")
  func hostileLengths() {
    for offset in [4, 36, 32, 40, 41] {
      for value: UInt8 in [0, 1, 31, 63, 64, 127, 255] {
        var bytes = Serve.record(1, pinned: ["p1"])
        let (before, isLength) = (bytes[offset], offset == 4)
        bytes[offset] = value
        let sealed = bytes.withUnsafeMutableBytes { raw -> Bool in
          guard let start = raw.baseAddress, !isLength else { return false }
          raw.storeBytes(
            of: ServedFormat.checksum(start, count: raw.count).littleEndian, toByteOffset: 8, as: UInt64.self)
          return true
        }
        // What fits into the padding is another record, not damage.
        let record = Serve.parse(bytes)
        #expect(value == before || record == nil || sealed, "byte \(offset) = \(value)")
      }
    }
  }
}
