import CProtobufC
import Glibc

/// A decoded message, read by the contract's field names: `view.tenant`, `view.limit`, `view.price?.currency`.
///
/// Strings and bytes are copied out, scalars read, submessages are views themselves (nil = absent). A view keeps its
/// memory alive. Fields of a `oneof` share memory: read the `…_case` first, or the member means nothing.
@dynamicMemberLookup
public struct View<M: Message>: @unchecked Sendable {
  // Sendable, because decoding is over when a view exists, nothing changes the message after that, and the arena, held
  // here, frees it when the last view is gone.
  @usableFromInline let pointer: UnsafePointer<M>
  @usableFromInline let arena: Arena

  init(_ pointer: UnsafePointer<M>, in arena: Arena) {
    self.pointer = pointer
    self.arena = arena
  }

  @usableFromInline init(sharing arena: Arena, _ pointer: UnsafePointer<M>) {
    self.pointer = pointer
    self.arena = arena
  }

  /// A scalar field; zero where the sender left it out.
  @inlinable @inline(__always)
  public subscript<T: WireScalar>(dynamicMember field: KeyPath<M, T>) -> T { pointer.pointee[keyPath: field] }

  /// A bool field.
  @inlinable @inline(__always)
  public subscript(dynamicMember field: KeyPath<M, protobuf_c_boolean>) -> Bool { pointer.pointee[keyPath: field] != 0 }

  /// A string field, copied; empty where the sender left it out.
  @inlinable
  public subscript(dynamicMember field: KeyPath<M, UnsafeMutablePointer<CChar>?>) -> String {
    pointer.pointee[keyPath: field].map { String(cString: $0) } ?? ""
  }

  /// A bytes field, copied.
  @inlinable
  public subscript(dynamicMember field: KeyPath<M, ProtobufCBinaryData>) -> [UInt8] {
    let data = pointer.pointee[keyPath: field]
    return [UInt8](UnsafeRawBufferPointer(start: data.data, count: data.len))
  }

  /// A submessage; nil where the sender left it out.
  @inlinable
  public subscript<S: Message>(dynamicMember field: KeyPath<M, UnsafeMutablePointer<S>?>) -> View<S>? {
    pointer.pointee[keyPath: field].map { View<S>(sharing: arena, UnsafePointer($0)) }
  }

  /// A repeated message field, named by its count and its elements: `view.list(\.n_items, \.items)`.
  @inlinable
  public func list<S: Message>(
    _ count: KeyPath<M, Int>, _ elements: KeyPath<M, UnsafeMutablePointer<UnsafeMutablePointer<S>?>?>
  ) -> ViewList<S> {
    ViewList(pointer.pointee[keyPath: elements], count: pointer.pointee[keyPath: count], in: arena)
  }

  /// Number of elements of a repeated field, by the field that counts them.
  @inlinable @inline(__always)
  public func count(_ count: KeyPath<M, Int>) -> Int { pointer.pointee[keyPath: count] }

  /// Whether a submessage is there.
  @inlinable @inline(__always)
  public func has<S: Message>(_ field: KeyPath<M, UnsafeMutablePointer<S>?>) -> Bool {
    pointer.pointee[keyPath: field] != nil
  }

  /// A repeated string field, copied.
  @inlinable
  public func strings(
    _ count: KeyPath<M, Int>, _ elements: KeyPath<M, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>
  ) -> [String] {
    let strings = UnsafeBufferPointer(
      start: pointer.pointee[keyPath: elements], count: pointer.pointee[keyPath: count])
    return strings.map { $0.map { String(cString: $0) } ?? "" }
  }

  /// A repeated scalar field, copied.
  @inlinable
  public func scalars<T: WireScalar>(_ count: KeyPath<M, Int>, _ elements: KeyPath<M, UnsafeMutablePointer<T>?>) -> [T]
  {
    [T](UnsafeBufferPointer(start: pointer.pointee[keyPath: elements], count: pointer.pointee[keyPath: count]))
  }

  /// Runs `body` on the bytes of a string field, without copying them; they are valid until it returns.
  @inlinable @inline(__always)
  public func withUTF8<R, E: Error>(
    _ field: KeyPath<M, UnsafeMutablePointer<CChar>?>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let text = pointer.pointee[keyPath: field]
    return try body(UnsafeRawBufferPointer(start: text, count: text.map { Int(strlen($0)) } ?? 0))
  }

  /// Runs `body` on a bytes field, without copying it; the bytes are valid until it returns.
  @inlinable @inline(__always)
  public func withBytes<R, E: Error>(
    _ field: KeyPath<M, ProtobufCBinaryData>, _ body: (UnsafeRawBufferPointer) throws(E) -> R
  ) throws(E) -> R {
    let data = pointer.pointee[keyPath: field]
    return try body(UnsafeRawBufferPointer(start: data.data, count: data.len))
  }

  /// The message encoded again.
  public func encoded() -> Encoded<M> { Encoded(packing: pointer) }
}

/// The elements of a repeated message field. Complexity: O(1) each.
public struct ViewList<M: Message>: RandomAccessCollection, @unchecked Sendable {
  // Sendable for the reason that holds for `View`.
  @usableFromInline let elements: UnsafeMutablePointer<UnsafeMutablePointer<M>?>?
  @usableFromInline let arena: Arena
  /// Number of elements.
  public let count: Int

  @usableFromInline init(
    _ elements: UnsafeMutablePointer<UnsafeMutablePointer<M>?>?, count: Int, in arena: Arena
  ) {
    self.elements = elements
    self.arena = arena
    self.count = elements == nil ? 0 : count
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { count }

  public subscript(index: Int) -> View<M> {
    precondition(index >= 0 && index < count, "index \(index) of a list of \(count)")
    guard let element = elements?[index] else { preconditionFailure("libprotobuf-c left element \(index) out") }
    return View(sharing: arena, UnsafePointer(element))
  }
}
