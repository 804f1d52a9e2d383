import Foundation
import Testing

@testable import Learning

@Suite struct HistoryTests {
  private let day = Shop.day

  private func interest(_ rows: [Interactions.Row], cut: Int64, halfLife: Double = 0) -> Double {
    let interactions = Interactions(customers: 1, products: 1, rows: rows)
    return Double(interactions.history(through: cut).interest(halfLifeDays: halfLife).row(0).first?.value ?? 0)
  }

  private func row(_ kind: InteractionKind, day: Int64, _ quantity: Int64 = 1, rating: Double = .nan)
    -> Interactions.Row
  {
    .init(customer: 0, product: 0, kind: kind, time: day * self.day, quantity: quantity, rating: rating)
  }

  @Test("a purchase counts the logarithm of its units and halves with each half-life")
  func decay() {
    #expect(interest([row(.purchase, day: 0, 7)], cut: 0) == 3)
    #expect(interest([row(.purchase, day: 0, 7)], cut: 20 * day, halfLife: 10) == 0.75)
    #expect(interest([row(.purchase, day: 0, 7)], cut: 20 * day, halfLife: 0) == 3)
  }

  @Test("a return takes back the latest units first")
  func returns() {
    let bought = [row(.purchase, day: 0, 3), row(.purchase, day: 10, 5)]
    #expect(interest(bought + [row(.giveBack, day: 11, 5)], cut: 11 * day) == 2)
    #expect(interest(bought + [row(.giveBack, day: 11, 4)], cut: 11 * day) == 3)
    #expect(interest(bought + [row(.giveBack, day: 11, 8)], cut: 11 * day) == 0)
    #expect(interest(bought + [row(.giveBack, day: 11, 99)], cut: 11 * day) == 0)
    #expect(interest([row(.giveBack, day: 0, 5), row(.purchase, day: 1, 1)], cut: day) == 1)
  }

  @Test("other acts count by their kind, and ratings when not below the mean")
  func kinds() {
    #expect(abs(interest([row(.view, day: 0), row(.click, day: 0)], cut: 0) - 0.3) < 1e-6)
    #expect(interest([row(.impression, day: 0), row(.reject, day: 0)], cut: 0) == 0)
    #expect(interest([row(.rating, day: 0, rating: 2), row(.rating, day: 0, rating: 4)], cut: 0) == 1)
  }

  @Test("nothing after the cut is seen", arguments: [-1, 0, 3, 119, 500])
  func cut(day: Int64) {
    let interactions = Shop.interactions()
    let history = interactions.history(through: day * Shop.day)
    #expect(history.count == interactions.time.count { $0 <= day * Shop.day })
    var bought = Set<[Int32]>()
    for row in 0..<interactions.count where interactions.kind[row] == .purchase {
      if interactions.time[row] <= day * Shop.day {
        bought.insert([interactions.customer[row], interactions.product[row]])
      }
    }
    let purchases = history.purchases()
    #expect(purchases.count == bought.count)
    #expect(bought.allSatisfy { purchases.contains($0[1], in: Int($0[0])) })
  }

  @Test("the order of arrival leaves no trace")
  func order() {
    let rows = (0..<50).map {
      Interactions.Row(customer: $0 % 5, product: $0 % 7, kind: .purchase, time: Int64($0 % 3))
    }
    let forward = Interactions(customers: 5, products: 7, rows: rows)
    let backward = Interactions(customers: 5, products: 7, rows: rows.reversed())
    #expect(forward.customer == backward.customer && forward.product == backward.product)
  }

  @Test("a transposed matrix holds the same values the other way round")
  func transposed() {
    let matrix = Shop.interactions().history(through: Shop.end).interest(halfLifeDays: 0)
    let other = matrix.transposed()
    for row in 0..<matrix.rows {
      for (column, value) in matrix.row(row) { #expect(other.row(column).contains { $0 == (row, value) }) }
    }
    #expect(other.count == matrix.count)
  }
}
