import Messages

/// The body of an END frame.
enum StatusCoding {
  /// OK, and nothing to say: a message of defaults is no bytes at all.
  static let ok: [UInt8] = []

  /// Encodes an error within the protocol's limits on texts and lists.
  static func encode(_ error: RPCError) -> [UInt8] {
    let status = Encoded<Proto.Status> { status in
      status.code = error.code.rawValue
      status[dynamicMember: \.message] = cut(error.message, toBytes: Limits.maximumStatusTextBytes)
      guard !error.violations.isEmpty || error.retryAfter != nil || error.owner != nil else { return }
      status.message(\.details) { details in
        details.list(\.n_violations, \.violations, of: error.violations.prefix(Limits.maximumViolations)) {
          $0.field = cut($1.field, toBytes: Limits.maximumViolationTextBytes)
          $0.reason = cut($1.reason, toBytes: Limits.maximumViolationTextBytes)
        }
        details.retry_after_ms = error.retryAfter?.wireMilliseconds ?? 0
        details.owner = cut(error.owner ?? "", toBytes: Limits.maximumViolationTextBytes)
      }
    }
    return status.bytes
  }

  /// Decodes a status; nil = OK. A code that this version does not know is UNKNOWN.
  static func decode(_ body: UnsafeRawBufferPointer) -> RPCError? {
    guard !body.isEmpty else { return nil }
    let status: View<Proto.Status>
    do throws(MessageError) {
      status = try Arena(limit: Arena.limit(forWireBytes: body.count)).decode(from: body)
    } catch {
      return RPCError(.internal, "the call ended with a status that cannot be read: \(error)")
    }
    guard status.code != StatusCode.ok.rawValue else { return nil }
    let details = status.details
    return RPCError(
      StatusCode(rawValue: status.code) ?? .unknown, status.message,
      violations: details?.list(\.n_violations, \.violations).map { FieldViolation($0.field, $0.reason) } ?? [],
      retryAfter: details.flatMap { $0.retry_after_ms == 0 ? nil : .milliseconds($0.retry_after_ms) },
      owner: details.flatMap { $0.owner.isEmpty ? nil : $0.owner })
  }

  /// The longest prefix of whole characters that fits.
  static func cut(_ text: String, toBytes limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var bytes = 0
    return String(
      text.prefix {
        bytes += $0.utf8.count
        return bytes <= limit
      })
  }
}

extension Duration {
  /// Milliseconds as the wire has them: rounded up, at least 1 and at most what 32 bits hold.
  var wireMilliseconds: UInt32 {
    guard self > .zero else { return 1 }
    guard self < .milliseconds(Int64(UInt32.max)) else { return .max }
    let (seconds, attoseconds) = components
    let attosecondsPerMillisecond: Int64 = 1_000_000_000_000_000
    let up = (attoseconds + attosecondsPerMillisecond - 1) / attosecondsPerMillisecond
    return UInt32(clamping: max(1, seconds * 1000 + up))
  }
}
