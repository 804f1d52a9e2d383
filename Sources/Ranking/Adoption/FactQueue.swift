import Synchronization

/// Facts that control has not heard yet, the latest for each subject: bounded by tenants and artifacts, however long
/// control is away.
final class FactQueue: Sendable {
  private let waiting = Mutex<[ServingFact.Subject: ServingFact]>([:])
  /// Raised after something was added.
  let addition = Signal()

  /// Adds a fact in place of an earlier one of its subject.
  func add(_ fact: ServingFact) {
    waiting.withLock { $0[fact.subject] = fact }
    addition.raise()
  }

  /// How many facts wait.
  var count: Int { waiting.withLock { $0.count } }

  /// The oldest facts, at most `count`; they go on waiting until `remove`.
  func oldest(_ count: Int) -> [ServingFact] {
    waiting.withLock { Array($0.values.sorted { $0.at < $1.at }.prefix(count)) }
  }

  /// Removes facts that control has heard, unless a later one of the subject waits by now.
  func remove(_ told: [ServingFact]) {
    waiting.withLock { waiting in
      for fact in told where waiting[fact.subject] == fact { waiting[fact.subject] = nil }
    }
  }
}
