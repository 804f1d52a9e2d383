import CProtobufC

/// A message as bytes, with its type remembered.
public struct Encoded<M: Message>: Sendable, Equatable {
  /// The protobuf encoding; fields in order of number, so equal messages are equal bytes.
  public let bytes: [UInt8]

  /// Builds and encodes a message.
  public init<E: Error>(_ build: (Draft<M>) throws(E) -> Void) throws(E) {
    let draft = Draft<M>(in: Arena(limit: .max))
    try build(draft)
    self.init(packing: UnsafePointer(draft.pointer))
  }

  /// Writes a message of at most `most` bytes field by field. The writer shows where that was too little; what there is
  /// then is no message.
  public init<E: Error>(atMost most: Int, _ write: (inout MessageWriter) throws(E) -> Void) throws(E) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: most, alignment: MemoryLayout<UInt64>.alignment)
    defer { memory.deallocate() }
    var writer = MessageWriter(into: memory)
    try write(&writer)
    bytes = Array(memory[..<writer.count])
  }

  init(packing message: UnsafePointer<M>) {
    let base = UnsafeRawPointer(message).base
    let size = protobuf_c_message_get_packed_size(base)
    // An array of no bytes is memory that all such arrays share, and initialising it writes to it.
    guard size > 0 else {
      bytes = []
      return
    }
    bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = buffer.baseAddress.map { protobuf_c_message_pack(base, $0) } ?? 0
    }
  }

  /// Takes bytes for what they claim to be; `decode` checks them.
  public init(unchecked bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// Decodes into an arena of its own, bounded by the length of the bytes.
  public func decode() throws(MessageError) -> View<M> {
    let arena = Arena(limit: Arena.limit(forWireBytes: bytes.count))
    // `withUnsafeBytes` does not carry typed errors.
    let result: Result<View<M>, MessageError> = bytes.withUnsafeBytes { raw in
      do throws(MessageError) { return .success(try arena.decode(from: raw)) } catch { return .failure(error) }
    }
    return try result.get()
  }
}
