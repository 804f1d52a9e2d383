import Foundation
import Testing

@testable import Learning

@Suite struct MetricsTests {
  @Test("NDCG and hits agree with scikit-learn")
  func ranking() throws {
    for reference in try Reference.load().ranking {
      let relevant = Set(reference.relevant)
      #expect(abs(Metrics.ndcg(reference.list, relevant: relevant) - reference.ndcg) < 1e-6)
      #expect(Metrics.hit(reference.list, relevant: relevant) == reference.hit)
    }
  }

  @Test("the calibration and its RMSE agree with scikit-learn")
  func calibration() throws {
    let reference = try Reference.load().calibration
    let calibration = Calibration(scores: reference.scores, answers: reference.answers)
    #expect(abs(calibration.slope - reference.slope) < 1e-6)
    #expect(abs(calibration.intercept - reference.intercept) < 1e-6)
    let errors = zip(reference.scores, reference.answers).map { calibration.probability($0) - ($1 ? 1 : 0) }
    #expect(abs(Metrics.rootMeanSquare(errors) - reference.rmse) < 1e-6)
  }

  @Test("a calibration of answers that are all alike, or separated, stays finite")
  func extremeCalibrations() {
    #expect(Calibration(scores: [1, 2], answers: [true, true]) == .uninformed)
    #expect(Calibration(scores: [], answers: []) == .uninformed)
    let separated = Calibration(scores: (0..<100).map(Double.init), answers: (0..<100).map { $0 >= 50 })
    #expect(separated.slope.isFinite && separated.intercept.isFinite && separated.slope > 0)
    let flat = Calibration(scores: [Double](repeating: 3, count: 10), answers: (0..<10).map { $0 < 4 })
    #expect(abs(flat.probability(3) - 5 * (5.0 / 6) / 12 - 7 * (1.0 / 8) / 12) < 0.05)
    #expect(Calibration(slope: 1e6, intercept: 0).probability(1e6) == 1)
    #expect(Calibration(slope: 1e6, intercept: 0).probability(-1e6) == 0)
  }

  @Test("the paired difference agrees with scipy, its resampled interval nearly with the normal one")
  func paired() throws {
    let reference = try Reference.load().paired
    let difference = PairedDifference(first: reference.first, second: reference.second, Bootstrap(seed: 1))
    #expect(abs(difference.mean - reference.mean) < 1e-6)
    let width = reference.high - reference.low
    #expect(abs(difference.low - reference.low) < 0.15 * width && abs(difference.high - reference.high) < 0.15 * width)
    #expect(difference == PairedDifference(first: reference.first, second: reference.second, Bootstrap(seed: 1)))
    #expect(difference != PairedDifference(first: reference.first, second: reference.second, Bootstrap(seed: 2)))
    #expect(PairedDifference(first: [1], second: [2], Bootstrap(seed: 1)).low == -.infinity)
  }

  @Test("the best products are those that a full sort puts first", arguments: 1...20)
  func topProducts(seed: UInt64) {
    var random = Xoshiro256(seed: seed)
    let eligible = (0..<200).map { _ in random.nextUnit() < 0.8 }
    var top = TopProducts(length: 10, eligible: eligible)
    for _ in 0..<5 {
      let odd = [Float.nan, .infinity, -.infinity, -0.0, 0, .leastNonzeroMagnitude]
      let scores = (0..<200).map { _ in
        random.nextUnit() < 0.2 ? odd[random.nextIndex(below: odd.count)] : Float(random.nextIndex(below: 50)) - 40
      }
      let bought = (0..<200).filter { _ in random.nextUnit() < 0.1 }.map(Int32.init)
      let expected = (0..<200).filter { eligible[$0] && scores[$0].isFinite && !bought.contains(Int32($0)) }
        .sorted { (-scores[$0], $0) < (-scores[$1], $1) }.prefix(10).map(Int32.init)
      #expect(top.select(scores, excluding: bought[...]).map(\.product) == expected)
    }
  }
}
