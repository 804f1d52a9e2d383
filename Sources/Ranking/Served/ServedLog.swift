import Glibc
import Synchronization

/// Where every answer is written down before it goes out: no lock, no allocation, no system call, and it never waits.
///
/// The corresponding C functions are `pthread_getspecific` and `pthread_setspecific`.
final class ServedLog: Sendable {
  let figures: ServedFigures
  /// The thread's number plus one, by which it finds its ring.
  private let key: pthread_key_t
  private let threads = Atomic<Int>(0)
  private let ringCount: Int
  /// Address of the first of `ringCount` rings; 0 = there are none yet.
  private let rings = Atomic<UInt>(0)
  /// Keeps them.
  private let kept = Mutex<ServedRings?>(nil)

  /// A log for the first `ringCount` threads that answer.
  init(ringCount: Int, figures: ServedFigures) {
    var key = pthread_key_t()
    guard pthread_key_create(&key, nil) == 0 else { fatalError("no thread-specific data is left") }
    self.key = key
    self.ringCount = ringCount
    self.figures = figures
  }

  deinit { pthread_key_delete(key) }

  /// Writes to these rings from now on. To be called once.
  func use(_ rings: ServedRings) {
    precondition(rings.rings.count == ringCount)
    kept.withLock { $0 = rings }
    self.rings.store(UInt(bitPattern: rings.rings.baseAddress), ordering: .releasing)
  }

  /// Records that were written down by this process.
  var records: UInt64 { kept.withLock { $0?.rings.reduce(0) { $0 &+ $1.records } ?? 0 } }

  /// What the writer has not taken out of the rings yet.
  var pendingBytes: Int { kept.withLock { $0?.rings.reduce(0) { $0 + $1.pending.count } ?? 0 } }

  /// Writes an answer down, or drops and counts it where there is no room. Complexity: O(bytes).
  func append(_ entry: borrowing ServedEntry) {
    guard let ring = ring, ring.append(entry) else { return figures.drop() }
  }

  /// Waits, for a thread that may, until its ring has room for some answers: as long as the writer takes them out, and for a
  /// moment at most.
  func waitForRoom() {
    var turns = 0
    while let ring, ring.isCrowded, figures.isFlowing, turns < Limits.roomTurns {
      usleep(Limits.roomTurnMicroseconds)
      turns += 1
    }
  }

  private var ring: ServedRing? {
    let number = number
    guard number < ringCount else { return nil }
    let first = UnsafePointer<ServedRing>(bitPattern: rings.load(ordering: .acquiring))
    return first?[number]
  }

  private var number: Int {
    let known = Int(bitPattern: pthread_getspecific(key))
    if known > 0 { return known - 1 }
    let number = threads.add(1, ordering: .relaxed).oldValue
    pthread_setspecific(key, UnsafeRawPointer(bitPattern: number + 1))
    return number
  }
}
