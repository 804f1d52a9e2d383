import CProtobufC

/// A message under construction, written by the contract's field names: `draft.tenant = "uk"`.
///
/// Whatever is set is copied into the message's arena and freed with it. A draft is good only inside the closure that
/// it is handed to. For a `oneof`, set `…_case` and the member.
@dynamicMemberLookup
public struct Draft<M: Message> {
  @usableFromInline let pointer: UnsafeMutablePointer<M>
  @usableFromInline let arena: Arena

  /// An empty message in `arena`, for a caller that encodes it with `pack` or `Encoded`.
  public init(in arena: Arena) {
    self.arena = arena
    pointer = arena.take(MemoryLayout<M>.size).bindMemory(to: M.self, capacity: 1)
    protobuf_c_message_init(M.descriptor, pointer)
  }

  /// A scalar field.
  @inlinable @inline(__always)
  public subscript<T: WireScalar>(dynamicMember field: WritableKeyPath<M, T>) -> T {
    get { pointer.pointee[keyPath: field] }
    nonmutating set { pointer.pointee[keyPath: field] = newValue }
  }

  /// A bool field.
  @inlinable @inline(__always)
  public subscript(dynamicMember field: WritableKeyPath<M, protobuf_c_boolean>) -> Bool {
    get { pointer.pointee[keyPath: field] != 0 }
    nonmutating set { pointer.pointee[keyPath: field] = newValue ? 1 : 0 }
  }

  /// A string field. A NUL ends the text, as it does in C.
  @inlinable @inline(__always)
  public subscript(dynamicMember field: WritableKeyPath<M, UnsafeMutablePointer<CChar>?>) -> String {
    get { pointer.pointee[keyPath: field].map { String(cString: $0) } ?? "" }
    nonmutating set { pointer.pointee[keyPath: field] = arena.copy(newValue) }
  }

  /// A bytes field.
  @inlinable
  public subscript(dynamicMember field: WritableKeyPath<M, ProtobufCBinaryData>) -> [UInt8] {
    get {
      let data = pointer.pointee[keyPath: field]
      return [UInt8](UnsafeRawBufferPointer(start: data.data, count: data.len))
    }
    nonmutating set {
      pointer.pointee[keyPath: field] = newValue.withUnsafeBytes { bytes in
        let copy = arena.copy(bytes, terminated: false)
        return ProtobufCBinaryData(len: bytes.count, data: copy.assumingMemoryBound(to: UInt8.self))
      }
    }
  }

  /// Sets a string field from UTF-8 bytes without a NUL.
  @inlinable @inline(__always)
  public func setUTF8(_ field: WritableKeyPath<M, UnsafeMutablePointer<CChar>?>, _ bytes: UnsafeRawBufferPointer) {
    pointer.pointee[keyPath: field] = arena.copy(bytes, terminated: true).assumingMemoryBound(to: CChar.self)
  }

  /// Makes a submessage present and fills it.
  @inlinable
  public func message<S: Message, E: Error>(
    _ field: WritableKeyPath<M, UnsafeMutablePointer<S>?>, _ fill: (Draft<S>) throws(E) -> Void
  ) throws(E) {
    let draft = Draft<S>(in: arena)
    try fill(draft)
    pointer.pointee[keyPath: field] = draft.pointer
  }

  /// Makes a submessage present that was decoded elsewhere. It is shared, not copied: the arena keeps it alive.
  @inlinable
  public func message<S: Message>(_ field: WritableKeyPath<M, UnsafeMutablePointer<S>?>, sharing view: View<S>) {
    arena.keep(view.arena)
    pointer.pointee[keyPath: field] = UnsafeMutablePointer(mutating: view.pointer)
  }

  /// Fills a repeated message field, one element for each of `source`.
  @inlinable
  public func list<S: Message, C: Collection, E: Error>(
    _ count: WritableKeyPath<M, Int>, _ elements: WritableKeyPath<M, UnsafeMutablePointer<UnsafeMutablePointer<S>?>?>,
    of source: C, _ fill: (Draft<S>, C.Element) throws(E) -> Void
  ) throws(E) {
    let total = source.count
    let list = arena.array(of: UnsafeMutablePointer<S>?.self, count: total)
    var index = 0
    for element in source {
      let draft = Draft<S>(in: arena)
      try fill(draft, element)
      list[index] = draft.pointer
      index += 1
    }
    precondition(index == total, "a collection whose count is not its length")
    pointer.pointee[keyPath: elements] = list
    pointer.pointee[keyPath: count] = total
  }

  /// Fills a repeated message field with what was decoded elsewhere. It is shared, not copied.
  @inlinable
  public func list<S: Message>(
    _ count: WritableKeyPath<M, Int>, _ elements: WritableKeyPath<M, UnsafeMutablePointer<UnsafeMutablePointer<S>?>?>,
    sharing source: ViewList<S>
  ) {
    arena.keep(source.arena)
    pointer.pointee[keyPath: elements] = source.elements
    pointer.pointee[keyPath: count] = source.count
  }

  /// Fills a repeated string field.
  @inlinable
  public func strings(
    _ count: WritableKeyPath<M, Int>,
    _ elements: WritableKeyPath<M, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ strings: [String]
  ) {
    let list = arena.array(of: UnsafeMutablePointer<CChar>?.self, count: strings.count)
    for index in strings.indices { list[index] = arena.copy(strings[index]) }
    pointer.pointee[keyPath: elements] = list
    pointer.pointee[keyPath: count] = strings.count
  }

  /// Fills a repeated scalar field.
  @inlinable
  public func scalars<T: WireScalar>(
    _ count: WritableKeyPath<M, Int>, _ elements: WritableKeyPath<M, UnsafeMutablePointer<T>?>, _ values: [T]
  ) {
    let list = arena.array(of: T.self, count: values.count)
    for index in values.indices { list[index] = values[index] }
    pointer.pointee[keyPath: elements] = list
    pointer.pointee[keyPath: count] = values.count
  }

  /// Bytes that the message takes when encoded. Complexity: O(fields set).
  public var packedSize: Int { protobuf_c_message_get_packed_size(UnsafeRawPointer(pointer).base) }

  /// Encodes the message into `output`, which is `packedSize` bytes long; returns how many it wrote.
  public func pack(into output: UnsafeMutableRawBufferPointer) -> Int {
    // Asked for again in debug builds only: it costs as much as the encoding.
    assert(output.count == packedSize, "\(output.count) bytes for a message of \(packedSize)")
    guard let start = output.baseAddress else { return 0 }
    return protobuf_c_message_pack(UnsafeRawPointer(pointer).base, start.assumingMemoryBound(to: UInt8.self))
  }
}

extension UnsafeRawPointer {
  /// The header that every generated struct begins with.
  var base: UnsafePointer<ProtobufCMessage> { assumingMemoryBound(to: ProtobufCMessage.self) }
}

extension Arena {
  /// Memory for a message that we make ourselves: past the limit it is our own error.
  @usableFromInline func take(_ size: Int) -> UnsafeMutableRawPointer {
    guard let memory = allocate(size) else { preconditionFailure("a message of ours outgrew its arena") }
    return memory
  }

  @usableFromInline func array<T>(of type: T.Type, count: Int) -> UnsafeMutablePointer<T> {
    take(MemoryLayout<T>.stride * count).bindMemory(to: T.self, capacity: count)
  }

  @usableFromInline func copy(_ bytes: UnsafeRawBufferPointer, terminated: Bool) -> UnsafeMutableRawPointer {
    let copy = take(bytes.count + (terminated ? 1 : 0))
    copy.copyMemory(from: bytes.baseAddress ?? UnsafeRawPointer(copy), byteCount: bytes.count)
    if terminated { copy.storeBytes(of: 0, toByteOffset: bytes.count, as: UInt8.self) }
    return copy
  }

  @usableFromInline func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
    var text = text
    return text.withUTF8 { copy(UnsafeRawBufferPointer($0), terminated: true) }.assumingMemoryBound(to: CChar.self)
  }
}
