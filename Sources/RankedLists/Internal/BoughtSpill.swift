import Glibc

/// What customers have bought, on its way: it passes along with the lists, and stands in the file behind everything else.
struct BoughtSpill: ~Copyable {
  private let spill: FileDescriptor
  private var writer = SectionWriter(at: 0)
  private var customers = 0
  private var candidates = 0

  init(in spill: FileDescriptor) { self.spill = spill }

  /// Bytes of the section.
  var byteCount: Int {
    BoughtTable.headBytes + (2 * customers + 1) * Format.offsetBytes + candidates * Format.boughtBytes
  }

  /// Keeps what the customer has bought whose blob begins at `offset` of the lists; nothing for no candidates.
  mutating func append(_ bought: [UInt32], blob offset: Int, candidates: Int) throws(RankedListsError) {
    guard !bought.isEmpty else { return }
    let sorted = bought.sorted()
    for (index, candidate) in sorted.enumerated() {
      guard candidate < UInt32(candidates) else { throw .input("bought: candidate \(candidate) of \(candidates)") }
      guard index == 0 || sorted[index - 1] < candidate else {
        throw .input("bought: candidate \(candidate) is named twice")
      }
    }
    try writer.append(UInt64(offset), to: spill)
    try writer.append(UInt64(sorted.count), to: spill)
    for candidate in sorted { try writer.append(candidate, to: spill) }
    customers += 1
    self.candidates += sorted.count
  }

  /// Writes everything into the file, as its section.
  mutating func copy(to file: FileDescriptor, at start: Int) throws(RankedListsError) -> SectionRow {
    try writer.flush(to: spill)
    var section = SectionWriter(at: start)
    try section.append(UInt64(customers), to: file)
    try section.append(UInt64(candidates), to: file)
    try forEach { (offset, _) throws(RankedListsError) in try section.append(offset, to: file) }
    var first: UInt64 = 0
    try section.append(first, to: file)
    try forEach { (_, bytes) throws(RankedListsError) in
      first += UInt64(bytes.count / Format.boughtBytes)
      try section.append(first, to: file)
    }
    try forEach { (_, bytes) throws(RankedListsError) in try section.append(bytes, to: file) }
    return try section.finish(.bought, to: file)
  }

  /// Hands out each customer's blob offset and the bytes of the candidates.
  private func forEach(
    _ body: (UInt64, ArraySlice<UInt8>) throws(RankedListsError) -> Void
  ) throws(RankedListsError) {
    var reader = SpillReader(spill, count: writer.count)
    while !reader.isAtEnd {
      let (offset, count) = (try reader.number(), try reader.number())
      try body(offset, try reader.take(Int(count) * Format.boughtBytes))
    }
  }
}

/// Reads a spill file from its beginning, a window at a time.
private struct SpillReader: ~Copyable {
  private static let windowBytes = 1 << 20

  private let file: FileDescriptor
  private let count: Int
  private var position = 0
  private var window: ArraySlice<UInt8> = []

  init(_ file: FileDescriptor, count: Int) {
    self.file = file
    self.count = count
  }

  var isAtEnd: Bool { position >= count }

  mutating func take(_ bytes: Int) throws(RankedListsError) -> ArraySlice<UInt8> {
    if window.count < bytes {
      window = try file.read(max(bytes, min(Self.windowBytes, count - position)), at: position)[...]
      guard window.count >= bytes else { throw .system(operation: "read of a spill", path: file.path, errno: EIO) }
    }
    defer {
      window = window.dropFirst(bytes)
      position += bytes
    }
    return window.prefix(bytes)
  }

  mutating func number() throws(RankedListsError) -> UInt64 {
    try take(MemoryLayout<UInt64>.size).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
