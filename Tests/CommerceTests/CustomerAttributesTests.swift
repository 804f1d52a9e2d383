import Messages
import Testing

@testable import Commerce

@Suite("The groups that attributes put a customer into")
struct CustomerAttributesTests {
  @Test("the industry comes first, then free attributes by key, decade of birth, gender, country")
  func order() {
    var attributes = CustomerAttributes()
    attributes.country = "DE"
    attributes.gender = .female
    attributes.birthYear = 1987
    attributes.free = ["size": .text("large"), "b2b": .flag(true), "floors": .number(3)]
    attributes.industry = "brewing"
    #expect(
      attributes.groups.map(\.name) == [
        "industry=brewing", "@b2b=true", "@floors=3.0", "@size=large", "born=1980s", "gender=female", "country=DE",
      ])
    #expect(attributes.groups.map(\.attribute).suffix(3) == ["born", "gender", "country"])
    #expect(CustomerAttributes().groups.isEmpty)
  }

  @Test("what makes no name that a lists file could hold makes no group")
  func nameless() {
    var attributes = CustomerAttributes()
    attributes.free = [
      "long": .text(String(repeating: "x", count: 128)), "control": .text("a\u{7}b"), "empty": .text(""),
      String(repeating: "k", count: 125): .flag(true), "fits": .text(String(repeating: "y", count: 122)),
    ]
    #expect(attributes.groups.map(\.attribute) == ["@fits"])
  }

  @Test("they come back from the wire, and what the schema does not admit is refused by its field")
  func contract() throws {
    var attributes = CustomerAttributes()
    attributes.industry = "brewing"
    attributes.birthYear = 1900
    attributes.free = ["a": .number(1.5)]
    let read = try CustomerAttributes(validating: Encoded<Proto.CustomerAttributes> { attributes.fill($0) }.decode())
    #expect(read == attributes)
    let customer = Encoded<Proto.Customer> {
      $0.industry = "brewing"
      $0.birth_year = 1900
      $0.list(\.n_attributes, \.attributes, of: attributes.free, Attributes.fill)
    }
    #expect(try CustomerAttributes(of: customer.decode()) == attributes)
    let refused: [(String, (Draft<Proto.CustomerAttributes>) -> Void)] = [
      ("industry", { $0.industry = String(repeating: "x", count: 65) }), ("birth_year", { $0.birth_year = 5 }),
      ("gender", { $0.gender = Proto.Gender(rawValue: 9) }), ("country", { $0.country = "\u{1}" }),
      ("attributes[0].value", { $0.list(\.n_attributes, \.attributes, of: ["k"]) { $0.key = $1 } }),
    ]
    for (field, build) in refused {
      let error = #expect(throws: InvalidField.self) {
        _ = try CustomerAttributes(validating: Encoded<Proto.CustomerAttributes>(build).decode())
      }
      #expect(error?.field == field)
    }
  }
}
