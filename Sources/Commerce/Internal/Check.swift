/// The checks that several messages share.
enum Check {
  /// Refuses text of more than `limit` bytes.
  static func text(_ text: String, atMost limit: Int, _ field: @autoclosure () -> String) throws(InvalidField) -> String
  {
    guard text.utf8.count <= limit else {
      throw InvalidField(field: field(), reason: "has \(text.utf8.count) bytes; at most \(limit) are admitted")
    }
    return text
  }

  /// Refuses a tenant's own name for a kind of thing that is too long or holds a control character; it may be empty.
  static func label(_ text: String, atMost limit: Int, _ field: @autoclosure () -> String) throws(InvalidField) {
    _ = try Self.text(text, atMost: limit, field())
    guard !holdsControlCharacter(text) else {
      throw InvalidField(field: field(), reason: "holds a control character; printable text is needed")
    }
  }

  /// Refuses labels that are too long or hold control characters.
  static func labels(_ labels: [String], _ field: String) throws(InvalidField) {
    for (index, label) in labels.enumerated() {
      try Self.label(label, atMost: Limits.labelBytes, "\(field)[\(index)]")
    }
  }

  /// Refuses a year in which no living customer is born.
  static func birthYear(_ year: UInt32) throws(InvalidField) {
    let years = Limits.birthYears
    guard years.contains(year) else {
      throw InvalidField(
        field: "birth_year", reason: "is \(year); \(years.lowerBound) to \(years.upperBound) are admitted")
    }
  }

  /// Refuses a list of more than `limit` elements.
  static func count(_ count: Int, atMost limit: Int, _ field: String) throws(InvalidField) {
    guard count <= limit else {
      throw InvalidField(field: field, reason: "has \(count) elements; at most \(limit) are admitted")
    }
  }

  /// Refuses an empty list of bytes, a long one, and Unicode's control characters (category Cc).
  static func identifier(_ text: String, _ field: @autoclosure () -> String) throws(InvalidField) {
    let count = text.utf8.count
    guard count > 0 else {
      throw InvalidField(field: field(), reason: "is empty; 1 to \(Limits.identifierBytes) bytes are needed")
    }
    guard count <= Limits.identifierBytes else {
      throw InvalidField(field: field(), reason: "has \(count) bytes; at most \(Limits.identifierBytes) are admitted")
    }
    guard !holdsControlCharacter(text) else {
      throw InvalidField(field: field(), reason: "holds a control character; printable text is needed")
    }
  }

  /// Reads a time where 0 means that it is not known.
  static func time(_ microseconds: Int64, _ field: String) throws(InvalidField) -> Timestamp? {
    guard microseconds != 0 else { return nil }
    let time = Timestamp(microseconds: microseconds)
    guard Timestamp.admitted.contains(time) else {
      throw InvalidField(
        field: field, reason: "is \(microseconds) µs since 1970; the years 0001 to 9999 are admitted")
    }
    return time
  }

  /// Refuses a period that ends before or as it begins.
  static func period(from: Timestamp?, until: Timestamp?, _ fieldOfEnd: String) throws(InvalidField) {
    guard let until else { return }
    if let from, until <= from {
      throw InvalidField(field: fieldOfEnd, reason: "is \(until), not after the beginning, \(from)")
    }
  }

  /// U+0000 to U+001F and U+007F to U+009F, the latter encoded as C2 80 to C2 9F.
  static func holdsControlCharacter(_ text: String) -> Bool { holdsControlCharacter(text.utf8) }

  @inline(__always)
  static func holdsControlCharacter(_ utf8: some Sequence<UInt8>) -> Bool {
    var previous: UInt8 = 0
    for byte in utf8 {
      if byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0) { return true }
      previous = byte
    }
    return false
  }
}
