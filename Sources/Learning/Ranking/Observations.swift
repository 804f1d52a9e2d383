import Foundation

/// What users did with items, one column for each particular: row r is `user[r]`, `item[r]`, `time[r]`, `value[r]`.
public struct Observations: Sendable {
  /// Number of users; indexes run below it.
  public let users: Int
  /// Number of items; indexes run below it.
  public let items: Int
  /// Index below `users`.
  public let user: [Int32]
  /// Index below `items`.
  public let item: [Int32]
  /// Seconds since the epoch.
  public let time: [Double]
  /// Revenue, count or rating, whatever the task makes of it.
  public let value: [Double]

  /// Number of rows.
  public var count: Int { user.count }

  /// Takes up columns of one length, their indexes within the counts.
  public init(users: Int, items: Int, user: [Int32], item: [Int32], time: [Double], value: [Double]) {
    precondition(
      user.count == item.count && user.count == time.count && user.count == value.count, "columns of unequal lengths")
    precondition(user.allSatisfy { $0 >= 0 && Int($0) < users }, "a user index lies outside the users")
    precondition(item.allSatisfy { $0 >= 0 && Int($0) < items }, "an item index lies outside the items")
    (self.users, self.items) = (users, items)
    (self.user, self.item, self.time, self.value) = (user, item, time, value)
  }

  /// Latest time of a row, s; 0 without rows.
  public var latest: Double { time.max() ?? 0 }

  /// The rows with these numbers, over the same users and items.
  func rows(_ chosen: some Sequence<Int>) -> Observations {
    let chosen = Array(chosen)
    return Observations(
      users: users, items: items, user: chosen.map { user[$0] }, item: chosen.map { item[$0] },
      time: chosen.map { time[$0] }, value: chosen.map { value[$0] })
  }

  /// The same rows with other values.
  func with(values: [Double]) -> Observations {
    Observations(users: users, items: items, user: user, item: item, time: time, value: values)
  }

  /// Parts the rows by time, as near as can be to where `share` of them have happened.
  ///
  /// Rows of one time stay together, lest a part of a basket tell the rest of it; only where all have one time are they parted,
  /// in their order. Complexity: O(n log n).
  public func split(share: Double) -> (earlier: Observations, later: Observations) {
    let ordered = (0..<count).sorted { (time[$0], $0) < (time[$1], $1) }
    func isBetweenTimes(_ cut: Int) -> Bool {
      cut > 0 && cut < count && time[ordered[cut - 1]] < time[ordered[cut]]
    }
    let wanted = Int(Double(count) * share)
    let distance = (0..<count).first { isBetweenTimes(wanted - $0) || isBetweenTimes(wanted + $0) } ?? 0
    let cut = isBetweenTimes(wanted - distance) || distance == 0 ? wanted - distance : wanted + distance
    return (rows(ordered[..<cut]), rows(ordered[cut...]))
  }

  /// Which items each user has rows with. Complexity: O(n log n).
  public func pairs() -> PairSets {
    PairSets(rows: users, columns: items, pairs: zip(user, item))
  }

  /// Which users each item has rows with. Complexity: O(n log n).
  func pairsByItem() -> PairSets {
    PairSets(rows: items, columns: users, pairs: zip(item, user))
  }

  /// For each pair its latest row's e^(−age / days), age counted from `now`: 1 everywhere where `days` is 0.
  ///
  /// - Parameter days: days in which a pair loses 1 − 1/e of its weight; 0 = it never does.
  func recency(now: Double, days: Double) -> SparseMatrix {
    let byItem = Array(0..<count).countingSorted(by: item[...], keys: items).rows
    let (rows, offsets) = byItem.countingSorted(by: user[...], keys: users)
    var builder = SparseMatrix.Builder(rows: users, columns: items)
    for user in 0..<users {
      var start = offsets[user]
      while start < offsets[user + 1] {
        let item = self.item[rows[start]]
        var latest = -Double.infinity
        while start < offsets[user + 1], self.item[rows[start]] == item {
          latest = max(latest, time[rows[start]])
          start += 1
        }
        builder.add(column: item, value: Float(Self.decay(now - latest, days)))
      }
      builder.finishRow()
    }
    return builder.build()
  }

  /// e^(−age / days); 1 where `days` is 0. Never 0, lest a pair look unseen.
  static func decay(_ seconds: Double, _ days: Double) -> Double {
    days > 0 ? max(.init(Float.leastNormalMagnitude), exp(-seconds / (days * secondsPerDay))) : 1
  }

  static let secondsPerDay = 86_400.0
}
