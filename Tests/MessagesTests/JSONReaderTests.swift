import CNightjarProto
import Messages
import Testing

@Suite("Messages: JSON read as the contract has it")
struct JSONReaderTests {
  private func read<M: Message>(_ json: String, as _: M.Type = M.self) throws -> View<M> {
    try Encoded<M>(unchecked: try MessageType(M.self).encode(json: json)).decode()
  }

  private func problem(_ json: String, _ type: MessageType = MessageType(Proto.Product.self)) -> String {
    do throws(JSONError) {
      _ = try type.encode(json: json)
      return "accepted"
    } catch {
      return error.description
    }
  }

  @Test("what is written as JSON is read as the same message, to the byte")
  func roundTrip() throws {
    let product = Encoded<Proto.Product> { draft in
      draft.id = "p \"1\"\n\u{1}é😀"
      draft.message(\.price) { price in
        price.minor_units = -5
        price.currency = "GBP"
      }
      draft.strings(\.n_regions, \.regions, ["nord", "", "süd"])
      draft.available_from_us = .min
      draft.list(\.n_attributes, \.attributes, of: [0, 1.5, -0.0, .infinity]) { attribute, value in
        attribute.key = "k"
        attribute.value_case = .number
        attribute.number = value
      }
    }
    let type = MessageType(Proto.Product.self)
    #expect(try type.encode(json: product.decode().json) == product.bytes)
    #expect(try type.json(product.bytes) == product.decode().json)
    let columns = Encoded<Proto.EventColumns> { draft in
      draft.scalars(\.n_quantity, \.quantity, [Int64.min, -1, 0, .max])
      draft.scalars(\.n_rating, \.rating, [0.5, -.infinity])
      draft.scalars(\.n_customer, \.customer, [UInt32.max, 0])
    }
    let again: View<Proto.EventColumns> = try read(columns.decode().json)
    #expect(again.encoded() == columns)
  }

  @Test("names of both kinds, numbers of every spelling, enums by name and number, null for nothing")
  func leniency() throws {
    let product: View<Proto.Product> = try read(
      #" { "id" : "p", "categoryPath":["a"], "availableFromUs":"-12", "available_until_us":1.2e3,"price":null } "#)
    #expect(product.id == "p" && product.available_from_us == -12 && product.available_until_us == 1_200)
    #expect(product.strings(\.n_category_path, \.category_path) == ["a"] && product.price == nil)
    let named: View<Proto.SetModeRequest> = try read(
      #"{"mode":"MODE_FROZEN","expectedGeneration":"18446744073709551615"}"#)
    #expect(named.mode == .frozen && named.expected_generation == .max)
    let numbered: View<Proto.SetModeRequest> = try read(#"{"mode":77}"#)
    #expect(numbered.mode.rawValue == 77)
    let empty: View<Proto.Product> = try read("{}")
    #expect(empty.id.isEmpty)
    let score: View<Proto.Recommendation> = try read(#"{"score":"NaN","product":"\u00e9\ud83d\ude00\/\b"}"#)
    #expect(score.score.isNaN && score.product == "é😀/\u{8}")
  }

  @Test(
    "base64 of either alphabet, padded or not",
    arguments: [
      ("", ""), ("Zg==", "f"), ("Zg", "f"), ("Zm9vYg==", "foob"), ("_-8=", "\u{ff}\u{ef}"), ("/+8", "\u{ff}\u{ef}"),
    ])
  func base64(text: String, expected: String) throws {
    let grant: View<Proto.SignedGrant> = try read(#"{"grant":"\#(text)"}"#)
    #expect(grant.grant == expected.unicodeScalars.map { UInt8($0.value) })
  }

  private static let problems: [(String, String)] = [
    (#"{"id":1}"#, "id: expected a string (at byte 6)"),
    (#"{"name":"a","name":"b"}"#, "name: the field stands twice"),
    (#"{"colour":"red"}"#, "colour: nightjar.v1.Product has no such field; it has id, name"),
    (#"{"price":{"currency":"GBP","minorUnits":1.5}}"#, "price.minorUnits: '1.5' is no whole number"),
    (#"{"price":{"minorUnits":9223372036854775808}}"#, "price.minorUnits: '9223372036854775808' is no whole number"),
    (#"{"regions":["a",7]}"#, "regions[1]: expected a string"),
    (#"{"regions":["a" "b"]}"#, "regions: expected ',' or ']'"),
    (#"{"regions":["a",null]}"#, "regions[1]: expected a string"),
    (#"{"attributes":[{"key":"k","number":1,"text":"t"}]}"#, "attributes[0].text: only one of its kind"),
    (#"{"attributes":[{"number":1e999}]}"#, "attributes[0].number: '1e999' is no double"),
    (#"{"attributes":[{"number":"Infinit"}]}"#, "attributes[0].number: 'Infinit' is no double"),
    (#"{"attributes":[{"flag":1}]}"#, "attributes[0].flag: expected true or false"),
    (#"{"id":"a"} x"#, "something follows the message"),
    (#"{"id":"a",}"#, "expected a string"),
    (#"["id"]"#, "expected an object: nightjar.v1.Product"),
    (#"{"id":"a"#, "id: the string does not end"),
    (#"{"id":"\ud800"}"#, "id: half a surrogate pair"),
    (#"{"id":"\ud800\u0041"}"#, "id: half a surrogate pair"),
    (#"{"id":"\u12g4"}"#, "id: four hexadecimal digits"),
    (#"{"id":"\x"}"#, "id: no such escape"),
    (#"{"id":"\u0000"}"#, "id: the string holds a NUL"),
    ("{\"id\":\"a\nb\"}", "id: a control character"),
    (#"{"price":{"minorUnits":01}}"#, "price: expected ',' or '}'"),
    (#"{"price":{"minorUnits":-}}"#, "price.minorUnits: no number"),
    (#"{"price":{"minorUnits":"0x10"}}"#, "price.minorUnits: '0x10' is no whole number"),
    ("", "expected an object"), ("{", "expected a string"), ("nul", "expected an object"),
  ]

  @Test("what it is not is said with its path, its place and what would be right", arguments: problems)
  func refusals(json: String, expected: String) {
    #expect(problem(json).hasPrefix(expected), "\(problem(json))")
  }

  @Test("bytes that are not UTF-8, enums that there are not, base64 that is none")
  func moreRefusals() {
    let bytes: [UInt8] = Array(#"{"id":""#.utf8) + [0xff] + Array(#""}"#.utf8)
    let type = MessageType(Proto.Product.self)
    #expect(throws: JSONError.self) { try bytes.withUnsafeBytes { try type.encode(json: $0) } }
    let mode = problem(#"{"mode":"MODE_WILD"}"#, MessageType(Proto.SetModeRequest.self))
    #expect(mode.contains("'MODE_WILD' is none of MODE_UNKNOWN, MODE_ON"))
    for text in ["Z", "Zg=a", "Z*==", "Zh"] {
      #expect(problem(#"{"grant":"\#(text)"}"#, MessageType(Proto.SignedGrant.self)).contains("base64"), "\(text)")
    }
  }

  @Test("arbitrary bytes and damaged texts never crash it", arguments: 0..<4 as Range<UInt64>)
  func noise(seed: UInt64) {
    var state = seed &+ 1
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let seeds = Self.problems.map { Array($0.0.utf8) }
    let type = MessageType(Proto.Product.self)
    for _ in 0..<2_000 {
      var text = seeds[random(seeds.count)]
      for _ in 0..<1 + random(4) where !text.isEmpty {
        let place = random(text.count)
        switch random(3) {
        case 0: text[place] = UInt8(random(256))
        case 1: text.remove(at: place)
        default: text.insert(contentsOf: seeds[random(seeds.count)].prefix(random(20)), at: place)
        }
      }
      guard let encoded = try? text.withUnsafeBytes({ try type.encode(json: $0) }) else { continue }
      #expect(throws: Never.self) { try type.json(encoded) }
    }
  }

  @Test("Google's Python library reads and writes the same")
  func reference() throws {
    // python3-protobuf 3.21: json_format.ParseDict(…, Customer()).SerializeToString().hex()
    let json =
      #"{"id":"c-1","birthYear":1970,"permissions":{"email":true},"firstSeenUs":"1317340800000000","#
      + #""attributes":[{"key":"a","text":""},{"key":"b","number":0},{"key":"c","flag":false}]}"#
    let expected = try #require(Self.hex(Self.referenceHex))
    #expect(try MessageType(Proto.Customer.self).encode(json: json) == expected)
  }

  private static let referenceHex =
    "0a03632d3140b20f4880c0baf3d4c3ab02520208015a050a016112005a0c0a01621900000000000000005a050a01632000"

  private static func hex(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
      UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16) ?? 0
    }
  }
}
