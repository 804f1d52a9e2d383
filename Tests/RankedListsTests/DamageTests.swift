import Foundation
import Testing

@testable import RankedLists

@Suite("A damaged or hostile file is refused before its first use")
struct DamageTests {
  private func refusal(of bytes: [UInt8], in scratch: Scratch) throws -> RankedListsError? {
    try refusal(at: try scratch.write(bytes))
  }

  private func refusal(at path: String) throws -> RankedListsError? {
    do {
      _ = try RankedLists.open(path)
      return nil
    } catch {
      return error
    }
  }

  private func patch(_ path: String, _ byte: UInt8, at position: Int) throws {
    let file = try FileDescriptor(path: path, flags: O_WRONLY)
    try file.write([byte].span.bytes, at: position)
  }

  @Test("each flipped bit of each byte of a small file")
  func everyFlip() throws {
    let scratch = try Scratch()
    let bytes = try Sample(customers: 6, candidates: 4, entries: 3, seed: 8, parts: .all).encoded()
    let path = try scratch.write(bytes)
    for position in bytes.indices {
      try patch(path, bytes[position] ^ UInt8(1) << UInt8(position % 8), at: position)
      #expect(try refusal(at: path) != nil, "byte \(position)")
      try patch(path, bytes[position], at: position)
    }
    #expect(try refusal(at: path) == nil)
  }

  @Test("thousands of flipped bytes of a bigger file, in every section")
  func manyFlips() throws {
    let scratch = try Scratch()
    let bytes = try Sample(customers: 200, candidates: 40, entries: 20, seed: 9, parts: .all).encoded()
    let path = try scratch.write(bytes)
    var random = SplitMix64(seed: 99)
    let surgery = Surgery(bytes: bytes)
    let ranges =
      Format.Section.allCases.map { surgery.section($0) } + [0..<Format.firstSection(of: surgery.sectionCount)]
    for range in ranges {
      for _ in 0..<300 {
        let position = Int.random(in: range, using: &random)
        try patch(path, bytes[position] ^ UInt8.random(in: 1...255, using: &random), at: position)
        #expect(try refusal(at: path) != nil, "byte \(position)")
        try patch(path, bytes[position], at: position)
      }
    }
  }

  @Test("every truncation, and anything behind the end")
  func truncations() throws {
    let scratch = try Scratch()
    let bytes = try Sample(customers: 6, candidates: 4, entries: 3, seed: 8, parts: .all).encoded()
    for length in bytes.indices {
      #expect(try refusal(of: Array(bytes[..<length]), in: scratch) != nil, "\(length) bytes")
    }
    #expect(try refusal(of: bytes + [0], in: scratch) != nil)
  }

  @Test("another tenant's file, another bake's, a folder, a link, no file")
  func identity() throws {
    let scratch = try Scratch()
    let path = try scratch.write(Sample(customers: 2, candidates: 2, entries: 2, seed: 1).encoded())
    for (tenant, bake) in [("germany", "b-7"), ("uk", "b-8")] {
      #expect(throws: RankedListsError.self) { _ = try RankedLists(path: path, tenant: tenant, bake: bake) }
    }
    try FileManager.default.createSymbolicLink(atPath: scratch.file("link"), withDestinationPath: path)
    for other in [scratch.path, scratch.file("link"), scratch.file("none")] {
      #expect(throws: RankedListsError.self) { _ = try RankedLists.open(other) }
    }
  }

  @Test("swapped sections, though every seal is right")
  func swapped() throws {
    let scratch = try Scratch()
    let bytes = try Sample(customers: 6, candidates: 4, entries: 3, seed: 8, parts: .all).encoded()
    for (first, second) in [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (5, 6), (6, 7), (7, 8), (8, 9), (9, 10), (1, 9)] {
      var surgery = Surgery(bytes: bytes)
      let rows = (surgery.row(first), surgery.row(second))
      for position in Format.TableRow.flags..<Format.TableRow.size {
        surgery.bytes.swapAt(rows.0 + position, rows.1 + position)
      }
      surgery.seal()
      #expect(try refusal(of: surgery.bytes, in: scratch) != nil, "sections \(first) and \(second)")
    }
  }

  /// A lie at an offset of a section, told under seals that are right.
  struct Lie: Sendable, CustomTestStringConvertible {
    let name: String
    let section: Format.Section
    let part: RankedListsError.Part
    let tell: @Sendable (inout Surgery, Range<Int>) -> Void
    var testDescription: String { name }
  }

  private static let lies: [Lie] = [
    Lie(name: "a list's count too high", section: .lists, part: .lists) {
      $0.store(UInt16(60_000), at: $1.lowerBound + 2)
    },
    Lie(name: "a key longer than the section", section: .lists, part: .lists) {
      $0.store(UInt8(255), at: $1.upperBound - 24)
    },
    Lie(name: "a reason on a full list", section: .lists, part: .lists) { $0.store(UInt8(3), at: $1.lowerBound + 1) },
    Lie(name: "another key", section: .lists, part: .index) { $0.bytes[$1.lowerBound + 4] ^= 1 },
    Lie(name: "a key with a control character", section: .lists, part: .lists) { $0.bytes[$1.lowerBound + 4] = 7 },
    Lie(name: "a candidate out of range", section: .lists, part: .lists) {
      $0.store(UInt32.max, at: $1.lowerBound + 8)
    },
    Lie(name: "a score that is no number", section: .lists, part: .lists) {
      $0.store(Float.nan.bitPattern, at: $1.lowerBound + 12)
    },
    Lie(name: "a better one below", section: .lists, part: .lists) {
      $0.store(Float(-2).bitPattern, at: $1.lowerBound + 12)
    },
    Lie(name: "a record far outside", section: .index, part: .index) { $0.store(UInt64.max, at: $1.lowerBound + 8) },
    Lie(name: "a record into the middle of a list", section: .index, part: .index) {
      $0.store($0.load($1.lowerBound + 8, as: UInt64.self) + 8, at: $1.lowerBound + 8)
    },
    Lie(name: "two records for one list", section: .index, part: .index) {
      $0.store($0.load($1.lowerBound + 24, as: UInt64.self), at: $1.lowerBound + 8)
    },
    Lie(name: "records out of order", section: .index, part: .index) {
      $0.store(UInt64.max, at: $1.lowerBound)
    },
    Lie(name: "a directory that runs past the index", section: .directory, part: .directory) {
      $0.store(UInt32.max, at: $1.lowerBound + 4)
    },
    Lie(name: "a directory that ends early", section: .directory, part: .directory) {
      $0.store(UInt32(1), at: $1.upperBound - 4)
    },
    Lie(name: "a candidate's offset far outside", section: .candidates, part: .candidates) {
      $0.store(UInt64.max, at: $1.lowerBound + 8)
    },
    Lie(name: "a product's length past the end", section: .candidates, part: .candidates) {
      $0.store(UInt8(255), at: $1.lowerBound + 5 * 8)
    },
    Lie(name: "a product id that is not UTF-8", section: .candidates, part: .candidates) {
      $0.store(UInt8(0xFF), at: $1.lowerBound + 5 * 8 + 2)
    },
    Lie(name: "one product twice", section: .candidates, part: .candidates) { surgery, range in
      let items = range.lowerBound + 5 * 8
      let second = items + Int(surgery.load(range.lowerBound + 2 * 8, as: UInt64.self))
      let length = Int(surgery.load(range.lowerBound + 8, as: UInt64.self))
      for position in 0..<length { surgery.bytes[second + position] = surgery.bytes[items + position] }
    },
    Lie(name: "more fallback lists than there are", section: .fallbacks, part: .fallbacks) {
      $0.store(UInt64.max, at: $1.lowerBound)
    },
    Lie(name: "a fallback of unknown kind", section: .fallbacks, part: .fallbacks) {
      $0.store(UInt8(9), at: $1.lowerBound + 6 * 8 + 1)
    },
    Lie(name: "an item of details that ends early", section: .details, part: .details) {
      $0.store(UInt64(8), at: $1.lowerBound + 8)
    },
    Lie(name: "a product that is never available", section: .details, part: .details) {
      $0.store(Int64.max, at: $1.lowerBound + 5 * 8)
    },
    Lie(name: "a name past the end", section: .details, part: .details) {
      $0.store(UInt16.max, at: $1.lowerBound + 5 * 8 + 24)
    },
    Lie(name: "regions past the end", section: .details, part: .details) {
      $0.store(UInt16(256), at: $1.lowerBound + 5 * 8 + 26)
    },
    Lie(name: "categories without a number", section: .details, part: .details) {
      $0.store(UInt32(1), at: $1.lowerBound + 5 * 8 + 28)
    },
    Lie(name: "an order that names no candidate", section: .order, part: .order) {
      $0.store(UInt32.max, at: $1.lowerBound)
    },
    Lie(name: "an order that names one candidate twice", section: .order, part: .order) {
      $0.store($0.load($1.lowerBound + 4, as: UInt32.self), at: $1.lowerBound)
    },
    Lie(name: "more segments than labels", section: .groups, part: .groups) {
      $0.store(UInt32(65_535), at: $1.lowerBound)
    },
    Lie(name: "a customer in a segment that is none", section: .groups, part: .groups) {
      $0.store(UInt16.max, at: $1.lowerBound + 8)
    },
    Lie(name: "a customer in a region that is none", section: .groups, part: .groups) {
      $0.store(UInt16.max, at: $1.lowerBound + 10)
    },
    Lie(name: "labels out of order", section: .groups, part: .groups) { surgery, range in
      surgery.bytes[range.upperBound - 1] = 0x01
    },
    Lie(name: "dimensions that do not fit", section: .factors, part: .factors) {
      $0.store(UInt32(1_000_000), at: $1.lowerBound)
    },
    Lie(name: "a factor that is no number", section: .factors, part: .factors) {
      $0.store(Float.infinity.bitPattern, at: $1.upperBound - 4)
    },
    Lie(name: "a negative regularization", section: .factors, part: .factors) {
      $0.store(Float(-1).bitPattern, at: $1.lowerBound + 8)
    },
    Lie(name: "a neighbour out of range", section: .neighbours, part: .neighbours) {
      $0.store(UInt32.max, at: $1.upperBound - 8)
    },
    Lie(name: "neighbours that leave the section", section: .neighbours, part: .neighbours) {
      $0.store(UInt64.max / 2, at: $1.lowerBound + 8)
    },
    Lie(name: "a candidate as its own neighbour", section: .neighbours, part: .neighbours) {
      $0.store(UInt32(3), at: $1.upperBound - 8)
    },
    Lie(name: "a reason where no entry is", section: .reasons, part: .reasons) {
      $0.store(UInt32(1), at: $1.lowerBound)
    },
    Lie(name: "a reason that names no candidate", section: .reasons, part: .reasons) {
      $0.store(UInt32.max, at: $1.lowerBound + 4)
    },
    Lie(name: "a candidate without a kind of reason", section: .reasons, part: .reasons) {
      $0.store(UInt32(256), at: $1.lowerBound + 4)
    },
    Lie(name: "a customer who bought what there is not", section: .bought, part: .bought) {
      $0.store(UInt32.max, at: $1.upperBound - 4)
    },
    Lie(name: "something bought by nobody's list", section: .bought, part: .bought) {
      $0.store($0.load($1.lowerBound + 16, as: UInt64.self) + 1, at: $1.lowerBound + 16)
    },
    Lie(name: "more buyers than the section holds", section: .bought, part: .bought) {
      $0.store(UInt64.max, at: $1.lowerBound)
    },
    Lie(name: "a buyer's candidates far outside", section: .bought, part: .bought) {
      let buyers = $0.load($1.lowerBound, as: UInt64.self)
      $0.store(UInt64.max, at: $1.lowerBound + 16 + Int(buyers) * 8 + 8)
    },
    Lie(name: "a fallback's offset far outside", section: .fallbacks, part: .fallbacks) {
      $0.store(UInt64.max / 2, at: $1.lowerBound + 16)
    },
  ]

  @Test("a lie about structure under seals that are right", arguments: lies)
  func structure(lie: Lie) throws {
    let scratch = try Scratch()
    var sample = Sample(customers: 6, candidates: 4, entries: 3, seed: 8, parts: .all)
    sample.beside.reasons = []
    sample.lists[0] = ("abc", (0..<3).map { RankedEntry(candidate: $0, score: 1 - Float($0)) }, nil)
    sample.lists[5] = ("end", [RankedEntry(candidate: 1, score: 0), RankedEntry(candidate: 0, score: 0)], nil)
    var surgery = Surgery(bytes: try sample.encoded())
    lie.tell(&surgery, surgery.section(lie.section))
    surgery.seal()
    guard case .refused(_, let part, _) = try refusal(of: surgery.bytes, in: scratch) else {
      Issue.record("accepted")
      return
    }
    #expect(part == lie.part)
  }

  @Test("an unknown section is skipped if it may be, and refused if not", arguments: [true, false])
  func unknownSection(isIgnorable: Bool) throws {
    let scratch = try Scratch()
    let surgery = Surgery(bytes: try Sample(customers: 6, candidates: 4, entries: 3, seed: 8).encoded())
    // A row more in the table moves every section by 64 bytes, which keeps them aligned.
    let listsStart = Format.firstSection(of: 5)
    var bytes = Array(surgery.bytes[..<listsStart]) + [UInt8](repeating: 0, count: Format.TableRow.size)
    bytes += surgery.bytes[listsStart...]
    bytes += [UInt8](repeating: 0, count: Format.aligned(bytes.count) - bytes.count)
    let start = bytes.count
    bytes += Array("anything".utf8)
    var longer = Surgery(bytes: bytes)
    for row in 0..<5 {
      let offset = longer.row(row) + Format.TableRow.offset
      longer.store(longer.load(offset, as: UInt64.self) + UInt64(Format.TableRow.size), at: offset)
    }
    longer.store(UInt32(13), at: longer.row(5) + Format.TableRow.kind)
    longer.store(UInt32(isIgnorable ? 1 : 0), at: longer.row(5) + Format.TableRow.flags)
    longer.store(UInt64(start), at: longer.row(5) + Format.TableRow.offset)
    longer.store(UInt64(bytes.count - start), at: longer.row(5) + Format.TableRow.length)
    longer.store(UInt32(6), at: Format.Header.sections)
    longer.store(UInt64(bytes.count), at: Format.Header.fileBytes)
    longer.seal()
    let refusal = try refusal(of: longer.bytes, in: scratch)
    #expect((refusal == nil) == isIgnorable)
  }

  @Test("random damage under seals that are right never reads out of bounds", arguments: 0..<8)
  func mutations(seed: UInt64) throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 9, candidates: 6, entries: 4, seed: 21, parts: seed % 2 == 0 ? [] : .all)
    let original = try sample.encoded()
    var random = SplitMix64(seed: seed)
    let interesting: [UInt64] = [
      0, 1, 7, 8, 255, 65_535, UInt64(Int32.max), UInt64(UInt32.max), UInt64(Int64.max), .max,
    ]
    var refused = 0
    let rounds = 500
    for _ in 0..<rounds {
      var surgery = Surgery(bytes: original)
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let position = Int.random(in: 16..<(surgery.bytes.count - 8), using: &random)
        let value = interesting.randomElement(using: &random) ?? 0
        switch Int.random(in: 0..<4, using: &random) {
        case 0: surgery.bytes[position] ^= UInt8.random(in: 1...255, using: &random)
        case 1: surgery.store(UInt16(truncatingIfNeeded: value), at: position & ~1)
        case 2: surgery.store(UInt32(truncatingIfNeeded: value), at: position & ~3)
        default: surgery.store(value, at: position & ~7)
        }
      }
      surgery.seal()
      let path = try scratch.write(surgery.bytes)
      do {
        let lists = try RankedLists.open(path)
        lists.readEverything(customers: sample.lists.map(\.customer))
      } catch {
        refused += 1
      }
    }
    #expect(refused > rounds / 2 && refused < rounds)
  }
}
