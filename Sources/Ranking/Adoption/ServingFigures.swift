import Synchronization

/// How many tenants are in which state, for whoever watches the ranker.
final class ServingFigures: Sendable {
  enum State: String, CaseIterable, Sendable {
    /// Answered from what control ordered.
    case served
    /// What control ordered is refused; what was there before goes on, if anything was.
    case refused
    /// Nothing is adopted yet.
    case waiting
    case off
  }

  private let counts = Mutex<[State: Int]>([:])

  func count(of state: State) -> Int { counts.withLock { $0[state, default: 0] } }

  func replace(with states: some Sequence<State>) {
    let fresh = states.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    counts.withLock { $0 = fresh }
  }
}
