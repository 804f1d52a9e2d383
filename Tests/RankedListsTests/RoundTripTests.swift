import Foundation
import Testing

@testable import RankedLists

@Suite("A lists file gives back what was written")
struct RoundTripTests {
  @Test("every customer's list, and nothing for a stranger", arguments: [0, 1, 2, 3, 33, 1_000])
  func agreesWithDictionary(customers: Int) throws {
    let scratch = try Scratch()
    let sample = Sample(customers: customers, candidates: 40, entries: 20, seed: UInt64(customers))
    try sample.write(to: scratch.file("lists"))
    let lists = try RankedLists.open(scratch.file("lists"))
    #expect(lists.header == Sample.header)
    #expect(lists.customerCount == customers)
    #expect(lists.candidateCount == sample.candidates.count)
    for expected in sample.lists {
      let found = try #require(lists.list(of: expected.customer))
      #expect(found.entries == expected.entries)
      #expect(found.nothing == expected.nothing)
      #expect(lists.list(of: expected.customer + "?") == nil)
    }
    #expect(lists.list(of: "") == nil)
    #expect(lists.list(of: String(repeating: "x", count: 1_000)) == nil)
    for (index, expected) in sample.candidates.enumerated() {
      #expect(lists.names(of: UInt32(index)) == expected)
    }
  }

  @Test("fallback lists by kind and name")
  func fallbacks() throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 3, candidates: 9, entries: 5, seed: 4)
    try sample.write(to: scratch.file("lists"))
    let lists = try RankedLists.open(scratch.file("lists"))
    for (fallback, entries) in sample.fallbacks { #expect(lists.list(for: fallback) == entries) }
    for unknown in [FallbackGroup.segment("Wales"), .region("office"), .region("X"), .segment("")] {
      #expect(lists.list(for: unknown) == nil)
    }
  }

  @Test("a file without customers, candidates and fallbacks")
  func empty() throws {
    let scratch = try Scratch()
    let writer = try RankedListsWriter(path: scratch.file("lists"), header: Sample.header)
    try writer.finish()
    let lists = try RankedLists.open(scratch.file("lists"))
    #expect(lists.customerCount == 0 && lists.candidateCount == 0)
    #expect(lists.list(of: "anybody") == nil && lists.list(for: .overall) == nil)
  }

  @Test("the same input makes the same bytes, however little memory the sort may take", arguments: [1, 7, 100])
  func deterministic(sortBufferRecords: Int) throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 300, candidates: 40, entries: 5, seed: 11)
    try sample.write(to: scratch.file("one"))
    try sample.write(to: scratch.file("two"), sortBufferRecords: sortBufferRecords)
    #expect(try bytes(of: scratch.file("one")) == bytes(of: scratch.file("two")))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() == ["one", "two"])
  }

  @Test("8 bytes an entry and 40 a customer beyond its key, at most", arguments: [1, 1_000, 1_025])
  func size(customers: Int) throws {
    let scratch = try Scratch()
    let sample = Sample(customers: customers, candidates: 60, entries: 50, seed: 5, parts: .groups)
    try sample.write(to: scratch.file("lists"))
    let surgery = Surgery(bytes: try bytes(of: scratch.file("lists")))
    let used = [Format.Section.lists, .index, .directory].map { surgery.section($0).count }.reduce(4 * customers, +)
    let entries = sample.lists.map(\.entries.count).reduce(0, +)
    let keys = sample.lists.map(\.customer.utf8.count).reduce(0, +)
    #expect(used <= 8 * entries + 40 * customers + keys)
  }

  @Test(
    "the golden files: what was written is read, and written again as it was",
    arguments: [("", RankedListsParts()), ("-parts", .all.subtracting(.bought)), ("-bought", .all)])
  func golden(name: String, parts: RankedListsParts) throws {
    let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Golden/ranked-lists-v1\(name).bin").path
    let sample = Sample(customers: 12, candidates: 8, entries: 6, seed: 2024, parts: parts)
    #expect(try bytes(of: golden) == sample.encoded())
    let lists = try RankedLists.open(golden)
    for expected in sample.lists { #expect(lists.list(of: expected.customer)?.entries == expected.entries) }
  }

  @Test("an I/O error under the mapping ends the process, which answers nothing half read")
  func inputOutputError() async {
    await #expect(processExitsWith: .signal(SIGBUS)) {
      let scratch = try Scratch()
      let sample = Sample(customers: 500, candidates: 8, entries: 6, seed: 1)
      try sample.write(to: scratch.file("lists"))
      let lists = try RankedLists.open(scratch.file("lists"))
      // A page that the file has not: to the process the same as one that the disk does not deliver.
      truncate(scratch.file("lists"), 0)
      _ = lists.list(of: sample.lists[0].customer)
    }
  }

  @Test("an unlinked file answers as long as it is mapped")
  func unlinked() throws {
    let scratch = try Scratch()
    let sample = Sample(customers: 50, candidates: 8, entries: 6, seed: 1)
    try sample.write(to: scratch.file("lists"))
    let lists = try RankedLists.open(scratch.file("lists"))
    try FileManager.default.removeItem(atPath: scratch.file("lists"))
    for expected in sample.lists { #expect(lists.list(of: expected.customer)?.entries == expected.entries) }
  }
}
