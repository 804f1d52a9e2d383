/// What a file may have beside its lists; nil = it has not.
struct OptionalSections: BitwiseCopyable {
  var details: OffsetTable?
  var groups: GroupTable?
  var factors: FactorTable?
  var neighbours: OffsetTable?
  var reasons: FileBytes?
  var order: FileBytes?
  var bought: BoughtTable?
}

/// The sections of one mapped file, and the search of its customer index.
struct ListSections: BitwiseCopyable {
  let customers: Int
  private(set) var directoryBits: Int
  let hash: SipHash
  let lists: FileBytes
  let index: FileBytes
  private(set) var directory: FileBytes
  let candidates: OffsetTable
  let fallbacks: OffsetTable
  let beside: OptionalSections

  /// The place of the first record of a bucket; of the bucket after the last: the number of records.
  @inline(__always)
  func bucketStart(_ bucket: Int) -> Int {
    Int(directory.load(bucket * Format.directoryEntryBytes, as: UInt32.self))
  }

  @inline(__always)
  func record(_ place: Int) -> IndexRecord {
    IndexRecord(
      hash: index.load(place * Format.recordBytes, as: UInt64.self),
      offset: index.load(place * Format.recordBytes + MemoryLayout<UInt64>.size, as: UInt64.self))
  }

  /// log2 of how many of the file's buckets are searched as one; each has a record on average. Their lines are fetched side by
  /// side, so that a few records more cost less than a directory that does not lie in a near cache.
  private static let bucketBits = 2

  /// The sections with as much of the directory as the search needs, in memory that whoever gets it has to free.
  /// Complexity: O(customers).
  func withNearDirectory() -> (UnsafeMutableRawBufferPointer, ListSections) {
    var sections = self
    sections.directoryBits = max(0, directoryBits - Self.bucketBits)
    let step = 1 << (directoryBits - sections.directoryBits)
    let buckets = 1 << sections.directoryBits
    let near = UnsafeMutableRawBufferPointer.allocate(
      byteCount: (buckets + 1) * Format.directoryEntryBytes, alignment: MemoryLayout<UInt32>.alignment)
    for bucket in 0...buckets {
      let start = directory.load(bucket * step * Format.directoryEntryBytes, as: UInt32.self)
      near.storeBytes(of: start.littleEndian, toByteOffset: bucket * Format.directoryEntryBytes, as: UInt32.self)
    }
    sections.directory = FileBytes(UnsafeRawBufferPointer(near))
    return (near, sections)
  }

  /// The records that may have the hash: at most `Format.maximumProbes` for each bucket of the file.
  @inline(__always)
  func places(of hash: UInt64) -> Range<Int> {
    let bucket = Format.bucket(of: hash, bits: directoryBits)
    return bucketStart(bucket)..<bucketStart(bucket + 1)
  }

  /// The customer's blob, in a file that is verified. Complexity: O(key).
  @inline(__always)
  func find(_ customer: UnsafeRawBufferPointer) -> (blob: ListBlob, place: Int)? {
    let hash = hash.hash(customer)
    for place in places(of: hash) {
      let record = record(place)
      guard record.hash == hash else { continue }
      if let blob = ListBlob(lists, at: Int(truncatingIfNeeded: record.offset), of: customer) { return (blob, place) }
    }
    return nil
  }

  /// The fallback list, in a file that is verified. Complexity: O(log of their number).
  func find(_ fallback: FallbackGroup) -> ListBlob? {
    var (low, high) = (0, fallbacks.count)
    while low < high {
      let middle = (low + high) / 2
      let blob = ListBlob(fallbacks.items, at: fallbacks.offset(middle))
      if blob.precedes(fallback) { low = middle + 1 } else { high = middle }
    }
    guard low < fallbacks.count else { return nil }
    let blob = ListBlob(fallbacks.items, at: fallbacks.offset(low))
    return blob.code == fallback.kind && blob.key.raw.elementsEqual(fallback.name.utf8) ? blob : nil
  }
}
