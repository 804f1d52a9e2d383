/// The time of ratings as context: what those have in common that a user gave in one go, beside user and item.
///
/// A user's ratings in order of time fall into runs, parted by pauses; the runs of shorter pauses lie within those of longer
/// ones. Each run adds a number of its own to its ratings, drawn from a normal distribution about 0 with one precision for
/// each length of pause. A rating that is asked about belongs to the run of the nearest rating of the same user, where that is
/// no further away than the pause; of a run that nobody has rated in nothing is known, so it adds 0.
///
/// After the biases of a day in Koren, "Collaborative filtering with temporal dynamics", KDD 2009.
struct Sittings {
  /// Runs of one length of pause.
  private struct Level {
    let pause: Double
    /// Place of each run's first rating, in order of users, then time; then the number of ratings.
    let starts: [Int]
    var effects: [Double]
  }

  private var levels: [Level]
  /// Of each rating, in order of users, then time.
  private let time: [Double]
  /// Place of each user's first rating; one more than there are users.
  private let userStarts: [Int]

  /// Seconds that part runs: from sittings to what was sent off together. On ratings held back from fold u1 of MovieLens 100k
  /// several lengths tell more than one; which they are, and whether three or five, differs by no more than chance.
  private static let pauses: [Double] = [3_600, 600, 60, 10, 0]
  /// The precisions' prior, in runs and squared effect.
  private static let hyper = 1.0

  /// The runs of ratings whose residuals stand in `order`. A length of pause by which nobody's ratings are parted says nothing
  /// beside the user, and is left out: all are where times are not known.
  init(_ ratings: Observations, order: [Int]) {
    let time = order.map { ratings.time[$0] }
    let userStarts = ratings.user[...].offsets(rows: ratings.users)
    let raters = zip(userStarts, userStarts.dropFirst()).count { $0 < $1 }
    levels = Self.pauses.compactMap { pause in
      var starts: [Int] = []
      for user in 0..<ratings.users {
        let own = userStarts[user]..<userStarts[user + 1]
        for place in own where place == own.lowerBound || time[place] - time[place - 1] > pause {
          starts.append(place)
        }
      }
      guard starts.count > raters else { return nil }
      let effects = [Double](repeating: 0, count: starts.count)
      return Level(pause: pause, starts: starts + [order.count], effects: effects)
    }
    (self.time, self.userStarts) = (time, userStarts)
  }

  /// Whether there is nothing to learn of time.
  var isEmpty: Bool { levels.isEmpty }

  /// Draws each run's effect given all the rest, and takes from the residuals what it has grown by.
  mutating func sweep(noise: Double, _ residual: inout [Float], random: inout Xoshiro256) {
    for level in levels.indices {
      let runs = levels[level].effects.count
      let squares = levels[level].effects.reduce(0) { $0 + $1 * $1 }
      let shape = (Self.hyper + Double(runs)) / 2
      let prior = FeatureBlock.Prior(precision: random.nextGamma(shape: shape) * 2 / (Self.hyper + squares))
      for run in 0..<runs {
        let places = levels[level].starts[run]..<levels[level].starts[run + 1]
        let (before, count) = (levels[level].effects[run], Double(places.count))
        let rest = residual[places].reduce(0.0) { $0 + Double($1) }
        let drawn = FeatureBlock.draw(prior, noise, count, rest + count * before, &random)
        levels[level].effects[run] = drawn
        let step = Float(drawn - before)
        for place in places { residual[place] -= step }
      }
    }
  }

  /// For each length of pause the run that each row belongs to, -1 = a new one. Complexity: O(rows · log ratings).
  func runs(of rows: Observations) -> [[Int32]] {
    levels.map { level in
      (0..<rows.count).map { row in
        guard let place = nearest(Int(rows.user[row]), rows.time[row], within: level.pause) else { return -1 }
        return Int32(level.starts.partitioned { $0 <= place } - 1)
      }
    }
  }

  /// Adds the effects of the rows' `runs` to `sums`.
  func addEffects(of runs: [[Int32]], to sums: inout [Double]) {
    for (level, runs) in zip(levels, runs) {
      for (row, run) in runs.enumerated() where run >= 0 { sums[row] += level.effects[Int(run)] }
    }
  }

  /// Place of the user's rating that is nearest in time; nil = none is as near as that.
  private func nearest(_ user: Int, _ moment: Double, within pause: Double) -> Int? {
    let own = userStarts[user]..<userStarts[user + 1]
    let next = own.lowerBound + time[own].partitioned { $0 < moment }
    let candidates = [next - 1, next].filter { own.contains($0) && abs(time[$0] - moment) <= pause }
    return candidates.min { abs(time[$0] - moment) < abs(time[$1] - moment) }
  }
}

extension RandomAccessCollection where Index == Int {
  /// How many elements stand before the first that the predicate, true of the first ones alone, does not hold of.
  fileprivate func partitioned(by isBefore: (Element) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low - startIndex
  }
}
