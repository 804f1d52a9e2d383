/// A family of rating models with every option that it takes.
public struct RatingRecipe: Hashable, Sendable {
  /// The kinds of rating models.
  public enum Family: String, CaseIterable, Sendable {
    /// Biased matrix factorisation.
    case mf
    /// Bayesian factorisation machine.
    case fm
  }

  /// Its family.
  public let family: Family
  /// Value of each option of the family.
  public let options: [String: Double]

  /// Defaults and ranges, chosen on the last fifths of training ratings.
  private static func choices(_ family: Family) -> [String: (value: Double, range: ClosedRange<Double>)] {
    switch family {
    case .mf:
      [
        "factors": (50, 1...1024), "lambda": (0.12, 1e-6...1e6), "rate": (0.012, 1e-6...1), "epochs": (60, 1...10_000),
      ]
    case .fm:
      ["factors": (10, 1...1024), "samples": (400, 1...100_000), "burn-in": (100, 0...100_000), "implicit": (0, 0...1)]
    }
  }

  /// A recipe with defaults for what is not given. Throws `unusableOption` for an option unknown or out of range.
  public init(_ family: Family, options given: [String: Double]) throws(LearningError) {
    let choices = Self.choices(family)
    for (option, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let range = choices[option]?.range else {
        let names = choices.keys.sorted().joined(separator: ", ")
        throw .unusableOption("\(family.rawValue) has no option '\(option)'; it has: \(names)")
      }
      guard range.contains(value) else {
        throw .unusableOption("option \(option)=\(value) lies outside \(range.lowerBound) to \(range.upperBound)")
      }
    }
    self.family = family
    options = choices.mapValues(\.value).merging(given) { $1 }
  }

  /// Learns from `train` and predicts the rows of `asked`. Throws `cancelled` if the task is cancelled.
  public func predictions(
    train: Observations, asked: Observations, users: SideInformation, items: SideInformation, seed: UInt64
  ) throws(LearningError) -> [Double] {
    func option(_ name: String) -> Double { options[name] ?? .nan }
    switch family {
    case .mf:
      return try BiasedFactorisation(
        factors: Int(option("factors")), regularisation: option("lambda"), rate: option("rate"),
        epochs: Int(option("epochs"))
      ).predictions(train: train, asked: asked, seed: seed)
    case .fm:
      let users = option("implicit") > 0 ? users.adding(rated: train) : users
      return try FactorisationMachine(
        factors: Int(option("factors")), samples: Int(option("samples")), burnIn: Int(option("burn-in"))
      ).predictions(train: train, asked: asked, users: users, items: items, seed: seed)
    }
  }
}
