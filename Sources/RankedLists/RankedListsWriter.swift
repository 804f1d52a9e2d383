import Glibc

/// Writes one lists file as FORMAT.md describes it, in one pass over the customers, in whatever order they come.
///
/// ```swift
/// var writer = try RankedListsWriter(path: path, header: header)
/// let soap = try writer.addCandidate(product: "22139")
/// try writer.add(customer: "12347", entries: [RankedEntry(candidate: soap, score: 0.9)])
/// try writer.setFallback(.overall, entries: [RankedEntry(candidate: soap, score: 1)])
/// try writer.finish()
/// ```
///
/// The same calls make the same bytes. Memory: the candidates, the fallback lists and 16 MiB for sorting, whatever the
/// number of customers. Until `finish()` returns, the file is refused by every reader.
public struct RankedListsWriter: ~Copyable {
  private static let sortBufferRecords = 1 << 20

  private let file: FileDescriptor
  private let header: RankedListsHeader
  private let hashKey: [UInt8]
  private let hash: SipHash
  private var lists: SectionWriter
  private var index: ExternalSorter
  private var entries: UInt64 = 0
  private var candidates = CandidateTable()
  private var fallbacks: [FallbackGroup: [UInt8]] = [:]
  private var check = ListCheck()

  /// Creates the file, which must not exist yet.
  public init(path: String, header: RankedListsHeader) throws(RankedListsError) {
    try self.init(path: path, header: header, sortBufferRecords: Self.sortBufferRecords)
  }

  init(path: String, header: RankedListsHeader, sortBufferRecords: Int) throws(RankedListsError) {
    try header.check()
    let file = try FileDescriptor(path: path, flags: O_RDWR | O_CREAT | O_EXCL, mode: S_IRUSR | S_IWUSR | S_IRGRP)
    self.file = file
    self.header = header
    hashKey = header.hashKey
    hash = SipHash(keyBytes: hashKey)
    lists = SectionWriter(at: Format.listsStart)
    index = ExternalSorter(spillPath: path + ".spill", bufferRecords: sortBufferRecords)
  }

  /// Appends a product, or one offer of it, to the dictionary. Its index there, counted from 0.
  public mutating func addCandidate(product: String, offer: String? = nil) throws(RankedListsError) -> UInt32 {
    try candidates.add(product: product, offer: offer)
  }

  /// Adds a customer's list: at least one entry, best first, over candidates that were added before, none of them twice.
  public mutating func add(customer: String, entries list: [RankedEntry]) throws(RankedListsError) {
    guard !list.isEmpty else {
      throw .input("customer '\(customer)': an empty list needs a reason; use add(customer:nothing:)")
    }
    try add(customer: customer, reason: 0, entries: list)
  }

  /// Adds a customer to whom nothing is to be recommended.
  public mutating func add(customer: String, nothing reason: NothingReason) throws(RankedListsError) {
    try add(customer: customer, reason: reason.rawValue, entries: [])
  }

  /// Sets the list for customers of whom the file knows nothing; each at most once.
  public mutating func setFallback(_ fallback: FallbackGroup, entries list: [RankedEntry]) throws(RankedListsError) {
    guard fallbacks[fallback] == nil else { throw .input("fallback \(fallback) is set twice") }
    guard fallbacks.count < Format.maximumFallbacks else {
      throw .input("more than \(Format.maximumFallbacks) fallback lists")
    }
    if case .overall = fallback {} else { try Format.check(identifier: fallback.name, of: "fallback \(fallback)") }
    if let problem = check.problem(in: list, candidates: candidates.count) {
      throw .input("fallback \(fallback): \(problem)")
    }
    fallbacks[fallback] = ListBlob.encode(key: fallback.name, code: fallback.kind, entries: list)
  }

  private mutating func add(customer: String, reason: UInt8, entries list: [RankedEntry]) throws(RankedListsError) {
    try Format.check(identifier: customer, of: "customer '\(customer)'")
    guard index.count < Format.maximumCustomers else { throw .input("more than \(Format.maximumCustomers) customers") }
    if let problem = check.problem(in: list, candidates: candidates.count) {
      throw .input("customer '\(customer)': \(problem)")
    }
    try index.append(IndexRecord(hash: hash.hash(customer), offset: UInt64(lists.count)))
    try lists.append(ListBlob.encode(key: customer, code: reason, entries: list), to: file)
    entries += UInt64(list.count)
  }

  /// Writes the index, the dictionary, the fallback lists and the header, in that order, and syncs the file to disk.
  ///
  /// The digest that seals the file. Throws `input` if a customer was added twice.
  @discardableResult
  public consuming func finish() throws(RankedListsError) -> SHA256Digest {
    let customers = index.count
    let listsEnd = lists.end
    var rows = [try lists.finish(.lists, to: file)]

    var records = SectionWriter(at: Format.aligned(listsEnd))
    var directory = SectionWriter(at: Format.aligned(records.end + customers * Format.recordBytes))
    try IndexWriter.write(index, records: &records, directory: &directory, to: file)
    let directoryEnd = directory.end
    rows.append(try records.finish(.index, to: file))
    rows.append(try directory.finish(.directory, to: file))

    var dictionary = SectionWriter(at: Format.aligned(directoryEnd))
    try dictionary.append(candidates.encoded, to: file)
    let dictionaryEnd = dictionary.end
    rows.append(try dictionary.finish(.candidates, to: file))

    var defaults = SectionWriter(at: Format.aligned(dictionaryEnd))
    try defaults.append(Self.encode(fallbacks), to: file)
    let fileBytes = defaults.end
    rows.append(try defaults.finish(.fallbacks, to: file))

    let counts = HeaderCounts(
      fileBytes: UInt64(fileBytes), customers: UInt64(customers), entries: entries,
      candidates: UInt32(candidates.count), fallbacks: UInt32(fallbacks.count))
    let sealed = header.encode(counts: counts, hashKey: hashKey, table: rows.flatMap(\.encoded))
    try file.write(sealed.bytes.span.bytes, at: 0)
    guard fsync(file.raw) == 0 else { throw .system(operation: "fsync", path: file.path, errno: errno) }
    return sealed.digest
  }

  /// The fallback lists in the one order that the format allows: by kind, then by the bytes of the name.
  private static func encode(_ fallbacks: [FallbackGroup: [UInt8]]) -> [UInt8] {
    let ordered = fallbacks.sorted { $0.key.precedes($1.key) }.map(\.value)
    var offsets: [UInt64] = [0]
    for blob in ordered { offsets.append((offsets.last ?? 0) + UInt64(blob.count)) }
    return Format.encode([UInt64(ordered.count)] + offsets) + ordered.flatMap { $0 }
  }
}
