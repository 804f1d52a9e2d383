import Foundation
import Testing

@testable import Learning

/// Values computed with myFM and scikit-learn by `Fixtures/machine.py`.
private struct Machine: Decodable {
  struct Posterior: Decodable {
    let x: [Double]
    let y: [Double]
    let noise: Double
    let priorMean: Double
    let priorPrecision: Double
    let mean: Double
    let variance: Double
  }

  let users: Int
  let items: Int
  /// Rows of train; the others are judged.
  let ratings: Int
  let factors: Int
  let side: [Int]
  let user: [Int32]
  let item: [Int32]
  let value: [Double]
  let predictions: [Double]
  let rmse: Double
  let mae: Double
  let posterior: Posterior

  var all: Observations {
    Observations(
      users: users, items: items, user: user, item: item, time: [Double](repeating: 0, count: value.count), value: value
    )
  }

  static func load() throws -> Machine {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/machine.json")
    return try JSONDecoder().decode(Machine.self, from: Data(contentsOf: file))
  }
}

@Suite("the factorisation machine, against reference values") struct FactorisationMachineTests {
  @Test("RMSE and MAE agree with scikit-learn")
  func metrics() throws {
    let machine = try Machine.load()
    let errors = zip(machine.predictions, machine.value[machine.ratings...]).map { $0 - $1 }
    #expect(abs(Metrics.rootMeanSquare(errors) - machine.rmse) < 1e-6)
    #expect(abs(Metrics.meanAbsolute(errors) - machine.mae) < 1e-6)
  }

  @Test("a long chain predicts what myFM's long chain does", arguments: [1, 2])
  func chain(seed: UInt64) throws {
    let machine = try Machine.load()
    let all = machine.all
    let asked = all.rows(machine.ratings..<all.count)
    let users = SideInformation(entities: machine.users, attributes: [machine.side.map { [(feature: $0, value: 1)] }])
    let predictions = try FactorisationMachine(factors: machine.factors, samples: 1_500, burnIn: 200).predictions(
      train: all.rows(0..<machine.ratings), asked: asked, users: users,
      items: SideInformation(entities: machine.items), seed: seed)
    let rmse = Metrics.rootMeanSquare(zip(predictions, asked.value).map { $0 - $1 })
    #expect(abs(rmse - machine.rmse) < 0.01)
    #expect(Metrics.rootMeanSquare(zip(predictions, machine.predictions).map { $0 - $1 }) < 0.05)
  }

  @Test("one parameter's draws have its conjugate posterior's mean and variance")
  func posterior() throws {
    let reference = try Machine.load().posterior
    let prior = FeatureBlock.Prior(mean: reference.priorMean, precision: reference.priorPrecision)
    let square = reference.x.reduce(0) { $0 + $1 * $1 }
    let product = zip(reference.x, reference.y).reduce(0) { $0 + $1.0 * $1.1 }
    var random = Xoshiro256(seed: 1)
    let count = 40_000.0
    let draws = (0..<Int(count)).map { _ in FeatureBlock.draw(prior, reference.noise, square, product, &random) }
    let mean = draws.reduce(0, +) / count
    let variance = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
    // Five standard errors.
    #expect(abs(mean - reference.mean) < 5 * (reference.variance / count).squareRoot())
    #expect(abs(variance - reference.variance) < 5 * reference.variance * (2 / count).squareRoot())
  }

  @Test("passes that settle as they sum keep residuals that are those of the parameters", arguments: [1, 40])
  func residuals(sweeps: Int) throws {
    let machine = try Machine.load()
    let plain = machine.all
    let all = Observations(
      users: plain.users, items: plain.items, user: plain.user, item: plain.item,
      time: (0..<plain.count).map { Double($0 % 7 * 40) }, value: plain.value)
    let users = SideInformation(entities: machine.users, attributes: [machine.side.map { [(feature: $0, value: 1)] }])
    var sampler = GibbsSampler(
      train: all, users: users.adding(rated: all.pairs()),
      items: SideInformation(entities: machine.items).adding(rated: all.pairsByItem()), factors: 3, usesTime: true,
      seed: 1)
    for _ in 0..<sweeps { sampler.sweep() }
    var predicted = [Double](repeating: 0, count: machine.value.count)
    let runs = try #require(sampler.sittings).runs(of: all)
    sampler.addPredictions(of: all, in: runs, to: &predicted)
    var (block, residuals) = (sampler.users, sampler.residual)
    block.gather(sampler.items, settling: 2, for: nil, &residuals)
    let order = RatingLists.both(all).order
    for (slot, row) in order.enumerated() {
      #expect(abs(Double(residuals[slot]) - (machine.value[row] - predicted[row])) < 1e-4)
    }
  }
}
