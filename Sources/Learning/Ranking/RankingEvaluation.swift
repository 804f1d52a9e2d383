import Foundation

/// Figures of merit of full-catalogue lists, averaged over the users who have at least one relevant item.
///
/// Relevant are a user's test items that the user has not in train; candidates are all items of train that the user has
/// not in train. Everything is NaN where nobody has a relevant item.
public struct RankingEvaluation: Hashable, Sendable {
  /// Users who were judged.
  public let users: Int
  /// Binary gain, the ideal over min(k, |relevant|).
  public let ndcg: Double
  /// Hits ÷ |relevant|.
  public let recall: Double
  /// Mean of precision at each hit, over min(k, |relevant|).
  public let meanAveragePrecision: Double
  /// Share of users with at least one hit.
  public let hitRate: Double
  /// Share of train's items that the lists show together.
  public let coverage: Double
  /// Mean over shown items of −log₂ of the share of train's users who have the item (self-information, bits).
  public let novelty: Double
  /// Score of each shown item, and whether it was relevant.
  private let shown: [Shown]

  private struct Shown: Hashable, Sendable {
    let score: Double
    let isRelevant: Bool
  }

  /// Judges the lists of length `k` that `scores` makes. Complexity: O(judged users × items).
  public init(
    of scores: (Int) -> [Float], train: Observations, test: Observations, length k: Int = Metrics.listLength
  ) {
    let seen = train.pairs()
    let tested = test.pairs()
    var owners = [Int](repeating: 0, count: train.items)
    for user in 0..<seen.rows { for item in seen[user] { owners[Int(item)] += 1 } }
    let inTrain = owners.map { $0 > 0 }
    let active = Double((0..<seen.rows).count { !seen[$0].isEmpty })
    var top = TopProducts(length: k, eligible: inTrain)
    var sums = (ndcg: 0.0, recall: 0.0, precision: 0.0, hits: 0.0, surprise: 0.0)
    var users = 0
    var everything: [Shown] = []
    var different = Set<Int32>()
    for user in 0..<train.users where !tested[user].isEmpty {
      let relevant = Set(tested[user].filter { !seen.contains($0, in: user) })
      guard !relevant.isEmpty else { continue }
      let places = top.select(scores(user), excluding: seen[user])
      let list = places.map(\.product)
      everything += places.map { Shown(score: Double($0.score), isRelevant: relevant.contains($0.product)) }
      users += 1
      sums.ndcg += Metrics.ndcg(list, relevant: relevant, length: k)
      sums.recall += Metrics.recall(list, relevant: relevant, length: k)
      sums.precision += Metrics.averagePrecision(list, relevant: relevant, length: k)
      sums.hits += Metrics.hit(list, relevant: relevant, length: k) ? 1 : 0
      sums.surprise += list.reduce(0) { $0 - log2(Double(owners[Int($1)]) / active) }
      different.formUnion(list)
    }
    let count = Double(users)
    self.users = users
    ndcg = sums.ndcg / count
    recall = sums.recall / count
    meanAveragePrecision = sums.precision / count
    hitRate = sums.hits / count
    novelty = sums.surprise / Double(everything.count)
    coverage = Double(different.count) / Double(inTrain.count { $0 })
    shown = everything
  }

  /// Calibration error of the shown items' probabilities, as an earlier evaluation of the same recipe maps their scores.
  public func calibrationError(after earlier: RankingEvaluation) -> Double {
    let map = Calibration(scores: earlier.shown.map(\.score), answers: earlier.shown.map(\.isRelevant))
    return Metrics.calibrationError(shown.map { map.probability($0.score) }, shown.map(\.isRelevant))
  }
}
