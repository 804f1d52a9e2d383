/// A ranked list as it lies in the mapped file, best first; valid as long as the file is. Reading it allocates nothing.
public struct ListView: ~Escapable {
  private let entries: ListEntries
  private let code: UInt8
  /// Where the customer stands in the index; nil for a fallback list.
  let place: Int?
  /// Where the entries begin in their section.
  let entriesOffset: Int
  /// Where the blob does.
  let blobOffset: Int

  @_lifetime(immortal)
  @inline(__always)
  init(_ blob: ListBlob, place: Int? = nil) {
    entries = ListEntries(blob.entries)
    code = blob.code
    self.place = place
    entriesOffset = blob.entriesOffset
    blobOffset = blob.offset
  }

  /// The number of entries; 0 means that nothing is to be recommended.
  public var count: Int { entries.count }

  /// The entry at the position, counted from 0 for the best; a position out of range traps.
  public subscript(position: Int) -> RankedEntry { entries[position] }

  /// Why a customer's own list is empty; not for fallback lists.
  public var nothing: NothingReason? { count == 0 ? NothingReason(rawValue: code) : nil }
}
