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
    precondition(digits.count == Limits.recommendationIDDigits)
    let thread = thread()
    thread.pointee.count &+= 1
    Self.write(thread.pointee.random, into: digits, at: 0)
    Self.write(Self.mixed(thread.pointee.count), into: digits, at: Limits.recommendationIDDigits / 2)
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
    for position in 0..<16 {
      let nibble = UInt8(truncatingIfNeeded: value &>> UInt64(60 - 4 * position)) & 15
      digits[start + position] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }
  }
}
