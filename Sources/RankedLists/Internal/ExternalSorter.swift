import Glibc

/// Sorts more index records than memory should hold: sorted runs go to a nameless file and are merged as they are read.
///
/// Memory: one buffer of `bufferRecords` (24 bytes each), whatever the number of records.
struct ExternalSorter: ~Copyable {
  fileprivate static let recordBytes = MemoryLayout<IndexRecord>.stride

  private let bufferRecords: Int
  private let spillPath: String
  private var buffer: [IndexRecord] = []
  private var spill: FileDescriptor?
  private var runs: [Range<Int>] = []
  private(set) var count = 0

  init(spillPath: String, bufferRecords: Int) {
    self.spillPath = spillPath
    self.bufferRecords = bufferRecords
  }

  mutating func append(_ record: IndexRecord) throws(RankedListsError) {
    buffer.append(record)
    count += 1
    if buffer.count >= bufferRecords { try spillRun() }
  }

  /// Hands out every record in ascending order. Complexity: O(records × (log of the buffer + runs)).
  consuming func drain(_ body: (IndexRecord) throws(RankedListsError) -> Void) throws(RankedListsError) {
    guard !runs.isEmpty else {
      buffer.sort()
      for record in buffer { try body(record) }
      return
    }
    if !buffer.isEmpty { try spillRun() }
    buffer = []
    let window = max(1, bufferRecords / runs.count)
    var cursors = runs.map { RunCursor(remaining: $0, window: window) }
    guard let spill else { return }
    for index in cursors.indices { try cursors[index].refill(from: spill) }
    while let least = cursors.indices.min(by: { cursors[$0] < cursors[$1] }), let record = cursors[least].current {
      try body(record)
      try cursors[least].advance(in: spill)
    }
  }

  private mutating func spillRun() throws(RankedListsError) {
    let file: FileDescriptor
    if let spill { file = spill } else { file = try FileDescriptor(nameless: spillPath) }
    spill = file
    buffer.sort()
    let start = runs.last?.upperBound ?? 0
    try file.write(buffer.span.bytes, at: start * Self.recordBytes)
    runs.append(start..<(start + buffer.count))
    buffer.removeAll(keepingCapacity: true)
  }

}

/// Walks one sorted run through a window of its records.
private struct RunCursor {
  private var remaining: Range<Int>
  private let window: Int
  private var loaded: ArraySlice<IndexRecord> = []

  init(remaining: Range<Int>, window: Int) {
    self.remaining = remaining
    self.window = window
  }

  var current: IndexRecord? { loaded.first }

  /// An exhausted cursor comes last.
  static func < (a: RunCursor, b: RunCursor) -> Bool {
    guard let left = a.current else { return false }
    guard let right = b.current else { return true }
    return left < right
  }

  mutating func refill(from file: FileDescriptor) throws(RankedListsError) {
    let next = remaining.prefix(window)
    let bytes = try file.read(
      next.count * ExternalSorter.recordBytes, at: next.lowerBound * ExternalSorter.recordBytes)
    guard bytes.count == next.count * ExternalSorter.recordBytes else {
      throw .system(operation: "read of a sorted run", path: file.path, errno: EIO)
    }
    let records = bytes.withUnsafeBytes { bytes in
      next.indices.map {
        bytes.loadUnaligned(fromByteOffset: ($0 - next.lowerBound) * ExternalSorter.recordBytes, as: IndexRecord.self)
      }
    }
    loaded = records[...]
    remaining = remaining.dropFirst(next.count)
  }

  mutating func advance(in file: FileDescriptor) throws(RankedListsError) {
    loaded.removeFirst()
    if loaded.isEmpty, !remaining.isEmpty { try refill(from: file) }
  }
}
