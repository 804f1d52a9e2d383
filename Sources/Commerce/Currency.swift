/// A currency of ISO 4217, by its alphabetic code.
public struct Currency: Hashable, Sendable, CustomStringConvertible {
  /// Three capital letters, such as `GBP`.
  public let code: String
  /// Decimal digits of the minor unit: 2 for `GBP`, 0 for `JPY`, 3 for `KWD`.
  public let minorUnitDigits: Int

  /// Looks a code up; `InvalidField` names the field `currency`.
  public init(_ code: String) throws(InvalidField) {
    guard let digits = Self.digits[code] else {
      throw InvalidField(field: "currency", reason: "'\(code)' is no currency code of ISO 4217, such as GBP")
    }
    self.code = code
    minorUnitDigits = digits
  }

  public var description: String { code }

  /// ISO 4217 list one; codes without a minor unit (metals, test codes, units of account) are left out.
  private static let digits: [String: Int] = {
    let codes: [(digits: Int, codes: String)] = [
      (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
      (
        2,
        """
        AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
        CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL
        HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR
        MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK
        SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD
        XCD XCG YER ZAR ZMW ZWG
        """
      ),
      (3, "BHD IQD JOD KWD LYD OMR TND"),
      (4, "CLF UYW"),
    ]
    return Dictionary(
      uniqueKeysWithValues: codes.flatMap { group in
        group.codes.split(whereSeparator: \.isWhitespace).map { (String($0), group.digits) }
      })
  }()
}
