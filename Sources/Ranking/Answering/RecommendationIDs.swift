import Glibc

/// Makes ids of 128 bits that no other answer has: a random half for each thread, and a count of the thread's answers.
///
/// No lock, no shared counter, no system call after a thread's first id.
final class RecommendationIDs: Sendable {
  private struct Thread {
    let random: UInt64
    var count: UInt64
  }

  private let key: pthread_key_t

  /// The corresponding C function is `pthread_key_create`.
  init() {
    var key = pthread_key_t()
    guard pthread_key_create(&key, { free($0) }) == 0 else { fatalError("no thread-specific data is left") }
    self.key = key
  }

  deinit {
    pthread_key_delete(key)
  }

  /// Writes the next id as 32 hexadecimal digits.
  func next(into digits: UnsafeMutableRawBufferPointer) {
    let thread = thread()
    thread.pointee.count &+= 1
    Self.write(thread.pointee.random, Self.mixed(thread.pointee.count), into: digits)
  }

  /// Writes an id of these halves.
  static func write(_ first: UInt64, _ second: UInt64, into digits: UnsafeMutableRawBufferPointer) {
    precondition(digits.count == Limits.recommendationIDDigits)
    write(first, into: digits, at: 0)
    write(second, into: digits, at: Limits.recommendationIDDigits / 2)
  }

  private func thread() -> UnsafeMutablePointer<Thread> {
    if let known = pthread_getspecific(key) { return known.assumingMemoryBound(to: Thread.self) }
    guard let memory = malloc(MemoryLayout<Thread>.size) else { fatalError("out of memory") }
    let thread = memory.bindMemory(to: Thread.self, capacity: 1)
    thread.initialize(to: Thread(random: .random(in: .min ... .max), count: .random(in: .min ... .max)))
    pthread_setspecific(key, memory)
    return thread
  }

  /// A bijection, so that ids in a row do not look alike and yet never meet: the finaliser of SplitMix64.
  private static func mixed(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  private static func write(_ value: UInt64, into digits: UnsafeMutableRawBufferPointer, at start: Int) {
    let (high, low) = (UInt32(truncatingIfNeeded: value &>> 32), UInt32(truncatingIfNeeded: value))
    digits.storeBytes(of: eightDigits(high).bigEndian, toByteOffset: start, as: UInt64.self)
    digits.storeBytes(of: eightDigits(low).bigEndian, toByteOffset: start + 8, as: UInt64.self)
  }

  /// Eight hexadecimal digits, the first in the highest byte: all at once, one nibble in each byte of a word.
  private static func eightDigits(_ value: UInt32) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var nibbles = UInt64(value)
    nibbles = (nibbles &<< 16 | nibbles) & 0x0000_FFFF_0000_FFFF
    nibbles = (nibbles &<< 8 | nibbles) & 0x00FF_00FF_00FF_00FF
    nibbles = (nibbles &<< 4 | nibbles) & 0x0F0F_0F0F_0F0F_0F0F
    // 1 in the bytes of the digits a to f, which do not stand right behind 9.
    let letters = (nibbles &+ 6 &* ones) &>> 4 & ones
    return nibbles &+ UInt64(UInt8(ascii: "0")) &* ones &+ letters &* UInt64(UInt8(ascii: "a") - UInt8(ascii: "9") - 1)
  }
}
