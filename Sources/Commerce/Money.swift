/// An amount of money, exact, in minor units (pence, cents, yen).
public struct Money: Hashable, Sendable, CustomStringConvertible {
  /// Count of the currency's minor units; negative for money that goes the other way.
  public let minorUnits: Int64
  /// What it is counted in.
  public let currency: Currency

  /// So many minor units.
  public init(minorUnits: Int64, currency: Currency) {
    self.minorUnits = minorUnits
    self.currency = currency
  }

  /// Reads `-12.50`: an optional sign, digits, and at most as many decimals as the currency has, unless the further ones
  /// are zeros. Nothing is rounded. `InvalidField` names the field `amount`.
  public init(decimal text: String, currency: Currency) throws(InvalidField) {
    func invalid(_ reason: String) -> InvalidField { InvalidField(field: "amount", reason: "'\(text)' \(reason)") }
    let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
    let parts = unsigned.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let decimals = parts.count == 2 ? parts[1] : "0"
    guard !parts[0].isEmpty, !decimals.isEmpty, (parts[0] + decimals).utf8.allSatisfy({ (0x30...0x39).contains($0) })
    else { throw invalid("is no amount; write 12.50") }

    let digits = currency.minorUnitDigits
    guard decimals.dropFirst(digits).allSatisfy({ $0 == "0" }) else {
      throw invalid("has more than the \(digits) decimals of \(currency)")
    }
    let shown = decimals.prefix(digits)
    let sign = text.hasPrefix("-") ? "-" : ""
    guard let minorUnits = Int64(sign + parts[0] + shown + String(repeating: "0", count: digits - shown.count)) else {
      throw invalid("is too large")
    }
    self.init(minorUnits: minorUnits, currency: currency)
  }

  /// The amount in major units with all its decimals, such as `-12.50`; `init(decimal:currency:)` reads it again.
  public var decimal: String {
    let digits = currency.minorUnitDigits
    let text = String(minorUnits.magnitude)
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    let sign = minorUnits < 0 ? "-" : ""
    return digits == 0 ? sign + text : "\(sign)\(padded.dropLast(digits)).\(padded.suffix(digits))"
  }

  public var description: String { "\(decimal) \(currency)" }
}
