import Foundation
import Testing

@testable import Learning

/// The United Kingdom of the Online Retail data that the repository carries.
@Suite struct OnlineRetailTests {
  static let file = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../data/online-retail/transactions.csv.xz").standardized

  private static func lines() throws -> [Substring] {
    let unpack = Process()
    unpack.executableURL = URL(filePath: "/usr/bin/env")
    unpack.arguments = ["xz", "-dc", file.path]
    let output = Pipe()
    unpack.standardOutput = output
    try unpack.run()
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    unpack.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n")
  }

  /// Rows whose product has no comma, which spares a test a CSV reader.
  private static func unitedKingdom() throws -> Interactions {
    var customers: [Substring: Int32] = [:]
    var products: [Substring: Int32] = [:]
    var rows: [Interactions.Row] = []
    for line in try lines() where line.hasSuffix(",United Kingdom") {
      let fields = line.split(separator: ",", omittingEmptySubsequences: false)
      guard fields.count == 6, let quantity = Int64(fields[3]) else { continue }
      let customer = customers[fields[1], default: Int32(customers.count)]
      let product = products[fields[2], default: Int32(products.count)]
      customers[fields[1]] = customer
      products[fields[2]] = product
      rows.append(
        .init(
          customer: customer, product: product, kind: quantity > 0 ? .purchase : .giveBack, time: time(fields[0]),
          quantity: abs(quantity)))
    }
    return Interactions(customers: customers.count, products: products.count, rows: rows)
  }

  /// µs of "2011-09-30T12:34:56Z".
  private static func time(_ text: Substring) -> Int64 {
    let parts = text.split { !$0.isNumber }.compactMap { Int($0) }
    let (year, month, day) = (parts[1] > 2 ? parts[0] : parts[0] - 1, (parts[1] + 9) % 12, parts[2])
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469
    return Int64((days * 24 + parts[3]) * 3_600 + parts[4] * 60 + parts[5]) * 1_000_000
  }

  @Test(
    "factors beat popularity in the United Kingdom, by RMSE, NDCG and hits",
    .enabled(if: FileManager.default.fileExists(atPath: file.path)))
  func unitedKingdomBeatsPopularity() throws {
    let data = try Self.unitedKingdom()
    let segments = CustomerSegments.none(customers: data.customers)
    let everything = [Bool](repeating: true, count: data.products)
    let cuts = Cuts(asOf: Self.time("2011-09-30T00:00:00Z"), horizonDays: Cuts.defaultHorizonDays)
    let calibrationRows = JudgingRows(of: data, window: cuts.calibrationWindow, eligible: everything, seed: 1)
    let rows = JudgingRows(of: data, window: cuts.judgingWindow, eligible: everything, seed: 2)
    #expect(rows.customers.count > 400)
    let judged = try [Recipe.als, .popularity].map { recipe in
      try TrainedModel.trained(
        recipe, on: data, segments: segments, cuts: cuts, calibrationRows: calibrationRows
      ).judgement(on: rows, of: data, segments: segments)
    }
    #expect(judged[0].rmse < judged[1].rmse)
    #expect(judged[0].ndcgAt10 > 1.3 * judged[1].ndcgAt10)
    #expect(judged[0].hitRateAt10 > 1.2 * judged[1].hitRateAt10)
    let bootstrap = Bootstrap(seed: 4)
    #expect(PairedDifference(first: judged[0].squaredErrors, second: judged[1].squaredErrors, bootstrap).high < 0)
  }
}
