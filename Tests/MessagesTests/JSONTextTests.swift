import CNightjarProto
import Messages
import Testing

@Suite("Messages: JSON for people and scripts")
struct JSONTextTests {
  @Test("a message has its fields by the contract's names, with absent submessages and unset members left out")
  func wholeMessage() throws {
    let price = Encoded<Proto.Product> { draft in
      draft.id = "p \"1\"\n"
      draft.message(\.price) { price in
        price.minor_units = -5
        price.currency = "GBP"
      }
      draft.strings(\.n_regions, \.regions, ["nord", "süd"])
      draft.list(\.n_attributes, \.attributes, of: [1.5, .nan]) { attribute, value in
        attribute.key = "k"
        attribute.value_case = .number
        attribute.number = value
      }
    }
    #expect(
      try price.decode().json
        == #"{"id":"p \"1\"\n","name":"","category_path":[],"price":{"minor_units":-5,"currency":"GBP"},"#
        + #""available_from_us":0,"available_until_us":0,"regions":["nord","süd"],"#
        + #""attributes":[{"key":"k","number":1.5},{"key":"k","number":"NaN"}]}"#)
  }

  @Test("an enum is its name, and its number where the contract has none")
  func enums() throws {
    let known = Encoded<Proto.SetModeRequest> { $0.mode = .frozen }
    #expect(try known.decode().json.contains(#""mode":"MODE_FROZEN""#))
    let unknown = Encoded<Proto.SetModeRequest> { $0.mode = Proto.Mode(rawValue: 77) }
    #expect(try unknown.decode().json.contains(#""mode":77"#))
  }

  @Test(
    "bytes are base64",
    arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")])
  func bytes(plain: String, encoded: String) throws {
    let grant = Encoded<Proto.SignedGrant> { $0.grant = Array(plain.utf8) }
    #expect(try grant.decode().json == #"{"grant":"\#(encoded)","signature":"","certificate":""}"#)
  }

  @Test("columns of numbers are lists")
  func columns() throws {
    let columns = Encoded<Proto.EventColumns> { draft in
      draft.scalars(\.n_quantity, \.quantity, [Int64.min, -1, .max])
      draft.scalars(\.n_rating, \.rating, [0.5, -.infinity])
      draft.scalars(\.n_customer, \.customer, [UInt32.max])
    }
    let json = try columns.decode().json
    #expect(json.contains(#""quantity":[-9223372036854775808,-1,9223372036854775807]"#))
    #expect(json.contains(#""rating":[0.5,"-Infinity"]"#))
    #expect(json.contains(#""customer":[4294967295]"#))
  }
}
