import CProtobufC

/// A message or enum of the contract, described: its fields, or its values.
public struct ContractType: Sendable, Equatable {
  /// Full name, such as `nightjar.v1.Customer`.
  public let name: String
  /// Of a message, in order of number; empty for an enum.
  public var fields: [Field] = []
  /// Of an enum, in order of number; empty for a message.
  public var values: [Value] = []

  /// One field of a message.
  public struct Field: Sendable, Equatable {
    /// Name in the contract.
    public let name: String
    /// Number on the wire.
    public let number: UInt32
    /// As a .proto file writes it: `uint32`, `string`; `message` and `enum` where `typeName` says which.
    public let type: String
    /// Full name of the message or enum; empty for all others.
    public let typeName: String
    /// Whether it may stand any number of times.
    public let isRepeated: Bool
    /// The same for the fields of a message of which at most one is set, from 1; 0 = it is in no `oneof`.
    public let oneof: UInt32
  }

  /// One value of an enum.
  public struct Value: Sendable, Equatable {
    /// Name in the contract.
    public let name: String
    /// Number on the wire.
    public let number: Int32
  }

  /// What the types are made of: themselves and everything that they refer to, each once, by name.
  public static func reachable(from types: some Sequence<MessageType>) -> [String: ContractType] {
    var found: [String: ContractType] = [:]
    for type in types { collect(type.descriptor.pointee, into: &found) }
    return found
  }

  /// The types that this one refers to.
  public var references: [String] { fields.map(\.typeName).filter { !$0.isEmpty } }

  private static func collect(_ descriptor: ProtobufCMessageDescriptor, into found: inout [String: ContractType]) {
    let name = String(cString: descriptor.name)
    guard found[name] == nil else { return }
    let fields = UnsafeBufferPointer(start: descriptor.fields, count: Int(descriptor.n_fields))
    // Members of a `oneof` share the place that says which of them is set.
    var groups: [UInt32: UInt32] = [:]
    found[name] = ContractType(
      name: name,
      fields: fields.map { field in
        var oneof: UInt32 = 0
        if field.isOneofMember {
          let next = UInt32(groups.count + 1)
          oneof = groups[field.quantifier_offset, default: next]
          groups[field.quantifier_offset] = oneof
        }
        return Field(
          name: String(cString: field.name), number: field.id, type: word(for: field.type),
          typeName: typeName(of: field), isRepeated: field.label == PROTOBUF_C_LABEL_REPEATED, oneof: oneof)
      })
    for field in fields {
      guard let inner = field.descriptor else { continue }
      switch field.type {
      case PROTOBUF_C_TYPE_MESSAGE: collect(inner.load(as: ProtobufCMessageDescriptor.self), into: &found)
      case PROTOBUF_C_TYPE_ENUM:
        let type = inner.load(as: ProtobufCEnumDescriptor.self)
        let values = UnsafeBufferPointer(start: type.values, count: Int(type.n_values))
        let name = String(cString: type.name)
        found[name] = ContractType(
          name: name, values: values.map { Value(name: String(cString: $0.name), number: $0.value) })
      default: break
      }
    }
  }

  private static func typeName(of field: ProtobufCFieldDescriptor) -> String {
    switch field.type {
    case PROTOBUF_C_TYPE_MESSAGE:
      field.descriptor.map { String(cString: $0.load(as: ProtobufCMessageDescriptor.self).name) } ?? ""
    case PROTOBUF_C_TYPE_ENUM:
      field.descriptor.map { String(cString: $0.load(as: ProtobufCEnumDescriptor.self).name) } ?? ""
    default: ""
    }
  }

  private static func word(for type: ProtobufCType) -> String {
    switch type {
    case PROTOBUF_C_TYPE_INT32: "int32"
    case PROTOBUF_C_TYPE_SINT32: "sint32"
    case PROTOBUF_C_TYPE_SFIXED32: "sfixed32"
    case PROTOBUF_C_TYPE_INT64: "int64"
    case PROTOBUF_C_TYPE_SINT64: "sint64"
    case PROTOBUF_C_TYPE_SFIXED64: "sfixed64"
    case PROTOBUF_C_TYPE_UINT32: "uint32"
    case PROTOBUF_C_TYPE_FIXED32: "fixed32"
    case PROTOBUF_C_TYPE_UINT64: "uint64"
    case PROTOBUF_C_TYPE_FIXED64: "fixed64"
    case PROTOBUF_C_TYPE_FLOAT: "float"
    case PROTOBUF_C_TYPE_DOUBLE: "double"
    case PROTOBUF_C_TYPE_BOOL: "bool"
    case PROTOBUF_C_TYPE_ENUM: "enum"
    case PROTOBUF_C_TYPE_STRING: "string"
    case PROTOBUF_C_TYPE_BYTES: "bytes"
    default: "message"
    }
  }
}
