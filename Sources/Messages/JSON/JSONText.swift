import CProtobufC

extension View {
  /// The message as one line of JSON, for people and scripts.
  ///
  /// Fields have the contract's names and come in order of number; zeros and empty lists are written, absent
  /// submessages and unset members of a `oneof` are not. Enums are their names (numbers where the contract knows none),
  /// bytes are base64, 64-bit integers are numbers, numbers that JSON lacks are the strings "NaN", "Infinity" and
  /// "-Infinity". Complexity: O(message).
  public var json: String {
    var writer = JSONText()
    writer.message(UnsafeRawPointer(pointer), M.descriptor.pointee)
    return writer.text
  }
}

/// Writes a message as JSON by walking libprotobuf-c's descriptor of it. Message types are acyclic, so it ends.
struct JSONText {
  var text = ""

  mutating func message(_ message: UnsafeRawPointer, _ descriptor: ProtobufCMessageDescriptor) {
    text += "{"
    var isFirst = true
    for field in UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields))
    where Self.isPresent(field, in: message) {
      text += isFirst ? "" : ","
      isFirst = false
      string(String(cString: field.name))
      text += ":"
      let place = message + Int(field.offset)
      if field.label == PROTOBUF_C_LABEL_REPEATED { list(field, in: message) } else { value(field, at: place) }
    }
    text += "}"
  }

  /// A member of a `oneof` is there when the case says so, a submessage when its pointer is set, all else always.
  private static func isPresent(_ field: ProtobufCFieldDescriptor, in message: UnsafeRawPointer) -> Bool {
    if field.isOneofMember {
      return message.load(fromByteOffset: Int(field.quantifier_offset), as: UInt32.self) == field.id
    }
    guard field.label != PROTOBUF_C_LABEL_REPEATED, field.type == PROTOBUF_C_TYPE_MESSAGE else { return true }
    return message.load(fromByteOffset: Int(field.offset), as: UnsafeRawPointer?.self) != nil
  }

  private mutating func list(_ field: ProtobufCFieldDescriptor, in message: UnsafeRawPointer) {
    let count = message.load(fromByteOffset: Int(field.quantifier_offset), as: Int.self)
    let elements = message.load(fromByteOffset: Int(field.offset), as: UnsafeRawPointer?.self)
    text += "["
    if let elements {
      for index in 0..<count {
        text += index == 0 ? "" : ","
        value(field, at: elements + index * Self.size(of: field.type))
      }
    }
    text += "]"
  }

  private static func size(of type: ProtobufCType) -> Int {
    switch type {
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_UINT64,
      PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_MESSAGE:
      8
    case PROTOBUF_C_TYPE_BYTES: MemoryLayout<ProtobufCBinaryData>.stride
    default: 4
    }
  }

  private mutating func value(_ field: ProtobufCFieldDescriptor, at place: UnsafeRawPointer) {
    switch field.type {
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
      text += "\(place.load(as: Int32.self))"
    case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32: text += "\(place.load(as: UInt32.self))"
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
      text += "\(place.load(as: Int64.self))"
    case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64: text += "\(place.load(as: UInt64.self))"
    case PROTOBUF_C_TYPE_FLOAT: number(place.load(as: Float.self))
    case PROTOBUF_C_TYPE_DOUBLE: number(place.load(as: Double.self))
    case PROTOBUF_C_TYPE_BOOL: text += place.load(as: protobuf_c_boolean.self) != 0 ? "true" : "false"
    case PROTOBUF_C_TYPE_ENUM: enumeration(place.load(as: Int32.self), field)
    case PROTOBUF_C_TYPE_STRING: string(place.load(as: UnsafePointer<CChar>?.self).map { String(cString: $0) } ?? "")
    case PROTOBUF_C_TYPE_BYTES: base64(place.load(as: ProtobufCBinaryData.self))
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let inner = place.load(as: UnsafeRawPointer?.self), let type = field.descriptor else {
        text += "{}"
        return
      }
      message(inner, type.load(as: ProtobufCMessageDescriptor.self))
    default: preconditionFailure("libprotobuf-c has a type that is not in proto3")
    }
  }

  private mutating func number(_ value: some BinaryFloatingPoint & CustomStringConvertible) {
    if value.isFinite {
      text += value.description
    } else {
      string(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity")
    }
  }

  private mutating func enumeration(_ value: Int32, _ field: ProtobufCFieldDescriptor) {
    guard let descriptor = field.descriptor?.assumingMemoryBound(to: ProtobufCEnumDescriptor.self),
      let named = protobuf_c_enum_descriptor_get_value(descriptor, value)
    else {
      text += "\(value)"
      return
    }
    string(String(cString: named.pointee.name))
  }

  private mutating func string(_ value: String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\u{0}"..<" ", "\u{7f}":
        let hex = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }

  /// RFC 4648, section 4.
  private mutating func base64(_ data: ProtobufCBinaryData) {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    let bytes = UnsafeBufferPointer(start: data.data, count: data.len)
    var encoded: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = (0..<3).reduce(0) { $0 << 8 | (start + $1 < bytes.count ? Int(bytes[start + $1]) : 0) }
      for digit in 0..<4 {
        encoded.append(start + digit <= bytes.count ? alphabet[group >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
      }
    }
    text += "\"\(String(decoding: encoded, as: UTF8.self))\""
  }
}
