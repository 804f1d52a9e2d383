/// Names one logical call over all its attempts.
enum IdempotencyKey {
  /// 128 random bits as 32 hexadecimal digits.
  static func random(using random: inout some RandomNumberGenerator) -> String {
    (0..<2).map { _ in
      let digits = String(UInt64.random(in: .min ... .max, using: &random), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}
