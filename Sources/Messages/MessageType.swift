import CProtobufC

/// A message type of the contract as a value: for callers who learn only at run time which it is.
public struct MessageType: @unchecked Sendable, Hashable {
  // Sendable, because descriptors are constants of the generated C.
  let descriptor: UnsafePointer<ProtobufCMessageDescriptor>

  /// The type of messages `M`.
  public init<M: Message>(_: M.Type) { descriptor = M.descriptor }

  init(_ descriptor: UnsafePointer<ProtobufCMessageDescriptor>) { self.descriptor = descriptor }

  /// Full name, such as `nightjar.v1.Customer`.
  public var name: String { String(cString: descriptor.pointee.name) }

  /// Reads JSON in the proto3 mapping and encodes the message: fields by the contract's names or in lowerCamelCase, 64-bit
  /// numbers as numbers or strings, enums by name or number, bytes in base64. Unknown fields and fields that stand twice
  /// are refused. Complexity: O(bytes × fields of a message).
  public func encode(json: UnsafeRawBufferPointer) throws(JSONError) -> [UInt8] {
    var reader = JSONReader(json)
    return try reader.read(descriptor.pointee)
  }

  /// The same for a text.
  public func encode(json text: String) throws(JSONError) -> [UInt8] {
    var text = text
    let result = text.withUTF8 { bytes in
      Result { () throws(JSONError) in try encode(json: UnsafeRawBufferPointer(bytes)) }
    }
    return try result.get()
  }

  /// An encoded message as one line of JSON, as `View.json` writes it. Throws what decoding throws.
  public func json(_ bytes: [UInt8]) throws(MessageError) -> String {
    let arena = Arena(limit: Arena.limit(forWireBytes: bytes.count))
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(MessageError) in
        var writer = JSONText()
        writer.message(try arena.unpack(descriptor, from: raw), descriptor.pointee)
        return writer.text
      }
    }
    return try withExtendedLifetime(arena) { () throws(MessageError) in try result.get() }
  }
}
