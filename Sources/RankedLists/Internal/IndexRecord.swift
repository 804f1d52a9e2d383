/// One line of the customer index: where in the lists section the customer with this hash stands.
struct IndexRecord: Comparable, BitwiseCopyable {
  let hash: UInt64
  let offset: UInt64

  static func < (a: IndexRecord, b: IndexRecord) -> Bool {
    (a.hash, a.offset) < (b.hash, b.offset)
  }
}
