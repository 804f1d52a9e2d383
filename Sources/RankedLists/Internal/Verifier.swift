/// Reads a mapped file once from end to end and believes nothing: header, seals, and every length, count, offset, order and
/// reference, so that lookups afterwards need no check but bounds.
///
/// Complexity: O(bytes), plus O(candidates × log candidates).
struct Verifier {
  private let path: String
  private let bytes: FileBytes
  var check = ListCheck()

  init(path: String, bytes: FileBytes) {
    self.path = path
    self.bytes = bytes
  }

  /// The sections of the file, all of it verified.
  mutating func verify(tenant: String, bake: String) throws(RankedListsError) -> (RankedListsHeader, ListSections) {
    let reader = HeaderReader(path: path, bytes: bytes)
    let (header, counts) = try reader.header()
    guard header.tenant == tenant else {
      throw refusal(.header, "it holds the lists of tenant '\(header.tenant)', not of '\(tenant)'")
    }
    guard header.bake == bake else {
      throw refusal(.header, "it holds the bake '\(header.bake)', not '\(bake)'")
    }
    let sections = try reader.sections(counts: counts)
    try verifyCandidates(sections)
    try verifyIndex(sections)
    try verifyLists(sections, entries: counts.entries)
    try verifyFallbacks(sections)
    try verifyDetails(sections)
    try verifyOrder(sections)
    try verifyNeighbours(sections)
    try verifyReasons(sections)
    try verifyBought(sections)
    return (header, sections)
  }

  func refusal(_ part: RankedListsError.Part, _ reason: String) -> RankedListsError {
    .refused(path: path, part: part, reason: reason)
  }

  private func verifyCandidates(_ sections: ListSections) throws(RankedListsError) {
    let table = sections.candidates
    let (text, count) = (table.items, table.count)
    var seen: [(hash: UInt64, index: Int)] = []
    seen.reserveCapacity(count)
    var expected = 0
    for index in 0..<count {
      guard table.offset(index) == expected, text.count - expected >= Format.candidateHeadBytes else {
        throw refusal(.candidates, "candidate \(index) does not follow the one before it")
      }
      let lengths = (text.load(expected, as: UInt8.self), text.load(expected + 1, as: UInt8.self))
      let length = Format.candidateHeadBytes + Int(lengths.0) + Int(lengths.1)
      guard length <= text.count - expected else {
        throw refusal(.candidates, "candidate \(index) leaves the section")
      }
      let candidate = Candidate(text, at: expected)
      guard Format.isIdentifier(candidate.productBytes), lengths.1 == 0 || Format.isIdentifier(candidate.offerBytes)
      else {
        throw refusal(.candidates, "candidate \(index) has an id that is none")
      }
      seen.append((sections.hash.hash(text.slice(expected, length).raw), index))
      expected += length
    }
    guard table.offset(count) == expected, expected == text.count else {
      throw refusal(.candidates, "the section does not end with its last candidate")
    }
    try refuseRepeats(&seen, in: table)
  }

  private func refuseRepeats(
    _ seen: inout [(hash: UInt64, index: Int)], in table: OffsetTable
  ) throws(RankedListsError) {
    seen.sort { ($0.hash, $0.index) < ($1.hash, $1.index) }
    for (first, second) in zip(seen, seen.dropFirst()) where first.hash == second.hash {
      if table.item(first.index).equals(table.item(second.index).raw) {
        throw refusal(.candidates, "candidates \(first.index) and \(second.index) are the same")
      }
    }
  }

  private func verifyIndex(_ sections: ListSections) throws(RankedListsError) {
    let (customers, bits) = (sections.customers, sections.directoryBits)
    var start = sections.bucketStart(0)
    guard start == 0, sections.bucketStart(1 << bits) == customers else {
      throw refusal(.directory, "it does not span all \(customers) customers")
    }
    for bucket in 0..<(1 << bits) {
      let end = sections.bucketStart(bucket + 1)
      guard end >= start, end - start <= Format.maximumProbes, end <= customers else {
        throw refusal(.directory, "bucket \(bucket) runs from \(start) to \(end)")
      }
      for index in start..<end {
        let record = sections.record(index)
        guard Format.bucket(of: record.hash, bits: bits) == bucket else {
          throw refusal(.index, "record \(index) stands in the wrong bucket")
        }
        guard index == 0 || sections.record(index - 1) < record else {
          throw refusal(.index, "record \(index) is out of order")
        }
      }
      start = end
    }
  }

  /// Walks the blobs, which must tile their section, each found again through the index under its own key: as there are
  /// as many blobs as records, every record then points to a blob of its own.
  private mutating func verifyLists(_ sections: ListSections, entries: UInt64) throws(RankedListsError) {
    var offset = 0
    var found = 0
    var total: UInt64 = 0
    while offset < sections.lists.count {
      guard let blob = ListBlob(checking: sections.lists, at: offset) else {
        throw refusal(.lists, "the list at byte \(offset) leaves the section or has padding that is not zero")
      }
      let list = ListEntries(blob.entries)
      guard Format.isIdentifier(blob.key.raw) else { throw refusal(.lists, "the key at byte \(offset) is no id") }
      guard (blob.code == 0) == !list.isEmpty else {
        throw refusal(.lists, "the list at byte \(offset) has \(list.count) entries and the reason \(blob.code)")
      }
      if let problem = check.problem(in: list, candidates: sections.candidates.count) {
        throw refusal(.lists, "the list at byte \(offset): \(problem)")
      }
      try verifyRecord(of: blob.key, at: offset, in: sections)
      offset += blob.stride
      found += 1
      total += UInt64(list.count)
    }
    guard found == sections.customers else {
      throw refusal(.lists, "\(found) lists for \(sections.customers) customers")
    }
    guard total == entries else { throw refusal(.lists, "\(total) entries, the header says \(entries)") }
  }

  /// Earlier blobs are verified but records not yet, so a record's offset is believed only if a whole blob lies there.
  private func verifyRecord(
    of key: FileBytes, at offset: Int, in sections: ListSections
  ) throws(RankedListsError) {
    let hash = sections.hash.hash(key.raw)
    var isFound = false
    for place in sections.places(of: hash) {
      let record = sections.record(place)
      guard record.hash == hash else { continue }
      if record.offset == UInt64(offset) { isFound = true }
      guard record.offset < UInt64(offset) else { continue }
      guard let earlier = ListBlob(checking: sections.lists, at: Int(record.offset)), !earlier.key.equals(key.raw)
      else {
        throw refusal(.index, "record \(place) repeats a customer, or points to no list")
      }
    }
    guard isFound else { throw refusal(.index, "no record points to the list at byte \(offset)") }
  }

  private mutating func verifyFallbacks(_ sections: ListSections) throws(RankedListsError) {
    let table = sections.fallbacks
    var expected = 0
    var previous: FallbackGroup?
    for index in 0..<table.count {
      guard table.offset(index) == expected, let blob = ListBlob(checking: table.items, at: expected) else {
        throw refusal(.fallbacks, "list \(index) does not follow the one before it, or leaves the section")
      }
      guard blob.key.count == 0 || Format.isIdentifier(blob.key.raw),
        let fallback = FallbackGroup(kind: blob.code, name: String(decoding: blob.key.raw, as: UTF8.self))
      else { throw refusal(.fallbacks, "list \(index) has the kind \(blob.code) and no name that suits it") }
      if let previous, !previous.precedes(fallback) {
        throw refusal(.fallbacks, "list \(index) is out of order")
      }
      if let problem = check.problem(in: ListEntries(blob.entries), candidates: sections.candidates.count) {
        throw refusal(.fallbacks, "list \(index): \(problem)")
      }
      expected += blob.stride
      previous = fallback
    }
    guard table.offset(table.count) == expected, expected == table.items.count else {
      throw refusal(.fallbacks, "the section does not end with its last list")
    }
  }
}
