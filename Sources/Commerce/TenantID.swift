/// A client company: a DNS label (RFC 1123: a-z, 0-9 and '-', not at either end, at most 63 bytes).
///
/// Being a label, it serves as server name, folder and file name as it stands.
public struct TenantID: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The label.
  public let rawValue: String

  /// Checks a label; `InvalidField` names the field `tenant`.
  public init(_ text: String) throws(InvalidField) {
    let bytes = text.utf8
    let dash = UInt8(ascii: "-")
    guard !bytes.isEmpty, bytes.count <= Limits.tenantBytes else {
      throw InvalidField(
        field: "tenant", reason: "has \(bytes.count) bytes; a DNS label of 1 to \(Limits.tenantBytes) is needed")
    }
    guard bytes.first != dash, bytes.last != dash, bytes.allSatisfy({ Self.isLabelByte($0) }) else {
      throw InvalidField(
        field: "tenant", reason: "'\(text)' is no DNS label: only a-z, 0-9 and '-' are admitted, '-' not at either end")
    }
    rawValue = text
  }

  private static func isLabelByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
    default: false
    }
  }

  public var description: String { rawValue }

  public static func < (a: TenantID, b: TenantID) -> Bool { a.rawValue < b.rawValue }
}
