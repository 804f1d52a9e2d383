import Commerce
import Testing

@Suite("Commerce: money")
struct MoneyTests {
  @Test(
    "amounts are read exactly, in the currency's minor units",
    arguments: [
      ("0", "GBP", 0), ("12", "GBP", 1200), ("12.5", "GBP", 1250), ("12.50", "GBP", 1250), ("12.500", "GBP", 1250),
      ("-0.01", "GBP", -1), ("+3", "EUR", 300), ("007", "USD", 700), ("12", "JPY", 12), ("12.0", "JPY", 12),
      ("1.234", "KWD", 1234), ("1.2", "KWD", 1200), ("1.2345", "CLF", 12345),
      ("92233720368547758.07", "GBP", .max), ("-92233720368547758.08", "GBP", .min),
    ] as [(String, String, Int64)])
  func read(text: String, code: String, minorUnits: Int64) throws {
    #expect(try Money(decimal: text, currency: Currency(code)).minorUnits == minorUnits)
  }

  @Test(
    "nothing is rounded or guessed",
    arguments: [
      ("", "GBP"), ("-", "GBP"), (".", "GBP"), (".5", "GBP"), ("5.", "GBP"), ("1,234.50", "GBP"), ("1.2.3", "GBP"),
      ("1e3", "GBP"), ("--1", "GBP"), ("£1", "GBP"), ("1 ", "GBP"), ("٣", "GBP"), ("nan", "GBP"), ("1.005", "GBP"),
      ("0.5", "JPY"), ("1.2345", "KWD"), ("92233720368547758.08", "GBP"), ("99999999999999999999", "JPY"),
    ])
  func refuse(text: String, code: String) throws {
    let currency = try Currency(code)
    #expect(refusedField { () throws(InvalidField) in _ = try Money(decimal: text, currency: currency) } == "amount")
  }

  @Test("a code is one of ISO 4217", arguments: ["", "gbp", "GB", "GBPP", "XXX", "XAU", "ZZZ", "G P"])
  func currency(code: String) {
    #expect(refusedField { () throws(InvalidField) in _ = try Currency(code) } == "currency")
  }

  @Test("an amount is written and read again", arguments: ["GBP", "JPY", "KWD", "CLF"])
  func roundTrip(code: String) throws {
    var random = SplitMix(state: 5)
    let currency = try Currency(code)
    for bits in 0..<64 {
      for sign: Int64 in [1, -1] {
        let money = Money(minorUnits: sign &* Int64((random.next() >> UInt64(63 - bits)) >> 1), currency: currency)
        #expect(try Money(decimal: money.decimal, currency: currency) == money)
      }
    }
    #expect(
      try Money(decimal: Money(minorUnits: .min, currency: currency).decimal, currency: currency).minorUnits == .min)
    #expect(Money(minorUnits: -5, currency: try Currency("GBP")).description == "-0.05 GBP")
  }
}
