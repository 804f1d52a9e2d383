import CProtobufC

/// Reads JSON as a message of a type that is known by its descriptor only, and encodes it on the way.
///
/// The proto3 mapping (protobuf.dev/programming-guides/json): fields by the contract's names or in lowerCamelCase, 64-bit
/// numbers as numbers or strings, enums by name or number, bytes in base64, `null` for a field that is left out. What the
/// type does not have is refused, and so is a field that stands twice.
struct JSONReader {
  /// Deeper than any message of the contract.
  private static let maximumDepth = 16

  private var scanner: JSONScanner
  private var path: [String] = []

  init(_ bytes: UnsafeRawBufferPointer) { scanner = JSONScanner(bytes) }

  /// The encoding of the message that the whole text is; fields in order of number.
  mutating func read(_ type: ProtobufCMessageDescriptor) throws(JSONError) -> [UInt8] {
    let bytes = try message(type)
    guard scanner.peek() == nil else { throw error("something follows the message") }
    return bytes
  }

  // MARK: Messages

  private mutating func message(_ type: ProtobufCMessageDescriptor) throws(JSONError) -> [UInt8] {
    guard path.count <= Self.maximumDepth else { throw error("nested more than \(Self.maximumDepth) deep") }
    try expect("{", "an object: \(String(cString: type.name))")
    var fields: [UInt32: [UInt8]] = [:]
    // The members of one `oneof` share the place that says which is set.
    var chosen: Set<UInt32> = []
    var isFirst = true
    while !scanner.take("}") {
      if !isFirst { try expect(",", "',' or '}'") }
      isFirst = false
      let name = try string()
      path.append((path.isEmpty ? "" : ".") + name)
      let field = try find(name, in: type)
      guard fields[field.id] == nil else { throw error("the field stands twice") }
      try expect(":", "':'")
      if scanner.take(word: "null") {
        fields[field.id] = []
      } else {
        if field.isOneofMember {
          guard chosen.insert(field.quantifier_offset).inserted else {
            throw error("only one of its kind may be set, and another is")
          }
        }
        fields[field.id] = try self.field(field)
      }
      path.removeLast()
    }
    return fields.sorted { $0.key < $1.key }.flatMap(\.value)
  }

  private func find(_ name: String, in type: ProtobufCMessageDescriptor) throws(JSONError) -> ProtobufCFieldDescriptor {
    let fields = UnsafeBufferPointer(start: type.fields, count: Int(type.n_fields))
    let found = fields.first { String(cString: $0.name) == name || $0.lowerCamelName == name }
    guard let found else {
      let names = fields.map { String(cString: $0.name) }.joined(separator: ", ")
      throw error("\(String(cString: type.name)) has no such field; it has \(names.isEmpty ? "none" : names)")
    }
    return found
  }

  private mutating func field(_ field: ProtobufCFieldDescriptor) throws(JSONError) -> [UInt8] {
    guard field.label == PROTOBUF_C_LABEL_REPEATED else {
      return try element(field, keepsZero: field.isOneofMember)
    }
    try expect("[", "a list")
    var elements: [UInt8] = []
    var index = 0
    while !scanner.take("]") {
      if index > 0 { try expect(",", "',' or ']'") }
      path.append("[\(index)]")
      elements += try element(field, keepsZero: true)
      path.removeLast()
      index += 1
    }
    return elements
  }

  // MARK: Values

  /// A value with its field's tag; nothing for the zero of a field that need not say so.
  private mutating func element(_ field: ProtobufCFieldDescriptor, keepsZero: Bool) throws(JSONError) -> [UInt8] {
    var writer = WireWriter()
    switch field.type {
    case PROTOBUF_C_TYPE_MESSAGE:
      guard let inner = field.descriptor else { return [] }
      writer.delimited(field.id, try message(inner.load(as: ProtobufCMessageDescriptor.self)))
    case PROTOBUF_C_TYPE_STRING:
      let text = try string()
      if keepsZero || !text.isEmpty { writer.delimited(field.id, Array(text.utf8)) }
    case PROTOBUF_C_TYPE_BYTES:
      let bytes = try base64()
      if keepsZero || !bytes.isEmpty { writer.delimited(field.id, bytes) }
    case PROTOBUF_C_TYPE_FLOAT: try real(field, Float.self, &writer, keepsZero) { $0.fixed($1.bitPattern) }
    case PROTOBUF_C_TYPE_DOUBLE: try real(field, Double.self, &writer, keepsZero) { $0.fixed($1.bitPattern) }
    default: try whole(field, &writer, keepsZero)
    }
    return writer.bytes
  }

  private mutating func whole(
    _ field: ProtobufCFieldDescriptor, _ writer: inout WireWriter, _ keepsZero: Bool
  ) throws(JSONError) {
    let value: UInt64
    switch field.type {
    case PROTOBUF_C_TYPE_BOOL: value = try bool() ? 1 : 0
    case PROTOBUF_C_TYPE_ENUM: value = UInt64(bitPattern: Int64(try enumeration(field)))
    case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32: value = UInt64(try integer(UInt32.self))
    case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64: value = try integer(UInt64.self)
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
      value = UInt64(bitPattern: Int64(try integer(Int32.self)))
    default: value = UInt64(bitPattern: try integer(Int64.self))
    }
    guard keepsZero || value != 0 else { return }
    switch field.type {
    case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32:
      writer.tag(field.id, 5)
      writer.fixed(UInt32(truncatingIfNeeded: value))
    case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64:
      writer.tag(field.id, 1)
      writer.fixed(value)
    case PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SINT64:
      let signed = Int64(bitPattern: value)
      writer.tag(field.id, 0)
      writer.varint(UInt64(bitPattern: signed << 1 ^ signed >> 63))
    default:
      writer.tag(field.id, 0)
      writer.varint(value)
    }
  }

  private mutating func real<F: BinaryFloatingPoint & LosslessStringConvertible>(
    _ field: ProtobufCFieldDescriptor, _: F.Type, _ writer: inout WireWriter, _ keepsZero: Bool,
    _ write: (inout WireWriter, F) -> Void
  ) throws(JSONError) {
    let start = scanner.offset
    let isText = scanner.peek() == UInt8(ascii: "\"")
    let text = isText ? try string() : try number("a number")
    let value: F? =
      switch text {
      case "NaN" where isText: .nan
      case "Infinity" where isText: .infinity
      case "-Infinity" where isText: -.infinity
      default: Self.isNumber(text) ? F(text).flatMap { $0.isFinite ? $0 : nil } : nil
      }
    guard let value else {
      throw error("'\(text.prefix(40))' is no \(F.self == Float.self ? "float" : "double")", start)
    }
    guard keepsZero || !(value == 0 && value.sign == .plus) else { return }
    writer.tag(field.id, F.self == Float.self ? 5 : 1)
    write(&writer, value)
  }

  private mutating func integer<I: FixedWidthInteger>(_: I.Type) throws(JSONError) -> I {
    let start = scanner.offset
    let text = scanner.peek() == UInt8(ascii: "\"") ? try string() : try number("a whole number")
    if Self.isNumber(text) {
      if let value = I(text) { return value }
      // 1.0 and 1e3 are whole too; doubles are exact as far as 2^53.
      let exact = 9_007_199_254_740_992.0
      if let real = Double(text), abs(real) <= exact, let value = I(exactly: real) { return value }
    }
    throw error("'\(text.prefix(40))' is no whole number from \(I.min) to \(I.max)", start)
  }

  private mutating func bool() throws(JSONError) -> Bool {
    if scanner.take(word: "true") { return true }
    guard scanner.take(word: "false") else { throw error("expected true or false") }
    return false
  }

  private mutating func enumeration(_ field: ProtobufCFieldDescriptor) throws(JSONError) -> Int32 {
    guard scanner.peek() == UInt8(ascii: "\"") else { return try integer(Int32.self) }
    let start = scanner.offset
    let name = try string()
    guard let type = field.descriptor?.assumingMemoryBound(to: ProtobufCEnumDescriptor.self) else { return 0 }
    let values = UnsafeBufferPointer(start: type.pointee.values, count: Int(type.pointee.n_values))
    if let value = values.first(where: { String(cString: $0.name) == name }) { return value.value }
    let names = values.map { String(cString: $0.name) }.joined(separator: ", ")
    throw error("'\(name.prefix(40))' is none of \(names)", start)
  }

  /// RFC 4648, either alphabet, padded or not.
  private mutating func base64() throws(JSONError) -> [UInt8] {
    let start = scanner.offset
    let text = try string()
    var bits: UInt32 = 0
    var count = 0
    var bytes: [UInt8] = []
    for character in text.utf8.reversed().drop(while: { $0 == UInt8(ascii: "=") }).reversed() {
      guard let value = Self.base64Value(character) else { throw error("no base64", start) }
      bits = bits << 6 | value
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    guard count < 6, bits & ((1 << UInt32(count)) - 1) == 0 else {
      throw error("base64 that ends in the middle", start)
    }
    return bytes
  }

  private static func base64Value(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
    case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
    case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
    default: nil
    }
  }

  /// Whether a text is a number as JSON writes it.
  private static func isNumber(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in
      var scanner = JSONScanner(UnsafeRawBufferPointer(bytes))
      return (try? scanner.number()) != nil && scanner.isAtEnd
    }
  }

  // MARK: Tokens

  private mutating func number(_ what: String) throws(JSONError) -> String {
    guard let first = scanner.peek(), first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
      throw error("expected \(what)")
    }
    do throws(JSONScanner.Problem) { return try scanner.number() } catch { throw self.error(error.text, error.offset) }
  }

  private mutating func string() throws(JSONError) -> String {
    do throws(JSONScanner.Problem) { return try scanner.string() } catch { throw self.error(error.text, error.offset) }
  }

  private mutating func expect(_ character: Unicode.Scalar, _ what: String) throws(JSONError) {
    do throws(JSONScanner.Problem) {
      try scanner.expect(character, what)
    } catch {
      throw self.error(error.text, error.offset)
    }
  }

  private func error(_ problem: String, _ offset: Int? = nil) -> JSONError {
    JSONError(path: path.joined(), offset: offset ?? scanner.offset, problem: problem)
  }
}

extension ProtobufCFieldDescriptor {
  var isOneofMember: Bool { flags & UInt32(PROTOBUF_C_FIELD_FLAG_ONEOF.rawValue) != 0 }

  /// `birth_year` as `birthYear`.
  var lowerCamelName: String {
    var name = ""
    var isUpper = false
    for character in String(cString: self.name) {
      if character == "_" {
        isUpper = true
      } else {
        name += isUpper ? character.uppercased() : String(character)
        isUpper = false
      }
    }
    return name
  }
}
