import Testing

@testable import Learning

@Suite struct FeatureTests {
  private static let day = Shop.day

  private static func row(
    _ customer: Int32, _ product: Int32, _ kind: InteractionKind, day: Int64, revenue: Int64 = 0
  ) -> Interactions.Row {
    Interactions.Row(customer: customer, product: product, kind: kind, time: day * Self.day, revenue: revenue)
  }

  private static func values(
    _ rows: [Interactions.Row], asOf day: Int64, customer: Int = 0, product: Int = 0, traits: Traits? = nil
  ) -> [String: Float] {
    let history = Interactions(customers: 2, products: 2, rows: rows).history(through: day * Self.day)
    let table = FeatureTable(history, traits: traits ?? .none(customers: 2, products: 2))
    var row: [Float] = []
    table.append(table.customer(customer), product: product, to: &row)
    #expect(row.count == FeatureTable.names.count)
    return Dictionary(uniqueKeysWithValues: zip(FeatureTable.names, row))
  }

  @Test("acts are counted by customer, product and both, in the periods before the moment")
  func periods() {
    let rows = [
      Self.row(0, 0, .purchase, day: 99, revenue: 300), Self.row(0, 1, .purchase, day: 80, revenue: 500),
      Self.row(0, 1, .purchase, day: 50, revenue: 700), Self.row(1, 0, .purchase, day: 45, revenue: 100),
      Self.row(0, 0, .view, day: 98), Self.row(0, 0, .view, day: 85), Self.row(0, 0, .impression, day: 97),
      Self.row(0, 0, .click, day: 97), Self.row(1, 0, .impression, day: 20),
      Self.row(0, 1, .giveBack, day: 81, revenue: 200),
    ]
    let found = Self.values(rows, asOf: 100)
    #expect(found["customer-purchases-week"] == 1 && found["customer-purchases-month"] == 2)
    #expect(found["customer-purchases"] == 3 && found["customer-frequency"] == 3 && found["customer-recency"] == 1)
    #expect(found["customer-spending-month"] == 600 && found["customer-tenure"] == 50)
    #expect(found["customer-views-week"] == 2 && found["customer-views-month"] == 3)
    #expect(found["product-purchases"] == 2 && found["product-purchases-month"] == 1)
    #expect(found["product-impressions"] == 2 && found["customer-impressions"] == 1)
    #expect(found["pair-views-week"] == 2 && found["pair-impressions"] == 1 && found["pair-days-since-act"] == 2)
    #expect(abs((found["customer-spending-rise"] ?? 0) + 0.15391) < 1e-4)
    #expect(abs((found["pair-response-rate"] ?? 0) - 1.0 / 11) < 1e-6)
  }

  @Test("rows after the moment change nothing", arguments: 1...10)
  func noLeakage(seed: UInt64) {
    let shop = Shop.interactions(seed: seed)
    let cut = 60 * Shop.day
    let all = shop.history(through: Shop.end).acts.map { $0 }
    let past = Interactions(
      customers: shop.customers, products: shop.products, rows: all.filter { $0.time <= cut })
    let traits = Traits.none(customers: shop.customers, products: shop.products)
    let seen = FeatureTable(shop.history(through: cut), traits: traits)
    let alone = FeatureTable(past.history(through: cut), traits: traits)
    let later = FeatureTable(shop.history(through: Shop.end), traits: traits)
    var rows: [[Float]] = [[], [], []]
    for customer in 0..<shop.customers {
      for product in 0..<shop.products {
        for (index, table) in [seen, alone, later].enumerated() {
          table.append(table.customer(customer), product: product, to: &rows[index])
        }
      }
    }
    let bits = rows.map { $0.map(\.bitPattern) }
    #expect(bits[0] == bits[1])
    #expect(bits[0] != bits[2])
  }

  @Test("affinities say what a category, a segment and a region take more of than all do")
  func affinities() {
    let rows = (0..<40).map { (number: Int) in
      let who: Int32 = number.isMultiple(of: 4) ? 1 : 0
      return Self.row(who, who, .purchase, day: Int64(number))
    }
    let groups = CustomerSegments(names: ["a", "b"], ofCustomer: [0, 1])
    let traits = Traits(
      segments: groups, regions: groups, categories: ProductCategories(names: ["x", "y"], ofProduct: [0, 1]))
    let own = Self.values(rows, asOf: 100, customer: 1, product: 1, traits: traits)
    let other = Self.values(rows, asOf: 100, customer: 1, product: 0, traits: traits)
    for name in ["category-affinity", "segment-affinity", "region-affinity"] {
      #expect((own[name] ?? 0) > 0.3 && (other[name] ?? 0) < -0.3)
    }
    #expect(own["segment"] == groupCode("b") && own["region"] == groupCode("b") && own["category"] == groupCode("y"))
    let unknown = Self.values(rows, asOf: 100)
    #expect(unknown["segment"]?.isNaN == true && unknown["segment-affinity"]?.isNaN == true)
  }

  @Test(
    "pay-day is the last working day of the month",
    // Days since 1970-01-01, a Thursday; reckoned with Python's datetime.
    arguments: [
      (0, 29), (29, 0), (30, 27), (58, 31), (-1, 0), (15064, 0), (15332, 6),
      (15333, 5), (15338, 0), (15339, 31), (11016, 0), (-25509, 0), (20000, 27),
    ])
  func payDay(day: Int64, days: Int) {
    #expect(BusinessCalendar(time: day * Self.day).daysToPayDay == days)
  }

  @Test("the season turns once a year")
  func season() {
    let newYear = BusinessCalendar(time: 0)
    #expect(newYear.seasonSine == 0 && newYear.seasonCosine == 1)
    let july = BusinessCalendar(time: 182 * Self.day)
    #expect(july.seasonCosine < -0.99)
    let nextNewYear = BusinessCalendar(time: 365 * Self.day)
    #expect(nextNewYear.seasonSine == 0 && nextNewYear.seasonCosine == 1)
  }
}
