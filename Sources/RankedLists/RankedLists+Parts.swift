/// What a file may hold beside the lists. Everything here is nil or empty where the file has not the part.
extension RankedLists {
  /// What is known of a candidate. Complexity: O(categories).
  @_lifetime(borrow self)
  public func details(_ candidate: UInt32) -> CandidateDetailsView? {
    guard let table = sections.beside.details else { return nil }
    return _overrideLifetime(CandidateDetailsView(DetailsRecord(table.item(Int(candidate)))), borrowing: self)
  }

  /// The candidates of one product, itself and its offers, as places in the order of ids: `candidate(at:)` names each.
  /// Complexity: O(log of the number of candidates).
  public func places(of product: UnsafeRawBufferPointer) -> Range<Int> {
    guard sections.beside.order != nil else { return 0..<0 }
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    let wanted = CandidateKey(product: product, offer: none)
    var (low, high) = (0, sections.candidates.count)
    while low < high {
      let middle = (low + high) / 2
      if CandidateKey(sections, at: middle).precedes(wanted) { low = middle + 1 } else { high = middle }
    }
    var end = low
    while end < sections.candidates.count, CandidateKey(sections, at: end).isOf(product) { end += 1 }
    return low..<end
  }

  /// The candidate at a place of the order of ids; a place out of range traps.
  public func candidate(at place: Int) -> UInt32 {
    guard let order = sections.beside.order else { preconditionFailure("the file has no order of ids") }
    return order.load(place * Format.orderBytes, as: UInt32.self)
  }

  /// The vectors to rank by in a call.
  public var factors: ItemFactorsView? {
    @_lifetime(borrow self) get {
      guard let table = sections.beside.factors else { return nil }
      return _overrideLifetime(ItemFactorsView(table), borrowing: self)
    }
  }

  /// Whether there are neighbours to rank by in a call.
  public var hasNeighbours: Bool { sections.beside.neighbours != nil }

  /// Hands out the candidates most like a candidate, the most alike first.
  public func forEachNeighbour(of candidate: UInt32, _ body: (RankedEntry) -> Void) {
    guard let table = sections.beside.neighbours else { return }
    for entry in ListEntries(table.item(Int(candidate))) { body(entry) }
  }

  /// Why an entry stands in a customer's own list; nil where no reason is given.
  public func reason(of list: borrowing ListView, at position: Int) -> ListReason? {
    guard let reasons = sections.beside.reasons, list.place != nil else { return nil }
    precondition(position >= 0 && position < list.count)
    let offset = (list.entriesOffset + position * Format.entryBytes) / Format.blobAlignment * Format.reasonBytes
    return ListReason(code: reasons.load(offset, as: UInt32.self))
  }

  /// Hands out the candidates that the customer of a list has bought, as of the bake, ascending; none for fallback lists, and
  /// where the file does not say. Complexity: O(log of customers + candidates).
  public func forEachBought(by list: borrowing ListView, _ body: (UInt32) -> Void) {
    guard list.place != nil else { return }
    sections.beside.bought?.forEach(blob: list.blobOffset, body)
  }

  /// The segments and regions that customers are in. A customer's are named by their numbers, from 1.
  public var segments: Int { sections.beside.groups?.segments ?? 0 }

  /// As `segments`.
  public var regions: Int { sections.beside.groups?.regions ?? 0 }

  /// Name of a segment by its number.
  public func segmentName(_ number: Int) -> String { name(sections.beside.groups?.segmentLabel(number)) }

  /// Name of a region by its number.
  public func regionName(_ number: Int) -> String { name(sections.beside.groups?.regionLabel(number)) }

  /// Number of the segment that a list's customer is in; 0 = none.
  public func segment(of list: borrowing ListView) -> Int {
    guard let place = list.place else { return 0 }
    return sections.beside.groups?.segment(place) ?? 0
  }

  /// Number of the region that a list's customer is in; 0 = none.
  public func region(of list: borrowing ListView) -> Int {
    guard let place = list.place else { return 0 }
    return sections.beside.groups?.region(place) ?? 0
  }

  /// Name of the region that a list's customer is in, UTF-8; empty = none. No allocation.
  @_lifetime(borrow self)
  public func regionBytes(of list: borrowing ListView) -> RawSpan {
    let label = sections.beside.groups?.regionLabel(region(of: list))?.raw
    return _overrideLifetime(
      RawSpan(_unsafeBytes: label ?? UnsafeRawBufferPointer(start: nil, count: 0)), borrowing: self)
  }

  /// The customer at a place of the index, and the list. Places run to `customerCount` in an order that is the same for
  /// one file; a place out of range traps.
  public func withCustomer<R>(at place: Int, _ body: (RawSpan, borrowing ListView) throws -> R) rethrows -> R {
    precondition(place >= 0 && place < sections.customers)
    let blob = ListBlob(sections.lists, at: Int(truncatingIfNeeded: sections.record(place).offset))
    return try body(RawSpan(_unsafeBytes: blob.key.raw), ListView(blob, place: place))
  }

  private func name(_ label: FileBytes?) -> String { label.map { String(decoding: $0.raw, as: UTF8.self) } ?? "" }
}
