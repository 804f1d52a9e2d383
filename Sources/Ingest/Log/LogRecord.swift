import Commerce

/// Valid rows of one write, as they stand in the log.
struct LogRecord: Sendable, Equatable {
  /// Which rows the payload holds. Raw values are on disk.
  enum Kind: UInt8, Sendable {
    case customers = 1
    case products, offers, events, served
  }

  let tenant: TenantID
  let kind: Kind
  /// Wall clock when the rows came in.
  let receivedAt: Timestamp
  /// The encoded request of the contract, with the rows that are valid.
  let payload: [UInt8]

  /// Length of the record without tenant and payload.
  private static let fixedBytes = 4 + 1 + 1 + 8

  var byteCount: Int { Self.fixedBytes + tenant.rawValue.utf8.count + payload.count }

  /// u32 length of what follows it, u8 kind, u8 length of tenant, i64 received at, tenant, payload; little-endian.
  func append(to bytes: inout [UInt8]) {
    bytes.append(integer: UInt32(byteCount - 4))
    bytes.append(kind.rawValue)
    bytes.append(UInt8(tenant.rawValue.utf8.count))
    bytes.append(integer: receivedAt.microseconds)
    bytes.append(contentsOf: tenant.rawValue.utf8)
    bytes.append(contentsOf: payload)
  }

  /// Reads the record at the front of `bytes`; nil where it is none.
  init?(parsing bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.fixedBytes else { return nil }
    let length = 4 + Int(bytes.integer(at: 0, as: UInt32.self))
    let payloadStart = Self.fixedBytes + Int(bytes[5])
    guard length <= bytes.count, payloadStart <= length, let kind = Kind(rawValue: bytes[4]),
      let tenant = try? TenantID(String(decoding: bytes[Self.fixedBytes..<payloadStart], as: UTF8.self))
    else { return nil }
    self.init(
      tenant: tenant, kind: kind, receivedAt: Timestamp(microseconds: bytes.integer(at: 6, as: Int64.self)),
      payload: [UInt8](bytes[payloadStart..<length]))
  }

  init(tenant: TenantID, kind: Kind, receivedAt: Timestamp, payload: [UInt8]) {
    self.tenant = tenant
    self.kind = kind
    self.receivedAt = receivedAt
    self.payload = payload
  }
}
