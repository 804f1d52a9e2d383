import Commerce
import Testing

@Suite("Commerce: ids")
struct IdentifierTests {
  @Test(
    "an id has 1 to 128 bytes",
    arguments: [(0, false), (1, true), (127, true), (128, true), (129, false), (4096, false)])
  func length(bytes: Int, isAdmitted: Bool) {
    #expect((refusedField { () throws(InvalidField) in _ = try CustomerID(text(bytes)) } == nil) == isAdmitted)
    // Bytes count, not characters.
    let wide = String(repeating: "ü", count: bytes / 2) + text(bytes % 2)
    #expect((refusedField { () throws(InvalidField) in _ = try CustomerID(wide) } == nil) == isAdmitted)
  }

  @Test("control characters are refused wherever they stand, others are not")
  func characters() {
    for value in UInt32(0)...0x2ff {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let isControl = scalar.properties.generalCategory == .control
      for text in ["\(scalar)", "a\(scalar)", "\(scalar)b", "a\(scalar)b", "ü\(scalar)漢"] {
        let refused = refusedField { () throws(InvalidField) in _ = try ProductID(text) }
        #expect((refused != nil) == isControl, "U+\(String(value, radix: 16)) in '\(text)'")
      }
    }
  }

  @Test("ids that only look alike are different ids")
  func lookalikes() throws {
    let (composed, decomposed) = (try CustomerID("caf\u{e9}"), try CustomerID("cafe\u{301}"))
    #expect(composed.rawValue == decomposed.rawValue && composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
    #expect(decomposed < composed && !(composed < decomposed))
  }

  @Test("a refusal names the field, what is wrong, and the limit")
  func message() {
    #expect {
      try EventID(text(200), field: "events.id")
    } throws: { error in
      "\(error)" == "events.id has 200 bytes; at most 128 are admitted"
    }
  }

  @Test(
    "a tenant is a DNS label",
    arguments: [
      ("uk", true), ("a", true), ("0", true), ("united-kingdom-2", true), (text(63), true), (text(64), false),
      ("", false),
      ("-uk", false), ("uk-", false), ("-", false), ("UK", false), ("u_k", false), ("u.k", false), ("../uk", false),
      ("ü", false), ("u k", false), ("uk\n", false), ("uk\0", false),
    ])
  func tenant(label: String, isAdmitted: Bool) {
    #expect((refusedField { () throws(InvalidField) in _ = try TenantID(label) } == nil) == isAdmitted)
  }
}
