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

  private struct Choice {
    let value: Double
    let range: ClosedRange<Double>
    var isWhole = true
  }

  /// Defaults, chosen on ratings held back from a training set, and ranges.
  private static func choices(_ family: Family) -> [String: Choice] {
    switch family {
    case .mf:
      [
        "factors": Choice(value: 50, range: 1...1024), "epochs": Choice(value: 60, range: 1...10_000),
        "lambda": Choice(value: 0.107, range: 1e-6...1e6, isWhole: false),
        "rate": Choice(value: 0.0135, range: 1e-6...1, isWhole: false),
      ]
    case .fm:
      [
        "factors": Choice(value: 10, range: 1...1024), "samples": Choice(value: 400, range: 1...100_000),
        "burn-in": Choice(value: 100, range: 0...100_000), "implicit": Choice(value: 1, range: 0...1),
      ]
    }
  }

  /// Names of a family's options, sorted.
  static func optionNames(_ family: Family) -> [String] { choices(family).keys.sorted() }

  /// A recipe with every option's default.
  init(_ family: Family) {
    self.family = family
    options = Self.choices(family).mapValues(\.value)
  }

  /// A recipe with defaults for what is not given. Throws `unusableOption` for an option unknown or out of range.
  public init(_ family: Family, options given: [String: Double]) throws(LearningError) {
    let choices = Self.choices(family)
    for (option, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let choice = choices[option] else {
        let names = Self.optionNames(family).joined(separator: ", ")
        throw .unusableOption("\(family.rawValue) has no option '\(option)'; it has: \(names)")
      }
      guard choice.range.contains(value) else {
        throw .unusableOption(
          "option \(option)=\(value) lies outside \(choice.range.lowerBound) to \(choice.range.upperBound)")
      }
      guard !choice.isWhole || value == value.rounded() else {
        throw .unusableOption("option \(option)=\(value) must be a whole number")
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
      let isImplicit = option("implicit") > 0
      return try FactorisationMachine(
        factors: Int(option("factors")), samples: Int(option("samples")), burnIn: Int(option("burn-in"))
      ).predictions(
        train: train, asked: asked, users: isImplicit ? users.adding(rated: train.pairs()) : users,
        items: isImplicit ? items.adding(rated: train.pairsByItem()) : items, seed: seed)
    }
  }
}
