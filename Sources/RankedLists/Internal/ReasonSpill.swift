import Glibc

/// The reasons on their way: they pass along with the lists, and stand in the file behind everything else.
struct ReasonSpill: ~Copyable {
  private static let copyBytes = 1 << 20

  private let spill: FileDescriptor
  private var writer = SectionWriter(at: 0)

  init(in spill: FileDescriptor) { self.spill = spill }

  /// One word for each 8 bytes of a blob: at the place of an entry its reason, else zero.
  mutating func append(
    _ reasons: [ListReason?], blobBytes: Int, entries: Int, candidates: Int
  ) throws(RankedListsError) {
    for _ in 0..<(blobBytes / Format.blobAlignment - entries) { try writer.append(UInt32(0), to: spill) }
    for place in 0..<entries {
      let reason = reasons.isEmpty ? nil : reasons[place]
      guard (reason?.candidate ?? 0) < max(1, candidates) else {
        throw .input("the reason of entry \(place) names candidate \(reason?.candidate ?? 0) of \(candidates)")
      }
      try writer.append(reason?.code ?? 0, to: spill)
    }
  }

  /// Copies everything into the file, as its section.
  mutating func copy(to file: FileDescriptor, at start: Int) throws(RankedListsError) -> SectionRow {
    try writer.flush(to: spill)
    var section = SectionWriter(at: start)
    while section.count < writer.count {
      let bytes = try spill.read(min(Self.copyBytes, writer.count - section.count), at: section.count)
      guard !bytes.isEmpty else { throw .system(operation: "read of the reasons", path: spill.path, errno: EIO) }
      try section.append(bytes, to: file)
    }
    return try section.finish(.reasons, to: file)
  }
}
