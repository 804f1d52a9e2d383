/// Writes the customer index, its directory and the customers' groups side by side, as the sorted records pass.
struct IndexWriter: ~Copyable {
  private let file: FileDescriptor
  private let listsStart: Int
  private var records: SectionWriter
  private var directory: SectionWriter
  private var groups: SectionWriter?

  /// `groups`: nil where the file has none. The rows of the sections for the table.
  static func write(
    _ index: consuming ExternalSorter, groups: GroupSection?, layout: FileLayout, to file: FileDescriptor
  ) throws(RankedListsError) -> [SectionRow] {
    var writer = IndexWriter(
      file: file, listsStart: layout.start(of: .lists), records: SectionWriter(at: layout.start(of: .index)),
      directory: SectionWriter(at: layout.start(of: .directory)), groups: nil)
    if let groups {
      var section = SectionWriter(at: layout.start(of: .groups))
      try section.append(groups.head, to: file)
      writer.groups = consume section
    }
    try writer.append(index, groups: groups)
    return try writer.finish(tail: groups?.tail ?? [])
  }

  private consuming func finish(tail: [UInt8]) throws(RankedListsError) -> [SectionRow] {
    let file = file
    try groups?.append(tail, to: file)
    var rows = [try records.finish(.index, to: file), try directory.finish(.directory, to: file)]
    if let groups { rows.append(try groups.finish(.groups, to: file)) }
    return rows
  }

  private mutating func append(
    _ index: consuming ExternalSorter, groups numbers: GroupSection?
  ) throws(RankedListsError) {
    let bits = Format.directoryBits(customers: index.count)
    var written = 0
    var nextBucket = 0
    var bucketStart = 0
    var sameHash: [IndexRecord] = []
    try index.drain { (record) throws(RankedListsError) in
      let bucket = Format.bucket(of: record.hash, bits: bits)
      if bucket >= nextBucket { bucketStart = written }
      while nextBucket <= bucket {
        try directory.append(UInt32(written), to: file)
        nextBucket += 1
      }
      guard written - bucketStart < Format.maximumProbes else {
        throw .input("more than \(Format.maximumProbes) customers hash to one bucket; bake again under another bake id")
      }
      if sameHash.last?.hash != record.hash { sameHash = [] }
      for earlier in sameHash { try refuseEqualKeys(earlier, record) }
      try records.append(record.hash, to: file)
      try records.append(record.offset, to: file)
      if let numbers {
        try groups?.append(numbers.segments[Int(record.segment)], to: file)
        try groups?.append(numbers.regions[Int(record.region)], to: file)
      }
      written += 1
      sameHash.append(record)
    }
    while nextBucket <= 1 << bits {
      try directory.append(UInt32(written), to: file)
      nextBucket += 1
    }
  }

  /// Two records with one hash are one customer twice, or the rare collision, which the format allows.
  private func refuseEqualKeys(_ first: IndexRecord, _ second: IndexRecord) throws(RankedListsError) {
    let keys = (try key(of: first), try key(of: second))
    if keys.0 == keys.1 {
      throw .input("customer '\(String(decoding: keys.0, as: UTF8.self))' is added twice")
    }
  }

  private func key(of record: IndexRecord) throws(RankedListsError) -> ArraySlice<UInt8> {
    let bytes = try file.read(
      Format.blobHeadBytes + Format.maximumIdentifierBytes, at: listsStart + Int(record.offset))
    return bytes.dropFirst(Format.blobHeadBytes).prefix(Int(bytes.first ?? 0))
  }
}
