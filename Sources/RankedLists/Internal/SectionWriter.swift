/// Appends to one section of a file through a bounded buffer, hashing what passes; several may fill one file at once.
struct SectionWriter: ~Copyable {
  private static let bufferBytes = 1 << 18

  private let start: Int
  private var buffer: [UInt8] = []
  private var flushed = 0
  private let hasher = SHA256()

  init(at start: Int) {
    self.start = start
    buffer.reserveCapacity(Self.bufferBytes)
  }

  /// Bytes appended so far.
  var count: Int { flushed + buffer.count }

  /// The offset in the file behind the last byte appended.
  var end: Int { start + count }

  mutating func append(_ bytes: some Collection<UInt8>, to file: FileDescriptor) throws(RankedListsError) {
    buffer.append(contentsOf: bytes)
    if buffer.count >= Self.bufferBytes { try flush(to: file) }
  }

  mutating func append(
    _ value: some FixedWidthInteger, to file: FileDescriptor
  ) throws(RankedListsError) {
    withUnsafeBytes(of: value.littleEndian) { buffer.append(contentsOf: $0) }
    if buffer.count >= Self.bufferBytes { try flush(to: file) }
  }

  /// Writes what is buffered.
  mutating func flush(to file: FileDescriptor) throws(RankedListsError) {
    try file.write(buffer.span.bytes, at: start + flushed)
    hasher.update(buffer.span.bytes)
    flushed += buffer.count
    buffer.removeAll(keepingCapacity: true)
  }

  /// Writes what is left. The section's row for the table.
  consuming func finish(_ kind: Format.Section, to file: FileDescriptor) throws(RankedListsError) -> SectionRow {
    try flush(to: file)
    return SectionRow(
      kind: kind.rawValue, flags: kind.isOptional ? Format.TableRow.ignorable : 0, offset: UInt64(start),
      length: UInt64(flushed), digest: hasher.finish())
  }
}
