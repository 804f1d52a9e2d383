import Glibc

/// Writes one lists file as FORMAT.md describes it, in one pass over the customers, in whatever order they come.
///
/// ```swift
/// var writer = try RankedListsWriter(path: path, header: header, parts: [.reasons])
/// let soap = try writer.addCandidate(product: "22139")
/// try writer.add(
///   customer: "12347", entries: [RankedEntry(candidate: soap, score: 0.9)], reasons: [ListReason(.popular)])
/// try writer.setFallback(.overall, entries: [RankedEntry(candidate: soap, score: 1)])
/// try writer.finish()
/// ```
///
/// The same calls make the same bytes. Memory: the candidates and what is known of them, the fallback lists and 24 MiB for
/// sorting, whatever the number of customers. Until `finish()` returns, the file is refused by every reader.
public struct RankedListsWriter: ~Copyable {
  private static let sortBufferRecords = 1 << 20

  private let file: FileDescriptor
  private let header: RankedListsHeader
  private let parts: RankedListsParts
  private let hashKey: [UInt8]
  private let hash: SipHash
  private let listsStart: Int
  private var lists: SectionWriter
  private var index: ExternalSorter
  private var reasons: ReasonSpill?
  private var bought: BoughtSpill?
  private var entries: UInt64 = 0
  private var candidates = CandidateTable()
  private var details = DetailsTable()
  private var segments = GroupLabels("segment")
  private var regions = GroupLabels("region")
  private var fallbacks: [FallbackGroup: [UInt8]] = [:]
  private var factors: ItemFactors?
  private var neighbours: [UInt32: [RankedEntry]] = [:]
  private var check = ListCheck()

  /// Creates the file, which must not exist yet. What belongs to no part that is named is refused later.
  public init(path: String, header: RankedListsHeader, parts: RankedListsParts = []) throws(RankedListsError) {
    try self.init(path: path, header: header, parts: parts, sortBufferRecords: Self.sortBufferRecords)
  }

  init(
    path: String, header: RankedListsHeader, parts: RankedListsParts, sortBufferRecords: Int
  ) throws(RankedListsError) {
    try header.check()
    let file = try FileDescriptor(path: path, flags: O_RDWR | O_CREAT | O_EXCL, mode: S_IRUSR | S_IWUSR | S_IRGRP)
    let spill = parts.contains(.reasons) ? try FileDescriptor(nameless: path + ".reasons") : nil
    let boughtSpill = parts.contains(.bought) ? try FileDescriptor(nameless: path + ".bought") : nil
    self.file = file
    self.header = header
    self.parts = parts
    hashKey = header.hashKey
    hash = SipHash(keyBytes: hashKey)
    listsStart = Format.firstSection(of: parts.sections.count)
    lists = SectionWriter(at: listsStart)
    index = ExternalSorter(spillPath: path + ".spill", bufferRecords: sortBufferRecords)
    if let spill { reasons = ReasonSpill(in: spill) }
    if let boughtSpill { bought = BoughtSpill(in: boughtSpill) }
  }

  /// Appends a product, or one offer of it, to the dictionary. Its index there, counted from 0.
  public mutating func addCandidate(
    product: String, offer: String? = nil, details about: CandidateDetails = CandidateDetails()
  ) throws(RankedListsError) -> UInt32 {
    guard parts.contains(.details) || about == CandidateDetails() else { throw .notAPart("details") }
    let candidate = try candidates.add(product: product, offer: offer)
    if parts.contains(.details) { try details.add(about, of: product) }
    return candidate
  }

  /// Adds a customer's list: at least one entry, best first, over candidates that were added before, none of them twice.
  ///
  /// `reasons`: one for each entry, nil where there is none to give; or no reason at all. `segment`, `region`: ids; empty =
  /// none. `bought`: candidates, in whatever order, none of them twice.
  public mutating func add(
    customer: String, entries list: [RankedEntry], reasons: [ListReason?] = [], segment: String = "",
    region: String = "", bought: [UInt32] = []
  ) throws(RankedListsError) {
    guard !list.isEmpty else {
      throw .input("customer '\(customer)': an empty list needs a reason; use add(customer:nothing:)")
    }
    guard reasons.isEmpty || reasons.count == list.count else {
      throw .input("customer '\(customer)': \(reasons.count) reasons for \(list.count) entries")
    }
    try add(customer, code: 0, list, reasons, segment, region, bought)
  }

  /// Adds a customer to whom nothing is to be recommended.
  public mutating func add(
    customer: String, nothing reason: NothingReason, segment: String = "", region: String = "", bought: [UInt32] = []
  ) throws(RankedListsError) {
    try add(customer, code: reason.rawValue, [], [], segment, region, bought)
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

  /// Sets the vectors of all candidates; they are checked by `finish()`, when their number is known.
  public mutating func setFactors(_ factors: ItemFactors) throws(RankedListsError) {
    guard parts.contains(.factors) else { throw .notAPart("factors") }
    self.factors = factors
  }

  /// Sets the candidates most like a candidate, the most alike first; without the candidate itself.
  public mutating func setNeighbours(of candidate: UInt32, _ list: [RankedEntry]) throws(RankedListsError) {
    guard parts.contains(.neighbours) else { throw .notAPart("neighbours") }
    guard candidate < UInt32(candidates.count) else {
      throw .input("neighbours of candidate \(candidate) of \(candidates.count)")
    }
    if let problem = check.problem(in: list, candidates: candidates.count) {
      throw .input("neighbours of candidate \(candidate): \(problem)")
    }
    guard !list.contains(where: { $0.candidate == candidate }) else {
      throw .input("candidate \(candidate) is named as its own neighbour")
    }
    neighbours[candidate] = list
  }

  private mutating func add(
    _ customer: String, code: UInt8, _ list: [RankedEntry], _ reasons: [ListReason?], _ segment: String,
    _ region: String, _ bought: [UInt32]
  ) throws(RankedListsError) {
    try Format.check(identifier: customer, of: "customer '\(customer)'")
    guard index.count < Format.maximumCustomers else { throw .input("more than \(Format.maximumCustomers) customers") }
    if let problem = check.problem(in: list, candidates: candidates.count) {
      throw .input("customer '\(customer)': \(problem)")
    }
    guard parts.contains(.groups) || segment.isEmpty && region.isEmpty else { throw .notAPart("groups") }
    let record = IndexRecord(
      hash: hash.hash(customer), offset: UInt64(lists.count), segment: UInt32(try segments.number(segment)),
      region: UInt32(try regions.number(region)))
    let blob = ListBlob.encode(key: customer, code: code, entries: list)
    if parts.contains(.reasons) {
      try self.reasons?.append(reasons, blobBytes: blob.count, entries: list.count, candidates: candidates.count)
    } else if !reasons.isEmpty {
      throw .notAPart("reasons")
    }
    if parts.contains(.bought) {
      try self.bought?.append(bought, blob: lists.count, candidates: candidates.count)
    } else if !bought.isEmpty {
      throw .notAPart("bought")
    }
    try index.append(record)
    try lists.append(blob, to: file)
    entries += UInt64(list.count)
  }
}

// MARK: The end

extension RankedListsWriter {
  /// Writes the other sections and the header, in that order, and syncs the file to disk.
  ///
  /// The digest that seals the file. Throws `input` if a customer was added twice, or the factors do not fit.
  @discardableResult
  public consuming func finish() throws(RankedListsError) -> SHA256Digest {
    let customers = index.count
    let groups = GroupSection(segments: segments, regions: regions, customers: customers)
    let ready = try sectionsInMemory()
    var lengths = ready.mapValues(\.count)
    lengths[.lists] = lists.count
    lengths[.index] = customers * Format.recordBytes
    lengths[.directory] = ((1 << Format.directoryBits(customers: customers)) + 1) * Format.directoryEntryBytes
    lengths[.groups] = groups.byteCount
    lengths[.reasons] = lists.count / Format.blobAlignment * Format.reasonBytes
    lengths[.bought] = bought?.byteCount ?? 0
    let layout = FileLayout(parts.sections, lengths: lengths)

    let (file, header, hashKey) = (file, header, hashKey)
    let counts = HeaderCounts(
      fileBytes: UInt64(layout.end), customers: UInt64(customers), entries: entries,
      candidates: UInt32(candidates.count), fallbacks: UInt32(fallbacks.count))
    var rows = [try lists.finish(.lists, to: file)]
    rows += try IndexWriter.write(index, groups: parts.contains(.groups) ? groups : nil, layout: layout, to: file)
    for (section, bytes) in ready {
      var output = SectionWriter(at: layout.start(of: section))
      try output.append(bytes, to: file)
      rows.append(try output.finish(section, to: file))
    }
    if let row = try reasons?.copy(to: file, at: layout.start(of: .reasons)) { rows.append(row) }
    if let row = try bought?.copy(to: file, at: layout.start(of: .bought)) { rows.append(row) }
    rows.sort { $0.kind < $1.kind }

    // An empty section at the end is only where it is because the file reaches so far.
    try file.truncate(to: layout.end)
    let sealed = header.encode(counts: counts, hashKey: hashKey, table: rows.flatMap(\.encoded))
    try file.write(sealed.bytes.span.bytes, at: 0)
    guard fsync(file.raw) == 0 else { throw .system(operation: "fsync", path: file.path, errno: errno) }
    return sealed.digest
  }

  private func sectionsInMemory() throws(RankedListsError) -> [Format.Section: [UInt8]] {
    var ready: [Format.Section: [UInt8]] = [:]
    for section in parts.sections {
      switch section {
      case .candidates: ready[section] = candidates.encoded
      case .fallbacks: ready[section] = Self.encode(fallbacks)
      case .details: ready[section] = details.encoded
      case .factors:
        guard let factors else { throw .input("the file is to have factors, and none are set") }
        ready[section] = try FactorTable.encode(factors, candidates: candidates.count)
      case .neighbours: ready[section] = encodedNeighbours
      case .order: ready[section] = candidates.order
      case .lists, .index, .directory, .groups, .reasons, .bought: break
      }
    }
    return ready
  }

  private var encodedNeighbours: [UInt8] {
    var offsets: [UInt64] = [0]
    var items: [UInt8] = []
    for candidate in 0..<UInt32(candidates.count) {
      items += ListBlob.encode(neighbours[candidate] ?? [])
      offsets.append(UInt64(items.count))
    }
    return Format.encode(offsets) + items
  }

  /// The fallback lists in the one order that the format allows: by kind, then by the bytes of the name.
  private static func encode(_ fallbacks: [FallbackGroup: [UInt8]]) -> [UInt8] {
    let ordered = fallbacks.sorted { $0.key.precedes($1.key) }.map(\.value)
    var offsets: [UInt64] = [0]
    for blob in ordered { offsets.append((offsets.last ?? 0) + UInt64(blob.count)) }
    return Format.encode([UInt64(ordered.count)] + offsets) + ordered.flatMap { $0 }
  }
}

extension RankedListsError {
  /// The file was begun without the part to which something given belongs.
  fileprivate static func notAPart(_ part: String) -> RankedListsError {
    .input("the file was begun without \(part)")
  }
}
