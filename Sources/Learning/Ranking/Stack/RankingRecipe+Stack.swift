extension RankingRecipe {
  /// A stack on these models, with the values of its own options that are given.
  ///
  /// A model's options stand among the stack's with its family's name before them: "ease.lambda".
  init(stacking models: [RankingRecipe], options: [String: Double]) {
    var all = options
    for model in models {
      for (option, value) in model.options { all["\(model.family.rawValue).\(option)"] = value }
    }
    self.init(family: .stack, options: all)
  }

  /// The models that the stack stands on, in order of family.
  var stacked: [RankingRecipe] {
    Family.allCases.compactMap { family in
      let prefix = family.rawValue + "."
      let own = options.filter { $0.key.hasPrefix(prefix) }
      guard !own.isEmpty else { return nil }
      return RankingRecipe(
        family: family,
        options: Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(prefix.count)), $0.value) }))
    }
  }

  /// How the stack's trees are grown.
  var treeSettings: BoostedTrees.Settings {
    BoostedTrees.Settings(
      trees: Int(self["trees"]), depth: Int(self["depth"]), learningRate: self["rate"], isPairwise: self["pairwise"] > 0
    )
  }
}
