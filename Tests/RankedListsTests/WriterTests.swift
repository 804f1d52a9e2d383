import Foundation
import Testing

@testable import RankedLists

@Suite("The writer refuses what cannot stand in a file")
struct WriterTests {
  private func problem(
    _ parts: RankedListsParts = [], _ body: (inout RankedListsWriter) throws -> Void
  ) throws -> String {
    let scratch = try Scratch()
    var writer = try RankedListsWriter(path: scratch.file("lists"), header: Sample.header, parts: parts)
    for product in ["a", "b", "c"] { _ = try writer.addCandidate(product: product) }
    do {
      try body(&writer)
      try writer.finish()
    } catch let error as RankedListsError {
      return error.description
    }
    return "accepted"
  }

  @Test(
    "a list that breaks its rules",
    arguments: [
      ([], "reason"), ([(3, 1)], "candidate 3 of 3"), ([(0, .nan)], "score nan"), ([(0, .infinity)], "score inf"),
      ([(0, 1), (1, 2)], "above the one before"), ([(0, 2), (1, 1), (0, 0)], "stands twice"),
    ] as [([(UInt32, Float)], String)])
  func lists(entries: [(UInt32, Float)], expected: String) throws {
    let list = entries.map { RankedEntry(candidate: $0.0, score: $0.1) }
    let text = try problem { try $0.add(customer: "x", entries: list) }
    #expect(text.contains(expected) && text.contains("'x'"))
  }

  @Test("an id that is none", arguments: ["", "a\nb", "nul\0", String(repeating: "x", count: 129)])
  func ids(id: String) throws {
    #expect(try problem { try $0.add(customer: id, nothing: .notPermitted) }.contains("1 to 128 bytes"))
    #expect(try problem { _ = try $0.addCandidate(product: id) }.contains("1 to 128 bytes"))
    #expect(try problem { _ = try $0.addCandidate(product: "p", offer: id) }.contains("1 to 128 bytes"))
    #expect(try problem { try $0.setFallback(.segment(id), entries: []) }.contains("1 to 128 bytes"))
  }

  @Test("anything twice: customer, candidate, fallback")
  func twice() throws {
    let text = try problem {
      for customer in ["x", "y", "x"] { try $0.add(customer: customer, nothing: .nothingEligible) }
    }
    #expect(text.contains("'x' is added twice"))
    #expect(try problem { _ = try $0.addCandidate(product: "b") }.contains("'b'"))
    let fallback = try problem {
      try $0.setFallback(.overall, entries: [])
      try $0.setFallback(.overall, entries: [])
    }
    #expect(fallback.contains("twice"))
  }

  @Test("a list longer than the format's limit")
  func tooLong() throws {
    let text = try problem { writer in
      let entries = try (0..<1_001).map {
        RankedEntry(candidate: try writer.addCandidate(product: "p\($0)"), score: 0)
      }
      try writer.add(customer: "x", entries: entries)
    }
    #expect(text.contains("the most is 1000"))
  }

  @Test("a header whose names do not fit")
  func header() throws {
    let scratch = try Scratch()
    let long = String(repeating: "t", count: 64)
    #expect(throws: RankedListsError.self) {
      _ = try RankedListsWriter(
        path: scratch.file("lists"), header: RankedListsHeader(tenant: long, model: "m", bake: "b", asOf: 0))
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.file("lists")))
  }

  @Test("to write over a file that is there")
  func existing() throws {
    let scratch = try Scratch()
    let path = try scratch.write([1, 2, 3])
    #expect(throws: RankedListsError.system(operation: "open", path: path, errno: EEXIST)) {
      _ = try RankedListsWriter(path: path, header: Sample.header)
    }
    #expect(try bytes(of: path) == [1, 2, 3])
  }

  @Test("a file that was not finished is refused")
  func unfinished() throws {
    let scratch = try Scratch()
    var writer = try RankedListsWriter(path: scratch.file("lists"), header: Sample.header)
    let candidate = try writer.addCandidate(product: "p")
    for customer in 0..<20_000 {
      try writer.add(customer: "\(customer)", entries: [RankedEntry(candidate: candidate, score: 1)])
    }
    #expect(throws: RankedListsError.self) { _ = try RankedLists.open(scratch.file("lists")) }
    try writer.finish()
    #expect(try RankedLists.open(scratch.file("lists")).customerCount == 20_000)
  }

  @Test("what belongs to no part that the file was begun with, and what does not fit")
  func parts() throws {
    let one = [RankedEntry(candidate: 0, score: 1)]
    #expect(
      try problem { _ = try $0.addCandidate(product: "d", details: CandidateDetails(name: "n")) }.contains(
        "without details"))
    #expect(try problem { try $0.add(customer: "x", entries: one, segment: "s") }.contains("without groups"))
    #expect(
      try problem { try $0.add(customer: "x", entries: one, reasons: [ListReason(.popular)]) }.contains(
        "without reasons"))
    #expect(try problem { try $0.setNeighbours(of: 0, []) }.contains("without neighbours"))
    let factors = ItemFactors(
      dimensions: 1, regularization: 0, confidence: 1, gram: [1], biases: [0, 0, 0], vectors: [1, 2, .nan])
    #expect(try problem { try $0.setFactors(factors) }.contains("without factors"))
    #expect(try problem(.factors) { try $0.setFactors(factors) }.contains("not finite"))
    #expect(try problem(.factors) { _ in }.contains("none are set"))
    #expect(try problem(.neighbours) { try $0.setNeighbours(of: 0, one) }.contains("own neighbour"))
    #expect(try problem(.neighbours) { try $0.setNeighbours(of: 3, []) }.contains("of 3"))
    #expect(try problem(.groups) { try $0.add(customer: "x", entries: one, region: "a\nb") }.contains("region"))
    #expect(
      try problem(.reasons) { try $0.add(customer: "x", entries: one, reasons: [nil, nil]) }.contains("2 reasons for 1")
    )
    #expect(
      try problem(.reasons) {
        try $0.add(customer: "x", entries: one, reasons: [ListReason(.boughtWith, candidate: 3)])
      }.contains("candidate 3 of 3"))
  }

  @Test(
    "details past their limits",
    arguments: [
      (CandidateDetails(name: String(repeating: "n", count: 257)), "256 bytes"),
      (CandidateDetails(name: "a\0b"), "NUL"),
      (CandidateDetails(categories: [String](repeating: "c", count: 17)), "16 categories"),
      (CandidateDetails(regions: [String](repeating: "r", count: 257)), "256 regions"),
      (CandidateDetails(categories: [String(repeating: "c", count: 65)]), "64 bytes"),
      (CandidateDetails(availableFrom: 5, availableUntil: 5), "never available"),
    ])
  func details(details: CandidateDetails, expected: String) throws {
    #expect(try problem(.details) { _ = try $0.addCandidate(product: "d", details: details) }.contains(expected))
  }
}
