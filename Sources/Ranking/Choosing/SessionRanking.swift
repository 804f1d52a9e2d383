import CKernels
import RPC
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
  /// Complexity: O(candidates · dimensions + `most` · log `most` + dimensions³).
  func ranked(over list: borrowing ListView, atMost most: Int, _ bought: BoughtProducts) -> [RankedEntry] {
    guard count > 0 else { return [] }
    var scores = baked(list)
    BlockingPool.makeWay()
    if !met.isEmpty { blendSession(into: &scores) }
    raiseCategories(&scores)
    BlockingPool.makeWay()
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
      let vector = fold.vector(of: met)
      BlockingPool.makeWay()
      blend(fold.scores(vector, candidates: count), prior: factors.biases, into: &scores)
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
    precondition(session.count == count && prior.map { $0.count >= count } ?? true)
    nj_blend(nj_best_level(), session, prior?.baseAddress, count, share, &scores)
  }

  private func raiseCategories(_ scores: inout [Float]) {
    guard !categories.isEmpty else { return }
    let spoken = Set(categories.map { String(decoding: $0, as: UTF8.self) })
    // A path of categories has one number, whichever candidate has it: each is read once.
    var isSpoken: [UInt32: Bool] = [:]
    for candidate in 0..<count {
      if candidate % Limits.candidatesAtOnce == 0 { BlockingPool.makeWay() }
      guard let details = lists.details(UInt32(candidate)), details.category != 0 else { continue }
      let number = details.category
      if isSpoken[number] == nil { isSpoken[number] = details.categories.contains { spoken.contains($0) } }
      if isSpoken[number] == true { scores[candidate] += 1 }
    }
  }

  /// The best `most` finite scores, best first, equal ones by candidate. Complexity: O(scores + most · log most).
  static func top(_ scores: [Float], _ most: Int) -> [RankedEntry] {
    withUnsafeTemporaryAllocation(byteCount: nj_best_scratch(Int32(most)), alignment: MemoryLayout<UInt64>.alignment) {
      scratch in
      withUnsafeTemporaryAllocation(of: Int32.self, capacity: most) { places in
        withUnsafeTemporaryAllocation(of: Float.self, capacity: most) { best in
          var found: Int32 = 0
          nj_best(
            nj_best_level(), scores, scores.count, Int32(most), scratch.baseAddress, places.baseAddress,
            best.baseAddress, &found)
          return (0..<Int(found)).map { RankedEntry(candidate: UInt32(places[$0]), score: best[$0]) }
        }
      }
    }
  }
}
