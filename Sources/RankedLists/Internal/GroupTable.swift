/// The groups section: each customer's segment and region, by number; see "Customer groups" in FORMAT.md.
struct GroupTable: BitwiseCopyable {
  static let headBytes = 8

  let segments: Int
  let regions: Int
  private let numbers: FileBytes
  private let labels: OffsetTable

  /// Nil unless the section is what the format says for so many customers. Complexity: O(bytes).
  init?(checking section: FileBytes, customers: Int) {
    guard section.count >= Self.headBytes else { return nil }
    segments = Int(section.load(0, as: UInt32.self))
    regions = Int(section.load(4, as: UInt32.self))
    let end = Self.headBytes + customers * Format.groupBytes
    let start = Format.roundUp(end, to: Format.offsetBytes)
    guard segments <= Format.maximumGroups, regions <= Format.maximumGroups, start <= section.count,
      section.slice(end, start - end).isZero,
      let labels = OffsetTable(section.slice(start, section.count - start), head: 0, count: segments + regions)
    else { return nil }
    numbers = section.slice(Self.headBytes, end - Self.headBytes)
    self.labels = labels
    guard areLabelsRight, (0..<customers).allSatisfy({ segment($0) <= segments && region($0) <= regions }) else {
      return nil
    }
  }

  /// End to end, ids, and ascending among their kind.
  private var areLabelsRight: Bool {
    var expected = 0
    for index in 0..<labels.count {
      let end = labels.offset(index + 1)
      guard labels.offset(index) == expected, end >= expected, end <= labels.items.count,
        Format.isIdentifier(labels.item(index).raw)
      else { return false }
      if index > 0, index != segments,
        !labels.item(index - 1).raw.lexicographicallyPrecedes(labels.item(index).raw)
      {
        return false
      }
      expected = end
    }
    return labels.offset(0) == 0 && expected == labels.items.count
  }

  /// Number of the customer's segment, from 1; 0 = none. `place` is the customer's in the index.
  @inline(__always)
  func segment(_ place: Int) -> Int { Int(numbers.load(place * Format.groupBytes, as: UInt16.self)) }

  @inline(__always)
  func region(_ place: Int) -> Int { Int(numbers.load(place * Format.groupBytes + 2, as: UInt16.self)) }

  /// The label of a segment's number; nil for 0.
  func segmentLabel(_ number: Int) -> FileBytes? { number == 0 ? nil : labels.item(number - 1) }

  func regionLabel(_ number: Int) -> FileBytes? { number == 0 ? nil : labels.item(segments + number - 1) }
}

/// The labels of the groups under construction. Numbers are given as they come and put in the labels' order at the end.
struct GroupLabels {
  /// By the bytes: Swift takes texts that only look alike for equal.
  private var numbers: [[UInt8]: UInt16] = [:]
  private let what: String

  init(_ what: String) { self.what = what }

  /// The provisional number of a label, from 1; 0 for none.
  mutating func number(_ label: String) throws(RankedListsError) -> UInt16 {
    guard !label.isEmpty else { return 0 }
    let key = Array(label.utf8)
    if let known = numbers[key] { return known }
    try Format.check(identifier: label, of: "\(what) '\(label)'")
    guard numbers.count < Format.maximumGroups else { throw .input("more than \(Format.maximumGroups) \(what)s") }
    let number = UInt16(numbers.count + 1)
    numbers[key] = number
    return number
  }

  /// The labels in their order, and for each provisional number the final one.
  func arranged() -> (labels: [[UInt8]], final: [UInt16]) {
    let ordered = numbers.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    var final = [UInt16](repeating: 0, count: ordered.count + 1)
    for (place, entry) in ordered.enumerated() { final[Int(entry.value)] = UInt16(place + 1) }
    return (ordered.map(\.key), final)
  }
}
