import CNightjarProto
import Messages
import Testing

@Suite("Messages: what is written is read")
struct RoundTripTests {
  /// A customer that uses every kind of field the contract has but repeated scalars.
  static func customer() -> Encoded<Proto.Customer> {
    Encoded { draft in
      draft.id = "c-17"
      draft.country = "Österreich"
      draft.birth_year = 1984
      draft.first_seen_us = -1
      draft.gender = .female
      draft.message(\.permissions) { permissions in permissions.phone = true }
      draft.list(\.n_attributes, \.attributes, of: ["size", "vip"]) { attribute, key in
        attribute.key = key
        if key == "size" {
          attribute.value_case = .number
          attribute.number = 2.5
        } else {
          attribute.value_case = .flag
          attribute.flag = true
        }
      }
    }
  }

  @Test("every kind of field comes back")
  func everyField() throws {
    let view = try Self.customer().decode()
    #expect(view.id == "c-17")
    #expect(view.country == "Österreich")
    #expect(view.birth_year == 1984)
    #expect(view.first_seen_us == -1)
    #expect(view.gender == Proto.Gender.female)
    #expect(view.permissions?.phone == true)
    #expect(view.permissions?.email == false)
    let attributes = view.list(\.n_attributes, \.attributes)
    #expect(attributes.map(\.key) == ["size", "vip"])
    #expect(attributes[0].value_case == .number)
    #expect(attributes[0].number == 2.5)
    #expect(attributes[1].flag)
    #expect(view.withUTF8(\.id) { Array($0) } == Array("c-17".utf8))
    #expect(view.encoded() == Self.customer())
  }

  @Test("what the sender left out reads as the contract says")
  func absent() throws {
    let view = try Encoded<Proto.Customer> { _ in }.decode()
    #expect(view.id.isEmpty)
    #expect(view.permissions == nil)
    #expect(view.list(\.n_attributes, \.attributes).isEmpty)
    #expect(view.birth_year == 0)
    #expect(view.encoded().bytes.isEmpty)
  }

  @Test("repeated scalars, strings and bytes come back")
  func repeatedScalars() throws {
    let columns = try Encoded<Proto.EventColumns> { draft in
      draft.strings(\.n_customer_ids, \.customer_ids, ["a", "", "ü"])
      draft.scalars(\.n_customer, \.customer, [0, 2, .max])
      draft.scalars(\.n_occurred_at_delta_us, \.occurred_at_delta_us, [.min, 0, .max])
      draft.scalars(\.n_rating, \.rating, [1.5, -.infinity])
      draft.scalars(\.n_kind, \.kind, [Proto.EventKind.view, .rating])
    }.decode()
    #expect(columns.strings(\.n_customer_ids, \.customer_ids) == ["a", "", "ü"])
    #expect(columns.scalars(\.n_customer, \.customer) == [0, 2, .max])
    #expect(columns.scalars(\.n_occurred_at_delta_us, \.occurred_at_delta_us) == [.min, 0, .max])
    #expect(columns.scalars(\.n_rating, \.rating) == [1.5, -.infinity])
    #expect(columns.scalars(\.n_kind, \.kind) == [Proto.EventKind.view, .rating])
    let signed = try Encoded<Proto.SignedGrant> { $0.signature = [0, 255, 0] }.decode()
    #expect(signed.signature == [0, 255, 0])
    #expect(signed.grant.isEmpty)
  }

  @Test("the bytes are those of protobuf, as Google's Python library writes them")
  func golden() {
    // python3 -c "..." with protobuf 7.36: Customer(id='c-17', birth_year=1984, first_seen_us=-1, gender=1,
    // permissions=ContactPermissions(phone=True)).SerializeToString().hex()
    let encoded = Encoded<Proto.Customer> { draft in
      draft.id = "c-17"
      draft.birth_year = 1984
      draft.first_seen_us = -1
      draft.gender = .female
      draft.message(\.permissions) { $0.phone = true }
    }
    let hex = "0a04632d3137380140c00f48ffffffffffffffffff0152021001"
    #expect(encoded.bytes.map { String(($0 >> 4), radix: 16) + String($0 & 15, radix: 16) }.joined() == hex)
  }

  @Test("a view outlives the bytes, the encoder and the other views")
  func lifetime() throws {
    var name: View<Proto.Attribute>? = try Self.customer().decode().list(\.n_attributes, \.attributes)[0]
    #expect(name?.key == "size")
    name = nil
  }

  @Test("a decoded message can be part of another")
  func sharing() throws {
    let attribute = { try Encoded<Proto.Rating> { $0.value = 4.5 }.decode() }
    let event = Encoded<Proto.Event> { draft in
      draft.id = "e"
      if let rating = try? attribute() { draft.message(\.rating, sharing: rating) }
    }
    #expect(try event.decode().rating?.value == 4.5)
  }

  @Test("an arena that is reset serves the next message from the same memory")
  func reuse() throws {
    let arena = Arena(limit: 1 << 16)
    for round in 0..<1000 {
      let draft = Draft<Proto.GetRecommendationsRequest>(in: arena)
      draft.tenant = "t\(round)"
      draft.limit = UInt32(round)
      var bytes = [UInt8](repeating: 0, count: draft.packedSize)
      #expect(bytes.withUnsafeMutableBytes { draft.pack(into: $0) } == bytes.count)
      let view = try bytes.withUnsafeBytes { try arena.decode(Proto.GetRecommendationsRequest.self, from: $0) }
      #expect(view.tenant == "t\(round)")
      #expect(view.limit == UInt32(round))
      arena.reset()
    }
  }
}
