/// What a client thinks of one of its servers.
enum ServerStanding: Sendable, Equatable {
  /// Never connected yet, or closed in good order: worth a call.
  case untried
  /// Connected.
  case ready
  /// The connection broke or could not be made; another attempt is due from then on.
  case down(retryAt: ContinuousClock.Instant)
}

/// One server among those that a call may go to.
struct ServerCandidate: Sendable {
  var standing: ServerStanding
  /// Whether it says that it is healthy, and has not answered just now that it is unavailable.
  var isServing = true
  /// Whether this call has been there already.
  var wasTried = false
  /// Calls under way.
  var inFlight = 0
  /// Its rendezvous weight; the same for all where the call has no key.
  var weight: UInt64 = 0

  /// Whether a call has a good chance there.
  var isUsable: Bool {
    if case .down = standing { false } else { isServing }
  }

  /// A connection that broke is made again aside from the calls, as long as they have somewhere else to go.
  func isDue(at now: ContinuousClock.Instant) -> Bool {
    if case .down(let retryAt) = standing { retryAt <= now } else { false }
  }

  /// Better candidates first: usable, then those that at least may answer, then those that are down; of each kind the
  /// ones that the call has not been to.
  private var rank: Int {
    let kind =
      switch (isUsable, standing) {
      case (true, _): 2
      case (false, .down): 0
      case (false, _): 1
      }
    return 2 * kind + (wasTried ? 0 : 1)
  }

  /// The place of the best candidate; nil of none. By rank, then by the time when the next attempt to connect is due, then
  /// by weight, then by calls under way; among equals the first from `start` on, which chance picks, so that clients
  /// without keys do not all go to the same server.
  ///
  /// Complexity: O(servers).
  static func best(of candidates: [ServerCandidate], startingAt start: Int) -> Int? {
    let places = candidates.indices.map { ($0 + start) % candidates.count }
    return places.max { isWorse(candidates[$0], than: candidates[$1]) }
  }

  private static func isWorse(_ a: ServerCandidate, than b: ServerCandidate) -> Bool {
    if a.rank == b.rank, case .down(let aRetry) = a.standing, case .down(let bRetry) = b.standing, aRetry != bRetry {
      return aRetry > bRetry
    }
    return (a.rank, a.weight, -a.inFlight) < (b.rank, b.weight, -b.inFlight)
  }
}
