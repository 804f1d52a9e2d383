import Testing

@testable import Experimentation

@Suite("Assignment to arms")
struct AssignmentTests {
  private func point(_ salt: String, _ customer: String) -> UInt32 {
    Array(customer.utf8).withUnsafeBytes { Assignment(salt: salt).point(of: $0) }
  }

  @Test(
    "agrees with the documented vectors, which were computed elsewhere",
    arguments: [
      ("", "12347", 0x99d4_e6d8_ea94_a9d5, 600904),
      ("night-1", "12347", 0xcda2_a067_9482_5e0b, 803262),
      ("night-1", "12348", 0x9676_8477_fe7f_d09a, 587745),
      ("Sälz", "kündin-7", 0x51bd_1bc1_9dce_92e3, 319291),
    ] as [(String, String, UInt64, UInt32)])
  func vectors(salt: String, customer: String, hash: UInt64, expected: UInt32) {
    #expect(Array(customer.utf8).withUnsafeBytes { Assignment(salt: salt).hash(of: $0) } == hash)
    #expect(point(salt, customer) == expected)
  }

  @Test("spreads look-alike customers evenly under any salt", arguments: ["", "a", "night-2011-10-03", "1234567"])
  func uniform(salt: String) {
    let buckets = 100
    let customers = 100_000
    var counts = [Int](repeating: 0, count: buckets)
    for customer in 0..<customers { counts[Int(point(salt, "customer-\(customer)")) * buckets / 1_000_000] += 1 }
    let expected = Double(customers) / Double(buckets)
    let chiSquare = counts.map { (Double($0) - expected) * (Double($0) - expected) / expected }.reduce(0, +)
    // 99 degrees of freedom: below 161 in 9,999 of 10,000 fair draws; far below 50 would be too even to be chance.
    #expect(chiSquare < 161 && chiSquare > 50)
  }

  @Test("two salts assign independently of each other")
  func independent() {
    let customers = 40_000
    var both = 0
    for customer in 0..<customers where point("one", "\(customer)") < 500_000 && point("two", "\(customer)") < 500_000 {
      both += 1
    }
    // A quarter, give or take four standard deviations (87 each).
    #expect(abs(both - customers / 4) < 350)
  }

  @Test(
    "gives each arm the points of its weight, in order",
    arguments: [
      (0, [1_000_000], 0), (999_999, [1_000_000], 0), (99_999, [100_000, 900_000], 0),
      (100_000, [100_000, 900_000], 1),
      (0, [0, 1_000_000], 1), (999_999, [500_000, 500_000, 0], 1), (500_000, [500_000], nil), (0, [], nil),
      (999_999, [.max, .max], 0),
    ] as [(UInt32, [UInt32], Int?)])
  func arms(point: UInt32, weights: [UInt32], expected: Int?) {
    #expect(Assignment.arm(at: point, weights: weights) == expected)
  }

  @Test("a greater share for the first of two arms moves customers into it and none out")
  func monotone() {
    for customer in 0..<2_000 {
      let point = point("grow", "\(customer)")
      guard Assignment.arm(at: point, weights: [100_000, 900_000]) == 0 else { continue }
      #expect(Assignment.arm(at: point, weights: [300_000, 700_000]) == 0)
    }
  }
}
