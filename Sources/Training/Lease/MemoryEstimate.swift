import Learning
import Operations

/// The memory that a tenant-night takes at its height, told from the tenant's size before a byte is read.
///
/// The factors are set above what was measured, so that work that is taken on fits.
struct MemoryEstimate: Hashable, Sendable {
  /// The process itself, with its libraries and buffers.
  static let base: UInt64 = 96 << 20
  /// A customer: its id and groups, factors of two fits, the list of the bake.
  static let perCustomer: UInt64 = 2_048
  /// A product: what lists say of it, factors, neighbours.
  static let perProduct: UInt64 = 8_192
  /// An event: its row, and its places in the matrices of two fits.
  static let perEvent: UInt64 = 192

  /// A pair of products, in the two matrices of EASE, which is not tried beyond its own bound.
  static let perPair: UInt64 = 8

  /// What a stack adds, which is not tried beyond its own bound: features, fits of its generators and their matrices at
  /// several cuts.
  static let stack = (perCustomer: UInt64(2_048), perProduct: UInt64(24_576), perEvent: UInt64(128))

  let customers: UInt64
  let products: UInt64
  let events: UInt64

  /// Bytes; `UInt64.max` for what is beyond counting.
  var bytes: UInt64 {
    var parts = [(customers, Self.perCustomer), (products, Self.perProduct), (events, Self.perEvent)]
    if events <= UInt64(Stacking.maximumActs) {
      let stack = Self.stack
      parts += [(customers, stack.perCustomer), (products, stack.perProduct), (events, stack.perEvent)]
    }
    let pairs = products.multipliedReportingOverflow(by: products)
    let isTried = !pairs.overflow && pairs.partialValue <= UInt64(ItemSimilarity.maximumBytes) / Self.perPair
    let dense = isTried ? pairs.partialValue * Self.perPair : 0
    return parts.reduce(Self.base + dense) { sum, part in
      let (product, overflow) = part.0.multipliedReportingOverflow(by: part.1)
      let (total, overflowed) = sum.addingReportingOverflow(product)
      return overflow || overflowed ? .max : total
    }
  }

  /// Throws `tooLarge` with the figures if the work would take more than a bound.
  func check(within bound: ByteCount) throws(TrainingError) {
    guard bytes > bound.bytes else { return }
    throw .tooLarge(
      "\(customers) customers, \(products) products and \(events) events take an estimated \(ByteCount(bytes)), more than "
        + "the \(bound) that this trainer may use; start one with a larger --memory", needed: bytes)
  }
}
