/// Reads and checks what stands before the sections, and the seal of each section.
struct HeaderReader {
  let path: String
  let bytes: FileBytes

  /// The header, if its fields are possible; the digest that seals them is checked in `sections(counts:)`.
  func header() throws(RankedListsError) -> (RankedListsHeader, HeaderCounts) {
    guard bytes.count >= Format.Header.size else {
      throw refusal(.size, "\(bytes.count) bytes, the header alone is \(Format.Header.size)")
    }
    guard Format.magic.withUnsafeBytes({ bytes.slice(0, Format.magic.count).equals($0) }) else {
      throw refusal(.header, "it does not begin like a lists file")
    }
    let version = bytes.load(Format.Header.version, as: UInt32.self)
    guard version == Format.version, bytes.load(Format.Header.headerBytes, as: UInt32.self) == Format.Header.size else {
      throw refusal(.header, "format version \(version), this reader knows \(Format.version)")
    }
    let counts = HeaderCounts(
      fileBytes: bytes.load(Format.Header.fileBytes, as: UInt64.self),
      customers: bytes.load(Format.Header.customers, as: UInt64.self),
      entries: bytes.load(Format.Header.entries, as: UInt64.self),
      candidates: bytes.load(Format.Header.candidates, as: UInt32.self),
      fallbacks: bytes.load(Format.Header.fallbacks, as: UInt32.self))
    guard counts.fileBytes == UInt64(bytes.count) else {
      throw refusal(.size, "\(bytes.count) bytes, the header says \(counts.fileBytes)")
    }
    guard counts.customers <= UInt64(Format.maximumCustomers), counts.candidates <= UInt32(Format.maximumCandidates),
      counts.fallbacks <= UInt32(Format.maximumFallbacks)
    else { throw refusal(.header, "its counts are over the limits of the format") }
    let gap = Format.Header.sections + MemoryLayout<UInt32>.size
    guard bytes.slice(gap, Format.Header.hashKey - gap).isZero,
      bytes.slice(Format.Header.reserved, Format.Header.digest - Format.Header.reserved).isZero
    else { throw refusal(.header, "its reserved bytes are not zero") }
    let header = RankedListsHeader(
      tenant: try name(at: Format.Header.tenant, Format.Header.tenantBytes),
      model: try name(at: Format.Header.model, Format.Header.modelBytes),
      bake: try name(at: Format.Header.bake, Format.Header.bakeBytes),
      asOf: bytes.load(Format.Header.asOf, as: Int64.self))
    return (header, counts)
  }

  /// The sections, after every seal is found unbroken.
  func sections(counts: HeaderCounts) throws(RankedListsError) -> ListSections {
    let table = try table()
    var position = Format.Header.size + table.count
    var previousKind: UInt32 = 0
    var known: [Format.Section: FileBytes] = [:]
    for start in stride(from: 0, to: table.count, by: Format.TableRow.size) {
      let row = table.slice(start, Format.TableRow.size)
      let kind = row.load(Format.TableRow.kind, as: UInt32.self)
      guard kind > previousKind else { throw refusal(.sections, "kind \(kind) is out of order") }
      let section = try section(row, kind: kind, after: position)
      let isIgnorable = row.load(Format.TableRow.flags, as: UInt32.self) & Format.TableRow.ignorable != 0
      if let name = Format.Section(rawValue: kind) {
        guard isIgnorable == name.isOptional else { throw refusal(.sections, "kind \(kind) has the wrong flags") }
        known[name] = section.bytes
      } else if !isIgnorable {
        throw refusal(.sections, "kind \(kind) is unknown and may not be ignored: the file is from a later version")
      }
      position = section.end
      previousKind = kind
    }
    guard position == bytes.count else {
      throw refusal(.sections, "the last section ends at \(position), the file at \(bytes.count)")
    }
    return try arrange(known, counts: counts)
  }

  private func refusal(_ part: RankedListsError.Part, _ reason: String) -> RankedListsError {
    .refused(path: path, part: part, reason: reason)
  }

  private func name(at offset: Int, _ size: Int) throws(RankedListsError) -> String {
    let field = bytes.slice(offset, size)
    let length = field.raw.firstIndex(of: 0) ?? size
    guard Format.isIdentifier(field.slice(0, length).raw), field.slice(length, size - length).isZero else {
      throw refusal(.header, "the name at byte \(offset) is no id")
    }
    return String(decoding: field.slice(0, length).raw, as: UTF8.self)
  }

  /// The section table, once the digest over it and the header is found right.
  private func table() throws(RankedListsError) -> FileBytes {
    let rows = Int(bytes.load(Format.Header.sections, as: UInt32.self))
    let size = rows * Format.TableRow.size
    guard rows <= Format.maximumSections, Format.Header.size + size <= bytes.count else {
      throw refusal(.sections, "\(rows) sections do not fit")
    }
    let table = bytes.slice(Format.Header.size, size)
    let hasher = SHA256()
    hasher.update(bytes.slice(0, Format.Header.digest).raw.bytes)
    hasher.update(table.raw.bytes)
    let digest = hasher.finish()
    guard seal(bytes, at: Format.Header.digest) == digest else {
      throw refusal(.digest, "the digest over header and section table does not match")
    }
    return table
  }

  private func section(
    _ row: FileBytes, kind: UInt32, after position: Int
  ) throws(RankedListsError) -> (bytes: FileBytes, end: Int) {
    let offset = row.load(Format.TableRow.offset, as: UInt64.self)
    let length = row.load(Format.TableRow.length, as: UInt64.self)
    guard offset == UInt64(Format.aligned(position)), offset <= UInt64(bytes.count),
      length <= UInt64(bytes.count) - offset
    else {
      throw refusal(.sections, "section \(kind) at \(offset), \(length) bytes, does not follow the one before it")
    }
    guard row.load(Format.TableRow.reserved, as: UInt64.self) == 0,
      row.load(Format.TableRow.flags, as: UInt32.self) & ~Format.TableRow.ignorable == 0,
      bytes.slice(position, Int(offset) - position).isZero
    else { throw refusal(.sections, "section \(kind) has reserved bits or padding that are not zero") }
    let section = bytes.slice(Int(offset), Int(length))
    let hasher = SHA256()
    hasher.update(section.raw.bytes)
    let digest = hasher.finish()
    guard seal(row, at: Format.TableRow.digest) == digest else {
      throw refusal(.digest, "the digest of section \(kind) does not match")
    }
    return (section, Int(offset + length))
  }

  private func seal(_ source: FileBytes, at offset: Int) -> SHA256Digest? {
    SHA256Digest(source.slice(offset, Format.digestBytes).raw)
  }

  private func arrange(
    _ known: [Format.Section: FileBytes], counts: HeaderCounts
  ) throws(RankedListsError) -> ListSections {
    guard let lists = known[.lists], let index = known[.index], let directory = known[.directory],
      let candidates = known[.candidates], let fallbacks = known[.fallbacks]
    else { throw refusal(.sections, "a section that every file has is missing") }
    let customers = Int(counts.customers)
    let bits = Format.directoryBits(customers: customers)
    guard index.count == customers * Format.recordBytes,
      directory.count == ((1 << bits) + 1) * Format.directoryEntryBytes
    else { throw refusal(.sections, "index and directory do not have the length for \(customers) customers") }
    guard let dictionary = OffsetTable(candidates, head: 0, count: Int(counts.candidates)) else {
      throw refusal(.candidates, "the section is too short for \(counts.candidates) candidates")
    }
    guard fallbacks.count >= Format.fallbackHeadBytes,
      fallbacks.load(0, as: UInt64.self) == UInt64(counts.fallbacks),
      let defaults = OffsetTable(fallbacks, head: Format.fallbackHeadBytes, count: Int(counts.fallbacks))
    else { throw refusal(.fallbacks, "the section does not hold \(counts.fallbacks) lists") }
    let key = Array(bytes.slice(Format.Header.hashKey, Format.hashKeyBytes).raw)
    return ListSections(
      customers: customers, directoryBits: bits, hash: SipHash(keyBytes: key), lists: lists, index: index,
      directory: directory, candidates: dictionary, fallbacks: defaults,
      beside: try arrangeOptional(known, customers: customers, candidates: dictionary.count, listsBytes: lists.count))
  }

  private func arrangeOptional(
    _ known: [Format.Section: FileBytes], customers: Int, candidates: Int, listsBytes: Int
  ) throws(RankedListsError) -> OptionalSections {
    var sections = OptionalSections()
    if let bytes = known[.details] {
      sections.details = OffsetTable(bytes, head: 0, count: candidates)
      if sections.details == nil { throw refusal(.details, "too short for \(candidates) candidates") }
    }
    if let bytes = known[.groups] {
      sections.groups = GroupTable(checking: bytes, customers: customers)
      if sections.groups == nil { throw refusal(.groups, "not what the format says for \(customers) customers") }
    }
    if let bytes = known[.factors] {
      sections.factors = FactorTable(checking: bytes, candidates: candidates)
      if sections.factors == nil {
        throw refusal(.factors, "not what the format says for \(candidates) candidates, or not finite")
      }
    }
    if let bytes = known[.neighbours] {
      sections.neighbours = OffsetTable(bytes, head: 0, count: candidates)
      if sections.neighbours == nil { throw refusal(.neighbours, "too short for \(candidates) candidates") }
    }
    if let bytes = known[.reasons] {
      guard bytes.count == listsBytes / Format.blobAlignment * Format.reasonBytes else {
        throw refusal(.reasons, "\(bytes.count) bytes do not fit the lists")
      }
      sections.reasons = bytes
    }
    guard (known[.details] == nil) == (known[.order] == nil) else {
      throw refusal(.sections, "details and order come together")
    }
    if let bytes = known[.order] {
      guard bytes.count == candidates * Format.orderBytes else {
        throw refusal(.order, "\(bytes.count) bytes for \(candidates) candidates")
      }
      sections.order = bytes
    }
    if let bytes = known[.bought] {
      sections.bought = BoughtTable(bytes)
      if sections.bought == nil { throw refusal(.bought, "its length is not what its counts say") }
    }
    return sections
  }
}
