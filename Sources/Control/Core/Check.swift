import Commerce
import Foundation
import RPC

/// Checks of request fields; each names the field and the limit.
enum Check {
  static func failure(_ field: String, _ reason: String) -> RPCError {
    RPCError(.invalidArgument, "\(field) \(reason)", violations: [FieldViolation(field, reason)])
  }

  /// A tenant's id.
  static func tenant(_ field: String, _ text: String) throws(RPCError) -> String {
    do throws(InvalidField) { return try TenantID(text).rawValue } catch { throw failure(field, error.reason) }
  }

  /// Text of a bounded length without control characters.
  static func text(_ field: String, _ text: String, bytes: ClosedRange<Int>) throws(RPCError) -> String {
    guard bytes.contains(text.utf8.count) else {
      throw failure(field, "takes \(bytes.lowerBound) to \(bytes.upperBound) bytes, not \(text.utf8.count)")
    }
    guard text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
      throw failure(field, "holds a control character")
    }
    return text
  }

  /// A number within limits; 0 stands for `absent`.
  static func number(_ field: String, _ value: UInt32, _ range: ClosedRange<UInt32>, absent: UInt32) throws(RPCError)
    -> Int
  {
    guard value != 0 else { return Int(absent) }
    guard range.contains(value) else {
      throw failure(field, "goes from \(range.lowerBound) to \(range.upperBound), it is \(value)")
    }
    return Int(value)
  }

  /// The IANA name of a time zone.
  static func timeZone(_ field: String, _ text: String) throws(RPCError) -> String {
    let name = try Self.text(field, text, bytes: 1...Limits.identifierBytes)
    guard TimeZone(identifier: name) != nil else {
      throw failure(field, "'\(name)' is no time zone; it takes an IANA name such as Europe/London")
    }
    return name
  }

  /// A SHA-256 in 64 lowercase hex digits.
  static func digest(_ field: String, _ text: String) throws(RPCError) -> String {
    let isHex = text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    guard isHex, text.utf8.count == 64 else { throw failure(field, "takes 64 lowercase hex digits") }
    return text
  }

  /// Fits SQLite's signed integers.
  static func counter(_ field: String, _ value: UInt64) throws(RPCError) -> Int64 {
    guard let value = Int64(exactly: value) else { throw failure(field, "is larger than 2^63 - 1") }
    return value
  }
}
