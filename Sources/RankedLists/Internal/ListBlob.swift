/// One list as it lies in the file: a key, a code, and the entries; see "Blob" in FORMAT.md.
struct ListBlob: BitwiseCopyable {
  let key: FileBytes
  let code: UInt8
  let entries: FileBytes
  /// Bytes from one blob to the next.
  let stride: Int
  /// Where the entries begin in the section.
  let entriesOffset: Int
  /// Where the blob does.
  var offset: Int { entriesOffset - (stride - entries.count) }

  /// Trusts the lengths, which the verifier has checked; a wrong one traps.
  @inline(__always)
  init(_ section: FileBytes, at offset: Int) {
    self.init(section, at: offset, keyBytes: Int(section.load(offset, as: UInt8.self)))
  }

  /// The blob with a key of so many bytes. Who knows that beforehand need not wait for the blob's head to know where the entries
  /// begin, often a cache line further.
  @inline(__always)
  private init(_ section: FileBytes, at offset: Int, keyBytes: Int) {
    let count = Int(section.load(offset + 2, as: UInt16.self))
    let head = Format.roundUp(Format.blobHeadBytes + keyBytes, to: Format.blobAlignment)
    key = section.slice(offset + Format.blobHeadBytes, keyBytes)
    code = section.load(offset + 1, as: UInt8.self)
    entries = section.slice(offset + head, count * Format.entryBytes)
    stride = head + count * Format.entryBytes
    entriesOffset = offset + head
  }

  /// Nil if the blob's key is another.
  @inline(__always)
  init?(_ section: FileBytes, at offset: Int, of key: UnsafeRawBufferPointer) {
    guard Int(section.load(offset, as: UInt8.self)) == key.count else { return nil }
    self.init(section, at: offset, keyBytes: key.count)
    guard self.key.equals(key) else { return nil }
  }

  /// Nil if the blob would leave the section or its padding is not zero.
  init?(checking section: FileBytes, at offset: Int) {
    guard offset >= 0, offset % Format.blobAlignment == 0, offset <= section.count - Format.blobAlignment else {
      return nil
    }
    let keyBytes = Int(section.load(offset, as: UInt8.self))
    let count = Int(section.load(offset + 2, as: UInt16.self))
    let head = Format.roundUp(Format.blobHeadBytes + keyBytes, to: Format.blobAlignment)
    guard head + count * Format.entryBytes <= section.count - offset else { return nil }
    self.init(section, at: offset)
    let padding = Format.blobHeadBytes + keyBytes
    guard section.slice(offset + padding, head - padding).isZero else { return nil }
  }

  static func encode(key: String, code: UInt8, entries: [RankedEntry]) -> [UInt8] {
    var bytes: [UInt8] = [UInt8(key.utf8.count), code]
    withUnsafeBytes(of: UInt16(entries.count).littleEndian) { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: key.utf8)
    bytes.append(
      contentsOf: repeatElement(0, count: Format.roundUp(bytes.count, to: Format.blobAlignment) - bytes.count))
    return bytes + encode(entries)
  }

  static func encode(_ entries: [RankedEntry]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(entries.count * Format.entryBytes)
    for entry in entries {
      withUnsafeBytes(of: entry.candidate.littleEndian) { bytes.append(contentsOf: $0) }
      withUnsafeBytes(of: entry.score.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Whether this fallback list stands before that one in the file.
  func precedes(_ fallback: FallbackGroup) -> Bool {
    code == fallback.kind ? key.raw.lexicographicallyPrecedes(fallback.name.utf8) : code < fallback.kind
  }
}
