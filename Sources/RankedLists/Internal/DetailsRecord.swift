/// One candidate's item in the details section; see "Candidate details" in FORMAT.md.
struct DetailsRecord: BitwiseCopyable {
  static let headBytes = 32
  static let maximumNameBytes = 256
  static let maximumCategories = 16
  static let maximumRegions = 256
  static let maximumLabelBytes = 64

  let availableFrom: Int64
  let availableUntil: Int64
  let channels: UInt32
  let category: UInt32
  let name: FileBytes
  /// One length byte and that many bytes for each.
  let categories: FileBytes
  let regions: FileBytes

  /// Nil unless the item is what the format says, to its last byte.
  init?(checking item: FileBytes, candidates: Int) {
    guard item.count >= Self.headBytes else { return nil }
    availableFrom = item.load(0, as: Int64.self)
    availableUntil = item.load(8, as: Int64.self)
    channels = item.load(16, as: UInt32.self)
    category = item.load(20, as: UInt32.self)
    let nameBytes = Int(item.load(24, as: UInt16.self))
    let regionCount = Int(item.load(26, as: UInt16.self))
    let categoryCount = Int(item.load(28, as: UInt32.self))
    guard availableFrom < availableUntil, category <= UInt32(candidates), (category == 0) == (categoryCount == 0),
      nameBytes <= min(Self.maximumNameBytes, item.count - Self.headBytes), categoryCount <= Self.maximumCategories,
      regionCount <= Self.maximumRegions,
      let categoriesEnd = Self.end(of: categoryCount, in: item, from: Self.headBytes + nameBytes),
      let regionsEnd = Self.end(of: regionCount, in: item, from: categoriesEnd), regionsEnd == item.count
    else { return nil }
    name = item.slice(Self.headBytes, nameBytes)
    guard Format.isText(name.raw) else { return nil }
    categories = item.slice(Self.headBytes + nameBytes, categoriesEnd - Self.headBytes - nameBytes)
    regions = item.slice(categoriesEnd, regionsEnd - categoriesEnd)
  }

  /// Trusts the lengths, which the verifier has checked; a wrong one traps.
  @inline(__always)
  init(_ item: FileBytes) {
    availableFrom = item.load(0, as: Int64.self)
    availableUntil = item.load(8, as: Int64.self)
    channels = item.load(16, as: UInt32.self)
    category = item.load(20, as: UInt32.self)
    let nameBytes = Int(item.load(24, as: UInt16.self))
    name = item.slice(Self.headBytes, nameBytes)
    let start = Self.headBytes + nameBytes
    var end = start
    for _ in 0..<item.load(28, as: UInt32.self) { end += 1 + Int(item.load(end, as: UInt8.self)) }
    categories = item.slice(start, end - start)
    regions = item.slice(end, item.count - end)
  }

  private static func end(of count: Int, in item: FileBytes, from start: Int) -> Int? {
    var end = start
    for _ in 0..<count {
      guard end < item.count else { return nil }
      let bytes = Int(item.load(end, as: UInt8.self))
      guard bytes <= maximumLabelBytes, bytes <= item.count - end - 1, Format.isText(item.slice(end + 1, bytes).raw)
      else { return nil }
      end += 1 + bytes
    }
    return end
  }

  func isSold(in region: UnsafeRawBufferPointer) -> Bool {
    guard regions.count > 0 else { return true }
    var start = 0
    while start < regions.count {
      let bytes = Int(regions.load(start, as: UInt8.self))
      if regions.slice(start + 1, bytes).equals(region) { return true }
      start += 1 + bytes
    }
    return false
  }

  func labels(_ packed: FileBytes) -> [String] {
    var labels: [String] = []
    var start = 0
    while start < packed.count {
      let bytes = Int(packed.load(start, as: UInt8.self))
      labels.append(String(decoding: packed.slice(start + 1, bytes).raw, as: UTF8.self))
      start += 1 + bytes
    }
    return labels
  }
}

/// The details under construction, one item for each candidate, in the candidates' order.
struct DetailsTable {
  private var bytes: [UInt8] = []
  private var offsets: [UInt64] = [0]
  /// Number of each path of categories, from 1.
  private var numbers: [[String]: UInt32] = [:]

  mutating func add(_ details: CandidateDetails, of product: String) throws(RankedListsError) {
    try Self.check(details, of: product)
    for value in [details.availableFrom ?? .min, details.availableUntil ?? .max] { append(value) }
    append(details.channels)
    append(number(of: details.categories))
    append(UInt16(details.name.utf8.count))
    append(UInt16(details.regions.count))
    append(UInt32(details.categories.count))
    bytes.append(contentsOf: details.name.utf8)
    for label in details.categories + details.regions {
      append(UInt8(label.utf8.count))
      bytes.append(contentsOf: label.utf8)
    }
    offsets.append(UInt64(bytes.count))
  }

  var encoded: [UInt8] { Format.encode(offsets) + bytes }

  private mutating func number(of path: [String]) -> UInt32 {
    guard !path.isEmpty else { return 0 }
    let next = UInt32(numbers.count + 1)
    let number = numbers[path, default: next]
    numbers[path] = number
    return number
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  private static func check(_ details: CandidateDetails, of product: String) throws(RankedListsError) {
    guard Format.isText(details.name, atMost: DetailsRecord.maximumNameBytes) else {
      throw .input("product '\(product)': a name is at most \(DetailsRecord.maximumNameBytes) bytes without NUL")
    }
    guard details.categories.count <= DetailsRecord.maximumCategories,
      details.regions.count <= DetailsRecord.maximumRegions
    else {
      throw .input(
        "product '\(product)': at most \(DetailsRecord.maximumCategories) categories and "
          + "\(DetailsRecord.maximumRegions) regions")
    }
    for label in details.categories + details.regions {
      guard Format.isText(label, atMost: DetailsRecord.maximumLabelBytes) else {
        throw .input(
          "product '\(product)': a category or region is at most \(DetailsRecord.maximumLabelBytes) bytes without NUL")
      }
    }
    guard details.availableFrom ?? .min < details.availableUntil ?? .max else {
      throw .input("product '\(product)': it is never available: until is not after from")
    }
  }
}
