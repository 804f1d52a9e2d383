import Foundation
import Testing

@testable import RankedLists

/// Seeded numbers: SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// A folder of its own that goes with its owner.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func file(_ name: String) -> String { "\(path)/\(name)" }

  func write(_ bytes: [UInt8], to name: String = "lists") throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
    return file(name)
  }
}

func bytes(of path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

/// What a file is to hold, as a dictionary would.
struct Sample {
  static let header = RankedListsHeader(tenant: "uk", model: "m-1", bake: "b-7", asOf: 1_317_340_800_000_000)

  var candidates: [(product: String, offer: String?)] = []
  var lists: [(customer: String, entries: [RankedEntry], nothing: NothingReason?)] = []
  var fallbacks: [(FallbackGroup, [RankedEntry])] = []
  /// What the file holds beside the lists; the same for the same sample.
  var beside = Beside()

  init(customers: Int, candidates count: Int, entries: Int, seed: UInt64, parts: RankedListsParts = []) {
    defer { beside = Beside(parts, of: self, seed: seed) }
    var random = SplitMix64(seed: seed)
    for index in 0..<count {
      candidates.append(("product-\(index / 2)", index % 2 == 0 ? nil : "offer-é\(index)"))
    }
    for index in 0..<customers {
      let name =
        String(repeating: index % 3 == 0 ? "k" : "ü", count: Int.random(in: 0...50, using: &random)) + "\(index)"
      let isEmpty = Int.random(in: 0..<10, using: &random) == 0
      let list = isEmpty ? [] : Self.list(of: max(1, Int.random(in: 0...entries, using: &random)), count, &random)
      lists.append((name, list, isEmpty ? .betterWithout : nil))
    }
    fallbacks = [
      (.region("Wales"), Self.list(of: min(3, count), count, &random)),
      (.overall, Self.list(of: min(entries, count), count, &random)),
      (.segment("office"), []),
      (.segment("Büro"), Self.list(of: min(2, count), count, &random)),
    ]
  }

  private static func list(of count: Int, _ candidates: Int, _ random: inout SplitMix64) -> [RankedEntry] {
    let picked = Array(0..<UInt32(candidates)).shuffled(using: &random).prefix(count)
    let scores = picked.map { _ in Float.random(in: -1...1, using: &random) }.sorted(by: >)
    return zip(picked, scores).map { RankedEntry(candidate: $0, score: $1) }
  }

  func write(to path: String, sortBufferRecords: Int = 1 << 20) throws {
    var writer = try RankedListsWriter(
      path: path, header: Self.header, parts: beside.parts, sortBufferRecords: sortBufferRecords)
    for (index, candidate) in candidates.enumerated() {
      let details = beside.details.isEmpty ? CandidateDetails() : beside.details[index]
      let added = try writer.addCandidate(product: candidate.product, offer: candidate.offer, details: details)
      #expect(added == UInt32(index))
    }
    for (index, list) in lists.enumerated() {
      let (segment, region) = beside.groups.isEmpty ? ("", "") : beside.groups[index]
      let bought = beside.bought.isEmpty ? [] : beside.bought[index]
      if let reason = list.nothing {
        try writer.add(customer: list.customer, nothing: reason, segment: segment, region: region, bought: bought)
      } else {
        try writer.add(
          customer: list.customer, entries: list.entries, reasons: beside.reasons.isEmpty ? [] : beside.reasons[index],
          segment: segment, region: region, bought: bought)
      }
    }
    if let factors = beside.factors { try writer.setFactors(factors) }
    for (candidate, list) in beside.neighbours.enumerated() where !list.isEmpty {
      try writer.setNeighbours(of: UInt32(candidate), list)
    }
    for (fallback, entries) in fallbacks { try writer.setFallback(fallback, entries: entries) }
    try writer.finish()
  }

  func encoded() throws -> [UInt8] {
    let scratch = try Scratch()
    try write(to: scratch.file("sample"))
    return try bytes(of: scratch.file("sample"))
  }
}

extension RankedLists {
  static func open(_ path: String) throws(RankedListsError) -> RankedLists {
    try RankedLists(path: path, tenant: Sample.header.tenant, bake: Sample.header.bake)
  }

  /// The customer's list copied out; nil = the file does not know the customer.
  func list(of customer: String) -> (entries: [RankedEntry], nothing: NothingReason?)? {
    Array(customer.utf8).withUnsafeBytes { key in
      guard let list = lookup(key) else { return nil }
      return ((0..<list.count).map { list[$0] }, list.nothing)
    }
  }

  func list(for wanted: FallbackGroup) -> [RankedEntry]? {
    guard let list = fallback(wanted) else { return nil }
    return (0..<list.count).map { list[$0] }
  }

  func names(of index: UInt32) -> (product: String, offer: String?) {
    let candidate = candidate(index)
    let product = candidate.product.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    let offer = candidate.offer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    return (product, offer.isEmpty ? nil : offer)
  }

  /// Reads everything there is to read; a wrong offset would trap.
  func readEverything(customers: [String]) {
    for customer in customers {
      guard let list = list(of: customer) else { continue }
      for entry in list.entries { _ = names(of: entry.candidate) }
    }
    for fallback in [FallbackGroup.overall, .segment("office"), .region("Wales"), .region("")] {
      _ = list(for: fallback)
    }
    for index in 0..<UInt32(candidateCount) { _ = names(of: index) }
    readEverythingBeside()
  }
}

/// Takes a file apart so that a test can damage it and seal it again.
struct Surgery {
  var bytes: [UInt8]

  func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: T.Type) -> T {
    bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: type)) }
  }

  mutating func store(_ value: some FixedWidthInteger, at offset: Int) {
    withUnsafeBytes(of: value.littleEndian) { source in
      for (position, byte) in source.enumerated() { bytes[offset + position] = byte }
    }
  }

  var sectionCount: Int { Int(load(Format.Header.sections, as: UInt32.self)) }

  func row(_ index: Int) -> Int { Format.Header.size + index * Format.TableRow.size }

  /// Where the section's bytes lie.
  func section(_ kind: Format.Section) -> Range<Int> {
    guard
      let row = (0..<sectionCount).map({ row($0) }).first(where: {
        load($0 + Format.TableRow.kind, as: UInt32.self) == kind.rawValue
      })
    else { return 0..<0 }
    let start = Int(load(row + Format.TableRow.offset, as: UInt64.self))
    return start..<(start + Int(load(row + Format.TableRow.length, as: UInt64.self)))
  }

  /// Makes every seal right again, as far as the table still points into the file.
  mutating func seal() {
    for index in 0..<min(sectionCount, Format.maximumSections) where row(index + 1) <= bytes.count {
      let offset = load(row(index) + Format.TableRow.offset, as: UInt64.self)
      let length = load(row(index) + Format.TableRow.length, as: UInt64.self)
      guard offset <= UInt64(bytes.count), length <= UInt64(bytes.count) - offset else { continue }
      let digest = SHA256Digest(of: Array(bytes[Int(offset)..<Int(offset + length)]))
      for (position, byte) in digest.bytes.enumerated() {
        bytes[row(index) + Format.TableRow.digest + position] = byte
      }
    }
    let table = bytes[Format.Header.size..<min(bytes.count, row(sectionCount))]
    let digest = SHA256Digest(of: Array(bytes[..<Format.Header.digest] + table))
    for (position, byte) in digest.bytes.enumerated() { bytes[Format.Header.digest + position] = byte }
  }
}
