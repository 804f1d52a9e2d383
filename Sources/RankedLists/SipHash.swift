/// SipHash-2-4 under a 128-bit key: the hash of the customer index, uniform also over keys that somebody chose.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012. Complexity: O(bytes), no allocation.
public struct SipHash: Sendable, BitwiseCopyable {
  private let k0: UInt64
  private let k1: UInt64

  /// The key's two halves, each read little-endian from the 16 key bytes.
  public init(k0: UInt64, k1: UInt64) {
    self.k0 = k0
    self.k1 = k1
  }

  /// The 64-bit hash of the bytes.
  public func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var state = State(k0: k0, k1: k1)
    let whole = bytes.count & ~7
    var offset = 0
    while offset < whole {
      state.absorb(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      offset += 8
    }
    let last = UInt64(truncatingIfNeeded: bytes.count) << 56 | Self.tail(of: bytes, from: whole)
    state.absorb(last)
    return state.finish()
  }

  /// The bytes from `whole` on, fewer than 8, as the low ones of a word.
  @inline(__always)
  private static func tail(of bytes: UnsafeRawBufferPointer, from whole: Int) -> UInt64 {
    let count = bytes.count - whole
    guard count > 0 else { return 0 }
    guard whole > 0 else { return bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    // One load that reaches back over bytes that were taken already, instead of one for each byte.
    let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self))
    return word >> UInt64(8 * (8 - count))
  }

  private struct State {
    var v0, v1, v2, v3: UInt64

    init(k0: UInt64, k1: UInt64) {
      v0 = k0 ^ 0x736f_6d65_7073_6575
      v1 = k1 ^ 0x646f_7261_6e64_6f6d
      v2 = k0 ^ 0x6c79_6765_6e65_7261
      v3 = k1 ^ 0x7465_6462_7974_6573
    }

    mutating func round() {
      v0 &+= v1
      v1 = Self.rotate(v1, 13) ^ v0
      v0 = Self.rotate(v0, 32)
      v2 &+= v3
      v3 = Self.rotate(v3, 16) ^ v2
      v0 &+= v3
      v3 = Self.rotate(v3, 21) ^ v0
      v2 &+= v1
      v1 = Self.rotate(v1, 17) ^ v2
      v2 = Self.rotate(v2, 32)
    }

    mutating func absorb(_ word: UInt64) {
      v3 ^= word
      round()
      round()
      v0 ^= word
    }

    mutating func finish() -> UInt64 {
      v2 ^= 0xff
      for _ in 0..<4 { round() }
      return v0 ^ v1 ^ v2 ^ v3
    }

    static func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 {
      (value &<< by) | (value &>> (64 &- by))
    }
  }
}
