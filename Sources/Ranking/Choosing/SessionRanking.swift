import RankedLists

/// Ranks a tenant's whole catalogue by what happens in a call.
///
/// What the customer has done in the call becomes a score of its own for each candidate: with factors, the vector that the
/// acts fold into (Hu, Koren, Volinsky 2008, equation 4) times the candidate's; with neighbours, the similarities to what was met,
/// summed by weight (Sarwar et al., "Item-based collaborative filtering recommendation algorithms", 2001). Standardised over
/// the catalogue, and with the factors' biases added, it is on the scale of the baked scores. The answer is ranked by
/// (1 − w) · baked + w · session with w = n / (n + `halfSession`), n the number of acts that count: the more is told, the
/// less the list of last night counts. A category that was spoken of adds one standard deviation.
struct SessionRanking {
  /// Acts after which the call counts as much as everything before it.
  private static let halfSession: Float = 3

  /// How far what is not listed stands behind a list whose scores are all alike.
  private static let leastStep: Float = 0.1

  private let lists: RankedLists
  private let offers: OfferTable?
  /// Candidates ranked: every product as such, for an offer has its product's place.
  private let count: Int
  /// Candidates met in the call, with their weights.
  private var met: [(candidate: Int, weight: Float)] = []
  /// Candidates that the customer has by now, or does not want.
  private(set) var out: Set<UInt32> = []
  private let categories: [[UInt8]]

  init(_ session: Demand.Session, _ lists: RankedLists, _ offers: OfferTable?) {
    self.lists = lists
    self.offers = offers
    count = offers?.products ?? lists.candidateCount
    categories = session.categories
    for (act, product) in session.acts {
      let places = product.withUnsafeBytes { lists.places(of: $0) }
      let candidates = places.map { Int(lists.candidate(at: $0)) }.filter { $0 < count }
      for (number, candidate) in candidates.enumerated() {
        switch act {
        case .wants(let weight): if number == 0 { met.append((candidate, weight)) }
        case .has(let weight):
          if number == 0 { met.append((candidate, weight)) }
          out.insert(UInt32(candidate))
        case .rejects: out.insert(UInt32(candidate))
        }
      }
    }
  }

  /// The best candidates of the whole catalogue, without those that the customer has by now, or does not want, or has bought
  /// before where that is to be left out.
  ///
  /// Complexity: O(candidates · (dimensions + log `most`) + dimensions³).
  func ranked(over list: borrowing ListView, atMost most: Int, _ bought: BoughtProducts) -> [RankedEntry] {
    guard count > 0 else { return [] }
    var scores = baked(list)
    if !met.isEmpty { blendSession(into: &scores) }
    raiseCategories(&scores)
    for candidate in out { scores[Int(candidate)] = -.infinity }
    if bought != .listed { lists.forEachBought(by: list) { if $0 < UInt32(count) { scores[Int($0)] = -.infinity } } }
    return Self.top(scores, most)
  }

  /// Last night's scores; candidates that are not in the list stand a step behind its last.
  private func baked(_ list: borrowing ListView) -> [Float] {
    guard list.count > 0 else { return [Float](repeating: 0, count: count) }
    let last = list[list.count - 1].score
    let step = max((list[0].score - last) / Float(list.count), Self.leastStep)
    var scores = [Float](repeating: last - step, count: count)
    for position in 0..<list.count {
      let product = Int(offers?.head(of: list[position].candidate) ?? list[position].candidate)
      if product < count { scores[product] = list[position].score }
    }
    return scores
  }

  /// Adds what the call alone says of each candidate; nothing where the file has nothing to say it with.
  private func blendSession(into scores: inout [Float]) {
    if let factors = lists.factors {
      let fold = FoldIn(factors)
      blend(fold.scores(fold.vector(of: met), candidates: count), prior: factors.biases, into: &scores)
    } else if lists.hasNeighbours {
      var sums = [Float](repeating: 0, count: count)
      for (candidate, weight) in met {
        lists.forEachNeighbour(of: UInt32(candidate)) { neighbour in
          if neighbour.candidate < UInt32(count) { sums[Int(neighbour.candidate)] += weight * neighbour.score }
        }
      }
      blend(sums, prior: nil, into: &scores)
    }
  }

  /// Blends the session's scores, standardised, into the baked ones. `prior` = nil: the baked score is the prior.
  private func blend(_ session: [Float], prior: UnsafeBufferPointer<Float>?, into scores: inout [Float]) {
    let share = Float(met.count) / (Float(met.count) + Self.halfSession)
    var (sum, squares) = (0.0, 0.0)
    for score in session {
      sum += Double(score)
      squares += Double(score) * Double(score)
    }
    let mean = sum / Double(count)
    let variance = squares / Double(count) - mean * mean
    let scale = variance > 0 ? share / Float(variance.squareRoot()) : 0
    let middle = Float(mean)
    for candidate in 0..<count {
      let prior = prior.map { $0[candidate] } ?? scores[candidate]
      scores[candidate] = (1 - share) * scores[candidate] + (session[candidate] - middle) * scale + share * prior
    }
  }

  private func raiseCategories(_ scores: inout [Float]) {
    guard !categories.isEmpty else { return }
    let spoken = Set(categories.map { String(decoding: $0, as: UTF8.self) })
    // A path of categories has one number, whichever candidate has it: each is read once.
    var isSpoken: [UInt32: Bool] = [:]
    for candidate in 0..<count {
      guard let details = lists.details(UInt32(candidate)), details.category != 0 else { continue }
      let number = details.category
      if isSpoken[number] == nil { isSpoken[number] = details.categories.contains { spoken.contains($0) } }
      if isSpoken[number] == true { scores[candidate] += 1 }
    }
  }

  /// The best `most` finite scores, best first, equal ones by candidate.
  private static func top(_ scores: [Float], _ most: Int) -> [RankedEntry] {
    // Below the least of a sample's best there is nothing to be found: most candidates are passed over by one comparison.
    var best: [RankedEntry] = []
    var least = -Float.infinity
    best.reserveCapacity(2 * most)
    func isBetter(_ a: RankedEntry, _ b: RankedEntry) -> Bool {
      a.score != b.score ? a.score > b.score : a.candidate < b.candidate
    }
    for (candidate, score) in scores.enumerated() where score > least {
      best.append(RankedEntry(candidate: UInt32(candidate), score: score))
      guard best.count == 2 * most else { continue }
      best.sort(by: isBetter)
      best.removeLast(most)
      least = best[most - 1].score
    }
    best.sort(by: isBetter)
    return Array(best.prefix(most))
  }
}
