/// One lists file, mapped and verified: answers who is to be shown what.
///
/// ```swift
/// let lists = try RankedLists(path: path, tenant: "uk", bake: "b-7")
/// if let list = lists.lookup(customer) {
///   for position in 0..<min(list.count, 10) { show(lists.candidate(list[position].candidate).product) }
/// }
/// ```
///
/// Lookups take no lock, allocate nothing and share nothing that changes, so any number of threads may read at once. The
/// file must stay as it is until the last reference goes; it may be unlinked.
public final class RankedLists: @unchecked Sendable {
  // Sendable, because nothing changes after init, and nobody writes to the mapping.
  /// Whose lists these are.
  public let header: RankedListsHeader

  let sections: ListSections
  private let file: MappedFile
  /// The directory that `sections` searches by.
  private let near: UnsafeMutableRawBufferPointer

  /// Maps the file and verifies all of it: seals, lengths, counts, offsets, orders and references.
  ///
  /// Throws `refused` if anything is amiss or the file is another tenant's or bake's. Complexity: O(bytes).
  public init(path: String, tenant: String, bake: String) throws(RankedListsError) {
    file = try MappedFile(path: path, minimumBytes: Format.Header.size)
    var verifier = Verifier(path: path, bytes: FileBytes(file.bytes))
    let (header, verified) = try verifier.verify(tenant: tenant, bake: bake)
    self.header = header
    (near, sections) = verified.withNearDirectory()
  }

  deinit { near.deallocate() }

  /// The number of customers that have a list of their own, if only an empty one.
  public var customerCount: Int { sections.customers }

  /// The number of candidates in the dictionary.
  public var candidateCount: Int { sections.candidates.count }

  /// The customer's own list, by the UTF-8 bytes of the customer's id. Complexity: O(bytes of the id).
  @_lifetime(borrow self)
  public func lookup(_ customer: UnsafeRawBufferPointer) -> ListView? {
    guard let (blob, place) = sections.find(customer) else { return nil }
    return _overrideLifetime(ListView(blob, place: place), borrowing: self)
  }

  /// The list for whoever has none. Complexity: O(log of the number of fallback lists).
  @_lifetime(borrow self)
  public func fallback(_ fallback: FallbackGroup) -> ListView? {
    guard let blob = sections.find(fallback) else { return nil }
    return _overrideLifetime(ListView(blob), borrowing: self)
  }

  /// The candidate that an entry names. Complexity: O(1).
  @_lifetime(borrow self)
  public func candidate(_ index: UInt32) -> Candidate {
    let start = sections.candidates.offset(Int(index))
    return _overrideLifetime(Candidate(sections.candidates.items, at: start), borrowing: self)
  }
}
