/// Says which arm of an experiment a customer is in: always the same one, in every service and in every language.
///
/// A customer's *point* is a whole number from 0 to 999,999. It is got by
/// 1. FNV-1a 64 over the UTF-8 bytes of the salt, one zero byte, and the UTF-8 bytes of the customer's id;
/// 2. the 64-bit finaliser of MurmurHash3, since FNV alone leaves ids with a common beginning close together;
/// 3. the upper 64 bits of the 128-bit product of that hash and 1,000,000.
///
/// Arms take the points in their order in the route, each as many as its weight in parts per million. So a greater weight
/// of the first arm moves customers only into it, and another salt shuffles everybody anew.
///
/// | salt | customer | hash after step 2 | point |
/// | --- | --- | --- | --- |
/// | (empty) | 12347 | 99d4e6d8ea94a9d5 | 600904 |
/// | night-1 | 12347 | cda2a06794825e0b | 803262 |
/// | night-1 | 12348 | 96768477fe7fd09a | 587745 |
/// | Sälz | kündin-7 | 51bd1bc19dce92e3 | 319291 |
///
/// Sources: draft-eastlake-fnv (FNV-1a); Appleby, MurmurHash3 (`fmix64`).
public struct Assignment: Sendable, BitwiseCopyable {
  /// The number of points, and what the weights of all arms add up to.
  public static let points: UInt32 = 1_000_000

  private static let fnvOffset: UInt64 = 0xcbf2_9ce4_8422_2325
  private static let fnvPrime: UInt64 = 0x0000_0100_0000_01b3

  private let salted: UInt64

  /// The assignment under a salt, which tells experiments apart.
  public init(salt: String) {
    var hash = Self.fnvOffset
    for byte in salt.utf8 { hash = Self.step(hash, byte) }
    salted = Self.step(hash, 0)
  }

  /// The customer's point, by the UTF-8 bytes of the customer's id. Complexity: O(bytes), no allocation.
  public func point(of customer: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: hash(of: customer).multipliedFullWidth(by: UInt64(Self.points)).high)
  }

  /// The index of the arm that has the point, or nil if it lies behind the weights, which then add up to too little.
  @inlinable
  public static func arm(at point: UInt32, weights: some Sequence<UInt32>) -> Int? {
    var end: UInt64 = 0
    var index = 0
    for weight in weights {
      end += UInt64(weight)
      if UInt64(point) < end { return index }
      index += 1
    }
    return nil
  }

  func hash(of customer: UnsafeRawBufferPointer) -> UInt64 {
    var hash = salted
    for byte in customer { hash = Self.step(hash, byte) }
    hash ^= hash >> 33
    hash &*= 0xff51_afd7_ed55_8ccd
    hash ^= hash >> 33
    hash &*= 0xc4ce_b9fe_1a85_ec53
    return hash ^ (hash >> 33)
  }

  @inline(__always)
  private static func step(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* fnvPrime
  }
}
