import CProtobufC

/// Memory of one or more messages, freed as a whole, bounded from above.
///
/// An arena is filled by one thread and read by any number once filled. Views of its messages keep it alive.
public final class Arena {
  /// Bytes of the first block: enough for a lookup and its answer without a second one.
  private static let firstBlockBytes = 4096
  private static let alignment = MemoryLayout<UInt64>.alignment * 2

  private let limit: Int
  // No code runs in the middle of a change of these but the arena's own, so checks for exclusivity would find nothing.
  @exclusivity(unchecked) private var used = 0
  @exclusivity(unchecked) private var blocks: [UnsafeMutableRawBufferPointer]
  /// Free part of the newest block.
  @exclusivity(unchecked) private var next: UnsafeMutableRawPointer
  @exclusivity(unchecked) private var left: Int
  /// Arenas of views that messages of this one share.
  @exclusivity(unchecked) private var kept: [Arena] = []

  /// An empty arena that will hold at most `limit` bytes.
  public init(limit: Int) {
    self.limit = limit
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.firstBlockBytes, alignment: Self.alignment)
    blocks = [block]
    next = block.baseAddress.unsafelyUnwrapped
    left = block.count
  }

  deinit {
    for block in blocks { block.deallocate() }
  }

  /// Enough for 5,000 rows of which each has nothing but an id: a few bytes on the wire, over 200 as a C struct.
  private static let smallestLimit = 2 << 20

  /// Memory that a message of `wireBytes` on the wire may take when decoded: small rows grow by the fixed size of their
  /// C structs, honest messages stay far below.
  public static func limit(forWireBytes wireBytes: Int) -> Int {
    let (product, overflow) = wireBytes.multipliedReportingOverflow(by: 24)
    return overflow ? Int.max : max(product, smallestLimit)
  }

  /// Decodes a message after checking it against its type: lengths, nesting, UTF-8, no NUL in strings.
  ///
  /// Complexity: O(bytes). The view does not refer to `bytes`.
  public func decode<M: Message>(_: M.Type = M.self, from bytes: UnsafeRawBufferPointer) throws(MessageError) -> View<M>
  {
    View(try unpack(M.descriptor, from: bytes).assumingMemoryBound(to: M.self), in: self)
  }

  /// The same in an arena that somebody keeps alive, which spares counting it twice: of note for calls that take no
  /// longer than some microseconds.
  public static func decode<M: Message>(
    _: M.Type = M.self, from bytes: UnsafeRawBufferPointer, in arena: Unmanaged<Arena>
  ) throws(MessageError) -> View<M> {
    // `_withUnsafeGuaranteedRef` does not carry typed errors.
    let message = arena._withUnsafeGuaranteedRef { arena in
      Result { () throws(MessageError) in try arena.unpack(M.descriptor, from: bytes) }
    }
    return View(try message.get().assumingMemoryBound(to: M.self), in: arena.takeUnretainedValue())
  }

  /// `decode` for a type that is known by its descriptor only.
  func unpack(
    _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, from bytes: UnsafeRawBufferPointer
  ) throws(MessageError) -> UnsafeRawPointer {
    try WireCheck.check(bytes, as: descriptor)
    var allocator = ProtobufCAllocator(
      alloc: { context, size in
        // The context is the arena that stands in `unpack`, which outlives the call: there is nothing to count.
        Unmanaged<Arena>.fromOpaque(context.unsafelyUnwrapped)._withUnsafeGuaranteedRef { $0.allocate(size) }
      }, free: { _, _ in }, allocator_data: Unmanaged.passUnretained(self).toOpaque())
    let message = protobuf_c_message_unpack(
      descriptor, &allocator, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    guard let message else {
      let name = String(cString: descriptor.pointee.name)
      throw used >= limit
        ? .tooLarge(message: name, limit: limit)
        : .malformed(message: name, offset: bytes.count, problem: "libprotobuf-c refused it")
    }
    return UnsafeRawPointer(message)
  }

  /// Frees every message at once and keeps the first block for the next ones.
  ///
  /// The caller proves that no view or draft of the arena is left (`isKnownUniquelyReferenced`).
  public func reset() {
    if blocks.count > 1 {
      for block in blocks.dropFirst() { block.deallocate() }
      blocks.removeSubrange(1...)
    }
    if !kept.isEmpty { kept = [] }
    next = blocks[0].baseAddress.unsafelyUnwrapped
    left = blocks[0].count
    used = 0
  }

  /// Keeps another arena alive as long as this one's messages.
  @usableFromInline func keep(_ other: Arena) { kept.append(other) }

  /// Uninitialised memory aligned for any field, or nil past the limit, after which every allocation fails.
  func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size >= 0, size <= limit - used else {
      used = limit
      return nil
    }
    let rounded = (size + Self.alignment - 1) & ~(Self.alignment - 1)
    if rounded > left { grow(toHold: rounded) }
    let result = next
    next += rounded
    left -= rounded
    used = min(limit, used + rounded)
    return result
  }

  private func grow(toHold size: Int) {
    let last = blocks[blocks.count - 1].count
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(size, min(last * 2, 1 << 20)), alignment: Self.alignment)
    blocks.append(block)
    next = block.baseAddress.unsafelyUnwrapped
    left = block.count
  }
}

extension Message {
  /// Full name, such as `nightjar.v1.Customer`.
  public static var name: String { String(cString: descriptor.pointee.name) }
}
