/// The recipes of a family that a search may try: every combination of the values that are open.
struct RankingSpace {
  private let family: RankingRecipe.Family
  /// Open options of the fit, and their values.
  private let open: [(option: String, values: [Double])]
  /// Options of every recipe before any is varied.
  private let start: [String: Double]
  /// What the open options of the blend are set to, one entry for each blend.
  private let blends: [[String: Double]]

  /// Leaves the caller's `fixed` options as they are; a stack stands on the models given.
  ///
  /// Throws `unusableOption` for a value outside the range of the family's option.
  init(
    _ family: RankingRecipe.Family, fixed: [String: Double], stacking models: [RankingRecipe] = []
  ) throws(LearningError) {
    let ranges = RankingRecipe.ranges(family)
    let own = fixed.filter { ranges[$0.key] != nil }
    for (option, value) in own.sorted(by: { $0.key < $1.key }) {
      guard let range = ranges[option], range.contains(value) else {
        let limits = ranges[option].map { "\($0.lowerBound) to \($0.upperBound)" } ?? ""
        throw .unusableOption("option \(option)=\(value) lies outside \(limits) for \(family.rawValue)")
      }
    }
    let (choices, blends) = (RankingRecipe.choices(family), RankingRecipe.blends(family))
    var start = Dictionary(uniqueKeysWithValues: (choices + blends).map { ($0.option, $0.values[0]) })
    start.merge(own) { $1 }
    self.family = family
    self.start = RankingRecipe(stacking: models, options: start).options
    open = choices.filter { own[$0.option] == nil && $0.values.count > 1 }
    self.blends = Self.combinations(blends.filter { own[$0.option] == nil })
  }

  /// Up to `count` fits to start from: the family's own choice, then combinations drawn by the seed.
  func starts(_ count: Int, seed: UInt64) -> [RankingRecipe] {
    var random = Xoshiro256(seed: seed)
    var all = Self.combinations(open).map(recipe)
    let first = all.removeFirst()
    return [first] + random.shuffled(all).prefix(count - 1)
  }

  /// The fits one step away in one option: the next smaller and the next larger value.
  func neighbours(of recipe: RankingRecipe) -> [RankingRecipe] {
    open.flatMap { option, values in
      let sorted = values.sorted()
      guard let index = sorted.firstIndex(of: recipe[option]) else { return [RankingRecipe]() }
      return [index - 1, index + 1].filter(sorted.indices.contains).map { recipe.with(option, sorted[$0]) }
    }
  }

  /// A fit's recipe with every blend, the fit's own first.
  func blended(_ recipe: RankingRecipe) -> [RankingRecipe] {
    var seen = Set<RankingRecipe>()
    return blends.map { blend in
      // How fast a trend fades matters only where there is one.
      let days = (blend["trend"] ?? start["trend"]) == 0 ? start["trend-days"] : nil
      var options = recipe.options.merging(blend) { $1 }
      if let days { options["trend-days"] = days }
      return RankingRecipe(family: family, options: options)
    }.filter { seen.insert($0).inserted }
  }

  private func recipe(_ varied: [String: Double]) -> RankingRecipe {
    RankingRecipe(family: family, options: start.merging(varied) { $1 })
  }

  /// Every combination of the options' values; one that sets nothing where there are no options.
  private static func combinations(_ options: [(option: String, values: [Double])]) -> [[String: Double]] {
    options.reduce([[:]]) { partial, option in
      partial.flatMap { made in option.values.map { value in made.merging([option.option: value]) { $1 } } }
    }
  }
}
