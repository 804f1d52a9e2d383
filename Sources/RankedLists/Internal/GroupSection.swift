/// What surrounds the customers' numbers in the groups section: its head before, its labels behind.
struct GroupSection {
  /// For each provisional number of a segment the final one.
  let segments: [UInt16]
  /// The same for regions.
  let regions: [UInt16]
  let head: [UInt8]
  let tail: [UInt8]
  private let customers: Int

  init(segments: GroupLabels, regions: GroupLabels, customers: Int) {
    let (segmentLabels, finalSegments) = segments.arranged()
    let (regionLabels, finalRegions) = regions.arranged()
    self.segments = finalSegments
    self.regions = finalRegions
    self.customers = customers
    head = [UInt32(segmentLabels.count), UInt32(regionLabels.count)].flatMap { count in
      withUnsafeBytes(of: count.littleEndian) { Array($0) }
    }
    let end = GroupTable.headBytes + customers * Format.groupBytes
    let padding = Format.roundUp(end, to: Format.offsetBytes) - end
    var offsets: [UInt64] = [0]
    for label in segmentLabels + regionLabels { offsets.append((offsets.last ?? 0) + UInt64(label.count)) }
    tail =
      [UInt8](repeating: 0, count: padding) + Format.encode(offsets) + (segmentLabels + regionLabels).flatMap { $0 }
  }

  var byteCount: Int { head.count + customers * Format.groupBytes + tail.count }
}
