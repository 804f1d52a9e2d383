import Foundation
import Testing

@testable import Learning

@Suite struct StackingTests {
  private let shop = Shop.interactions(customers: 120, products: 150, seed: 4)
  private let cut = 90 * Shop.day

  private func study(_ interactions: Interactions, through cut: Int64) -> Study {
    Study(interactions.history(through: cut), segments: .none(customers: interactions.customers))
  }

  private var stacking: Stacking { Recipe.stacked.stacking! }

  /// The shop without what happened after a moment, and with other things in its place.
  private func rewritten(after moment: Int64) -> Interactions {
    let kept = shop.history(through: moment).acts.map { $0 }
    let other = (0..<500).map { (number: Int) -> Interactions.Row in
      .init(
        customer: Int32(number % shop.customers), product: Int32(number * 7 % shop.products), kind: .purchase,
        time: moment + Int64(number + 1) * Shop.day / 50, quantity: 3, revenue: 1_000)
    }
    return Interactions(customers: shop.customers, products: shop.products, rows: kept + other)
  }

  @Test("the same history and seed give the same fit, another seed another one")
  func deterministic() throws {
    let fits = try [1, 1, 2].map { try Recipe.stacked.fit(study(shop, through: cut), seed: $0) }
    #expect(fits[0] == fits[1] && fits[0].trees != fits[2].trees)
    #expect(fits[0].trees != nil && fits[0].generators.count == 3)
  }

  @Test("what happened after the cut changes nothing in the fit")
  func future() throws {
    let fit = try Recipe.stacked.fit(study(shop, through: cut), seed: 1)
    let other = rewritten(after: cut)
    #expect(try Recipe.stacked.fit(study(other, through: cut), seed: 1) == fit)
    // The rewriting is seen by who looks past the cut.
    let later = cut + 10 * Shop.day
    #expect(
      try Recipe.stacked.fit(study(other, through: later), seed: 1)
        != Recipe.stacked.fit(study(shop, through: later), seed: 1))
  }

  @Test("what the trees learn from is candidates as they were before the slice: of it they see labels alone")
  func slice() throws {
    let before = cut - 28 * Shop.day
    let asked = [Bool](repeating: true, count: shop.customers)
    func candidates(_ interactions: Interactions, _ customer: Int) throws -> Generators.Candidates {
      let past = study(interactions, through: cut).earlier(days: 28)
      #expect(past.history.cut == before)
      let fits = try stacking.generators.map { try past.fit($0, seed: 1) }
      return Generators(stacking.generators, fits, past, of: asked).candidates(for: customer)
    }
    let other = rewritten(after: before)
    for customer in [0, 1, 60] {
      let (ours, theirs) = (try candidates(shop, customer), try candidates(other, customer))
      #expect(ours.items == theirs.items && ours.rows.map(\.bitPattern) == theirs.rows.map(\.bitPattern))
      #expect(ours.rows.count == ours.items.count * Generators.columns(models: 3))
    }
    #expect(try stacking.examples(study(shop, through: cut), seed: 1).count > 100)
  }

  @Test("a study that is given its past uses it, and one that is not makes the same of its own history")
  func past() throws {
    let past = study(shop, through: cut - 28 * Shop.day)
    let traits = Traits.none(customers: shop.customers, products: shop.products)
    let given = Study(
      shop.history(through: cut), traits: traits, eligible: Shop.everything(shop), past: past)
    #expect(given.earlier(days: 28) === past && given.earlier(days: 27) !== past)
    #expect(try Recipe.stacked.fit(given, seed: 1) == Recipe.stacked.fit(study(shop, through: cut), seed: 1))
  }

  @Test("candidates stand above everything else, by ln(1 + odds); nothing is left without a score")
  func order() throws {
    let study = study(shop, through: cut)
    let fit = try Recipe.stacked.fit(study, seed: 1)
    let trees = try #require(fit.trees)
    let generators = Generators(stacking.generators, fit.generators, study, of: nil)
    let scorer = Scorer(fit, recipe: .stacked, study: study)
    for customer in 0..<shop.customers {
      let candidates = generators.candidates(for: customer)
      let scores = scorer.scores(of: customer)
      #expect(scores.count == shop.products && scores.allSatisfy(\.isFinite))
      let named = Set(candidates.items)
      #expect(named.isDisjoint(with: study.seen[customer]))
      let others = scores.indices.filter { !named.contains(Int32($0)) }.map { scores[$0] }
      let least = try #require(candidates.items.map { scores[Int($0)] }.min())
      #expect(others.allSatisfy { $0 <= least })
      #expect(Set(others).count > 10)
      for (item, logOdds) in zip(candidates.items, trees.scores(candidates.rows)) {
        let expected = candidates.bestOther + log(1 + exp(logOdds))
        #expect(abs(scores[Int(item)] - expected) < 1e-4)
      }
    }
  }

  @Test("what a customer has may be a candidate again where lists may hold it")
  func repurchase() throws {
    let study = study(shop, through: cut)
    let fit = try Recipe.stacked.fit(study, seed: 1)
    var top = TopProducts(length: 20, eligible: Shop.everything(shop))
    var listed = [0, 0]
    for (index, listsBought) in [false, true].enumerated() {
      let scorer = Scorer(fit, recipe: .stacked, study: study, listsBought: listsBought)
      for customer in 0..<shop.customers {
        let list = top.select(scorer.scores(of: customer), excluding: []).map(\.product)
        listed[index] += list.count { study.seen.contains($0, in: customer) }
      }
    }
    #expect(listed[1] > 2 * listed[0] && listed[1] > shop.customers)
  }

  @Test("without anything to learn from, the generators' mean ranks")
  func untaught() throws {
    // All that happened lies within the slice.
    let study = study(shop, through: 20 * Shop.day)
    let fit = try Recipe.stacked.fit(study, seed: 1)
    #expect(fit.trees == nil)
    let scorer = Scorer(fit, recipe: .stacked, study: study)
    let generators = Generators(stacking.generators, fit.generators, study, of: nil)
    let known = (0..<shop.customers).filter { !study.seen[$0].isEmpty }
    #expect(known.allSatisfy { scorer.scores(of: $0) == generators.candidates(for: $0).means })
  }

  @Test("a stack re-ranks by its best generator")
  func reranking() throws {
    let study = study(shop, through: cut)
    let fit = try Recipe.stacked.fit(study, seed: 1)
    let (stack, best) = (
      Scorer(fit, recipe: .stacked, study: study), Scorer(fit.generators[0], recipe: .als, study: study)
    )
    #expect(Recipe.stacked.reranking == .als && stack.itemFactors?.vectors == best.itemFactors?.vectors)
    let turned = Recipe(
      kind: .stack(Stacking(generators: [.ease, .als], trees: Recipe.nightlyTrees, sliceDays: 28)),
      trendHalfLifeDays: 7)
    let scorer = Scorer(try turned.fit(study, seed: 1), recipe: turned, study: study)
    #expect(scorer.itemFactors == nil && scorer.neighbours(of: 0, atMost: 5)?.isEmpty == false)
  }

  @Test("a stack says what it stands on")
  func description() {
    #expect(
      Recipe.stacked.description
        == "stack trees=40 depth=3 over (\(Recipe.als)) (\(Recipe.neighbours)) (\(Recipe.ease))")
    #expect(Recipe.stacked.name == "stack" && Recipe.als.reranking == .als)
  }
}
