import Foundation
import Logging
import Messages
import Testing

@testable import Ranking

/// Makers and readers of served records.
enum Serve {
  /// A made-up answer; `number` makes it another one.
  static func answer(_ number: Int, items: Int = 3) -> [UInt8] {
    let digits = String(number, radix: 16)
    return Encoded<Proto.GetRecommendationsResponse> { draft in
      draft.outcome = .list
      draft.list(\.n_items, \.items, of: 0..<items) { item, index in item.product = "p\(index)" }
      draft.model = "m-1"
      draft.bake = "b-1"
      draft.recommendation_id = String(repeating: "0", count: 32 - digits.count) + digits
      draft.arm = "a"
      draft.propensity = 0.5
    }.bytes
  }

  /// Hands out an entry with all it points to.
  static func withEntry<R>(
    _ number: Int, tenant: String = "uk", customer: String = "c7", items: Int = 3, pinned: [String] = [],
    excluded: [String] = [], isNamed: Bool = false, _ body: (ServedEntry) -> R
  ) -> R {
    let (tenant, customer, answer) = (Array(tenant.utf8), Array(customer.utf8), answer(number, items: items))
    return tenant.withUnsafeBytes { tenant in
      customer.withUnsafeBytes { customer in
        answer.withUnsafeBytes { answer in
          body(
            ServedEntry(
              tenant: tenant, customer: customer, answer: answer, servedAt: 1_700_000_000_000_000 + Int64(number),
              occurredAt: 1_600_000_000_000_000, channel: 2, isNamed: isNamed, pinned: pinned.map { Array($0.utf8) },
              excluded: excluded.map { Array($0.utf8) }))
        }
      }
    }
  }

  /// A record's bytes.
  static func record(
    _ number: Int, pinned: [String] = [], excluded: [String] = [], items: Int = 3, isNamed: Bool = false
  ) -> [UInt8] {
    withEntry(number, items: items, pinned: pinned, excluded: excluded, isNamed: isNamed) { entry in
      var bytes = [UInt8](repeating: 0xee, count: entry.byteCount)
      bytes.withUnsafeMutableBytes { bytes in
        if let start = bytes.baseAddress { entry.write(to: start, byteCount: entry.byteCount) }
      }
      return bytes
    }
  }

  static func parse(_ bytes: [UInt8]) -> ServedRecord? {
    bytes.withUnsafeBytes { ServedRecord.parse($0)?.record }
  }

  /// The numbers of the records in bytes, and the gaps between them.
  static func numbers(in bytes: [UInt8]) -> (numbers: [Int], gaps: Int) {
    var numbers: [Int] = []
    let gaps = bytes.withUnsafeBytes { bytes in
      ServedRecord.forEach(in: bytes) { record, _ in numbers.append(number(of: record)) }
    }
    return (numbers, gaps)
  }

  static func number(of record: ServedRecord) -> Int { Int(record.servedAt - 1_700_000_000_000_000) }

  /// The numbers in all segments of a folder, in order of segment; in their files is nothing else.
  static func numbers(inFolder folder: String) throws -> [Int] {
    let segments = try ServedSegments(folder: folder)
    var numbers: [Int] = []
    while let segment = segments.next(after: 0) {
      let found = Self.numbers(in: try bytes(of: segments.path(segment.number)))
      #expect(found.gaps == 0)
      numbers += found.numbers
      try segments.remove(segment)
    }
    return numbers
  }
}

extension ServedWriter {
  /// A writer of a small folder.
  static func small(
    _ folder: String, limit: Int = 1 << 30, rings: Int = 2, segmentBytes: Int = 1 << 20,
    flushInterval: Duration = Limits.flushInterval, logger: Logger,
    write: (@Sendable (Int32, UnsafeRawBufferPointer, Int) -> Int)? = nil,
    sync: (@Sendable (Int32, Bool) -> Int32)? = nil
  ) throws -> ServedWriter {
    var options = Options(folder: folder, limit: limit, ringCount: rings)
    options.ringBytes = 128 << 10
    options.segmentBytes = segmentBytes
    options.flushInterval = flushInterval
    if let write { options.write = write }
    if let sync { options.sync = sync }
    return try ServedWriter(options, figures: ServedFigures(), logger: logger)
  }

  func append(_ number: Int, tenant: String = "uk", items: Int = 3) {
    Serve.withEntry(number, tenant: tenant, items: items) { log.append($0) }
  }
}
