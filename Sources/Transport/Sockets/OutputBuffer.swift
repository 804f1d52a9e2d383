/// Bytes waiting to be encrypted and sent: appended at the tail, sent from the head.
public struct OutputBuffer: ~Copyable {
  private static let firstBytes = 4 << 10
  /// An empty buffer larger than this is given back.
  private static let keptBytes = 64 << 10

  private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var head = 0
  private var tail = 0

  init() {}

  deinit { storage.deallocate() }

  /// Bytes not yet sent.
  public var count: Int { tail - head }

  /// Appends a copy of the bytes.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    append(count: bytes.count) { $0.copyMemory(from: bytes) }
  }

  /// Appends `count` bytes that `fill` writes, all of them.
  @inline(__always)
  public mutating func append(count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
    precondition(count >= 0)
    if storage.count - tail < count { makeRoom(for: count) }
    fill(UnsafeMutableRawBufferPointer(rebasing: storage[tail..<(tail + count)]))
    tail += count
  }

  /// The bytes to send; valid until the next change.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage)[head..<tail]) }

  /// Drops bytes that were sent.
  mutating func consume(_ count: Int) {
    precondition(count <= self.count)
    head += count
    guard head == tail else { return }
    head = 0
    tail = 0
    if storage.count > Self.keptBytes {
      storage.deallocate()
      storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
  }

  private mutating func makeRoom(for count: Int) {
    let live = tail - head
    if storage.count >= 2 * (live + count), let base = storage.baseAddress {
      base.copyMemory(from: base + head, byteCount: live)
    } else {
      let grown = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(Self.firstBytes, 2 * (live + count)), alignment: 16)
      if live > 0 { grown.copyMemory(from: bytes) }
      storage.deallocate()
      storage = grown
    }
    head = 0
    tail = live
  }
}
