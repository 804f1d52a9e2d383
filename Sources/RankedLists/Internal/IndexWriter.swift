/// Writes the customer index and its directory side by side, as the sorted records pass.
enum IndexWriter {
  static func write(
    _ index: consuming ExternalSorter, records: inout SectionWriter, directory: inout SectionWriter,
    to file: FileDescriptor
  ) throws(RankedListsError) {
    let customers = index.count
    let bits = Format.directoryBits(customers: customers)
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
      for earlier in sameHash { try refuseEqualKeys(earlier, record, in: file) }
      try records.append(record.hash, to: file)
      try records.append(record.offset, to: file)
      written += 1
      sameHash.append(record)
    }
    while nextBucket <= 1 << bits {
      try directory.append(UInt32(written), to: file)
      nextBucket += 1
    }
  }

  /// Two records with one hash are one customer twice, or the rare collision, which the format allows.
  private static func refuseEqualKeys(
    _ first: IndexRecord, _ second: IndexRecord, in file: FileDescriptor
  ) throws(RankedListsError) {
    let keys = (try key(of: first, in: file), try key(of: second, in: file))
    if keys.0 == keys.1 {
      throw .input("customer '\(String(decoding: keys.0, as: UTF8.self))' is added twice")
    }
  }

  private static func key(
    of record: IndexRecord, in file: FileDescriptor
  ) throws(RankedListsError) -> ArraySlice<UInt8> {
    let bytes = try file.read(
      Format.blobHeadBytes + Format.maximumIdentifierBytes, at: Format.listsStart + Int(record.offset))
    return bytes.dropFirst(Format.blobHeadBytes).prefix(Int(bytes.first ?? 0))
  }
}
