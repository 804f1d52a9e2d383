/// Reads numbers of a fixed width from ASCII text.
struct DigitReader {
  let bytes: UnsafeBufferPointer<UInt8>
  private var at = 0

  init(bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  var isAtEnd: Bool { at == bytes.count }

  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  mutating func number(digits: Int) -> Int64? {
    guard bytes.count - at >= digits else { return nil }
    var value: Int64 = 0
    for _ in 0..<digits {
      guard let digit = digit() else { return nil }
      value = value * 10 + digit
    }
    return value
  }

  /// One to `digits` digits behind a decimal point, as if written in full: `5` of six digits is 500,000.
  mutating func fraction(digits: Int) -> Int64? {
    guard var value = digit() else { return nil }
    for _ in 1..<digits { value = value * 10 + (digit() ?? 0) }
    return value
  }

  /// `Z`, `+01:00`, `-0530` or nothing.
  mutating func offsetMinutes() -> Int64? {
    if isAtEnd || skip("Z") || skip("z") { return 0 }
    let sign: Int64 = skip("+") ? 1 : -1
    guard sign == 1 || skip("-"), let hours = number(digits: 2), hours < 24 else { return nil }
    _ = skip(":")
    guard let minutes = number(digits: 2), minutes < 60 else { return nil }
    return sign * (hours * 60 + minutes)
  }

  private mutating func digit() -> Int64? {
    guard at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") else { return nil }
    at += 1
    return Int64(bytes[at - 1] - UInt8(ascii: "0"))
  }
}

/// Writes numbers of a fixed width as ASCII text.
struct DigitWriter {
  let buffer: UnsafeMutableBufferPointer<UInt8>
  private(set) var count = 0

  init(buffer: UnsafeMutableBufferPointer<UInt8>) {
    self.buffer = buffer
  }

  mutating func write(_ character: Unicode.Scalar) {
    buffer[count] = UInt8(ascii: character)
    count += 1
  }

  mutating func write(_ separator: Unicode.Scalar, _ value: Int64, digits: Int) {
    write(separator)
    write(value, digits: digits)
  }

  /// More digits than `digits` are cut at the front: the caller knows the range.
  mutating func write(_ value: Int64, digits: Int) {
    var rest = value
    for place in (count..<count + digits).reversed() {
      buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
      rest /= 10
    }
    count += digits
  }
}
