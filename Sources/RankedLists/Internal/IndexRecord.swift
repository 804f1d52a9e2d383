/// One line of the customer index: where in the lists section the customer with this hash stands.
///
/// On its way to the file it also says which groups the customer is in.
struct IndexRecord: Comparable, BitwiseCopyable {
  let hash: UInt64
  let offset: UInt64
  /// Provisional numbers, as `GroupLabels` gave them; words, so that a record has no padding.
  var segment: UInt32 = 0
  var region: UInt32 = 0

  static func < (a: IndexRecord, b: IndexRecord) -> Bool {
    (a.hash, a.offset) < (b.hash, b.offset)
  }
}
