/// The layout that FORMAT.md describes: every offset, size and limit of the file, once.
enum Format {
  static let magic: [UInt8] = Array("NJLISTS\n".utf8)
  static let version: UInt32 = 1
  static let sectionAlignment = 64

  /// Offsets inside the header.
  enum Header {
    static let magic = 0
    static let version = 8
    static let headerBytes = 12
    static let fileBytes = 16
    static let asOf = 24
    static let customers = 32
    static let entries = 40
    static let candidates = 48
    static let fallbacks = 52
    static let sections = 56
    static let hashKey = 64
    static let tenant = 80
    static let model = 144
    static let bake = 272
    static let reserved = 400
    static let digest = 480
    static let size = 512
    /// Bytes of the NUL-padded name fields.
    static let tenantBytes = 64
    static let modelBytes = 128
    static let bakeBytes = 128
  }

  /// Offsets inside one row of the section table.
  enum TableRow {
    static let kind = 0
    static let flags = 4
    static let offset = 8
    static let length = 16
    static let reserved = 24
    static let digest = 32
    static let size = 64
    /// A reader that does not know the kind of a section with this flag skips it.
    static let ignorable: UInt32 = 1
  }

  enum Section: UInt32, CaseIterable {
    case lists = 1
    case index = 2
    case directory = 3
    case candidates = 4
    case fallbacks = 5
    case details = 6
    case groups = 7
    case factors = 8
    case neighbours = 9
    case reasons = 10
    case order = 11
    case bought = 12

    /// A file may be without it, and a reader that does not know it may answer from the rest.
    var isOptional: Bool { rawValue > Section.fallbacks.rawValue }
  }

  /// Where the first section begins: behind header and table.
  static func firstSection(of sections: Int) -> Int { Header.size + sections * TableRow.size }

  static let maximumSections = 64
  static let digestBytes = 32
  static let hashKeyBytes = 16

  /// A customer's key, a product's, an offer's, a segment's or a region's id, in bytes.
  static let maximumIdentifierBytes = 128
  static let maximumListEntries = 1_000
  static let maximumCustomers = Int(UInt32.max) - 1
  static let maximumCandidates = 1 << 24
  static let maximumFallbacks = 1 << 20
  static let maximumTenantBytes = 63

  static let blobAlignment = 8
  static let blobHeadBytes = 4
  static let entryBytes = 8
  static let recordBytes = 16
  static let directoryEntryBytes = 4
  static let candidateHeadBytes = 2
  static let offsetBytes = 8
  static let fallbackHeadBytes = 8
  static let maximumGroups = Int(UInt16.max)
  static let groupBytes = 4
  static let maximumDimensions = 1_024
  static let factorsHeadBytes = 16
  static let floatBytes = 4
  static let maximumNeighbours = 1_000
  static let reasonBytes = 4
  static let orderBytes = 4
  static let boughtBytes = 4

  /// Records that share a bucket of the directory; with one record a bucket on average, 32 is out of chance's reach.
  static let maximumProbes = 32

  /// log2 of the number of buckets: the least power of two that is no less than the number of customers.
  static func directoryBits(customers: Int) -> Int {
    customers <= 1 ? 0 : Int.bitWidth - (customers - 1).leadingZeroBitCount
  }

  static func bucket(of hash: UInt64, bits: Int) -> Int {
    Int(truncatingIfNeeded: hash >> UInt64(UInt64.bitWidth - bits))
  }

  static func roundUp(_ value: Int, to alignment: Int) -> Int {
    (value + alignment - 1) / alignment * alignment
  }

  /// Whether the bytes can be an id: UTF-8 of 1 to 128 bytes without ASCII control characters.
  static func isIdentifier(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard (1...maximumIdentifierBytes).contains(bytes.count) else { return false }
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return false }
    return String(validating: bytes, as: UTF8.self) != nil
  }

  /// Whether the bytes can be a name: UTF-8 without NUL, if only of no length.
  static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.allSatisfy { $0 != 0 } && String(validating: bytes, as: UTF8.self) != nil
  }

  static func isText(_ text: String, atMost limit: Int) -> Bool {
    text.utf8.count <= limit && !text.utf8.contains(0)
  }

  static func check(identifier: String, of what: String) throws(RankedListsError) {
    var text = identifier
    guard text.withUTF8({ isIdentifier(UnsafeRawBufferPointer($0)) }) else {
      throw .input("\(what): an id is 1 to \(maximumIdentifierBytes) bytes of UTF-8 without control characters")
    }
  }

  /// The offset at which a section may start.
  static func aligned(_ offset: Int) -> Int { roundUp(offset, to: sectionAlignment) }

  static func encode(_ values: [UInt64]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  }
}
