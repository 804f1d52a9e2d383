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
    var (users, places) = (0, 0)
    var shown = Set<Int32>()
    for user in 0..<train.users where !tested[user].isEmpty {
      let relevant = Set(tested[user].filter { !seen.contains($0, in: user) })
      guard !relevant.isEmpty else { continue }
      let list = top.select(scores(user), excluding: seen[user]).map(\.product)
      users += 1
      sums.ndcg += Metrics.ndcg(list, relevant: relevant, length: k)
      sums.recall += Metrics.recall(list, relevant: relevant, length: k)
      sums.precision += Metrics.averagePrecision(list, relevant: relevant, length: k)
      sums.hits += Metrics.hit(list, relevant: relevant, length: k) ? 1 : 0
      sums.surprise += list.reduce(0) { $0 - log2(Double(owners[Int($1)]) / active) }
      places += list.count
      shown.formUnion(list)
    }
    let count = Double(users)
    self.users = users
    ndcg = sums.ndcg / count
    recall = sums.recall / count
    meanAveragePrecision = sums.precision / count
    hitRate = sums.hits / count
    novelty = sums.surprise / Double(places)
    coverage = Double(shown.count) / Double(inTrain.count { $0 })
  }
}
