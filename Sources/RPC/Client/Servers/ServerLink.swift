import Messages
import Synchronization

/// One server of a service, as a client of the service holds it.
final class ServerLink: Sendable {
  let channel: Channel
  private let rendezvous: Rendezvous
  private let inFlight = Atomic(0)

  init(_ channel: Channel, address: String) {
    self.channel = channel
    rendezvous = Rendezvous(address: address)
  }

  /// What a call with `key` is to think of the server.
  func candidate(for key: String?, wasTried: Bool) -> ServerCandidate {
    ServerCandidate(
      standing: channel.standing, wasTried: wasTried, inFlight: inFlight.load(ordering: .relaxed),
      weight: key.map { rendezvous.weight(of: $0) } ?? 0)
  }

  /// Makes a unary call there once.
  func call<Q, R>(
    _ method: Method<Q, R>, by deadline: ContinuousClock.Instant, _ metadata: CallMetadata, _ request: Encoded<Q>
  ) async throws(RPCError) -> View<R> {
    count(1)
    defer { count(-1) }
    return try await channel.call(method, by: deadline, metadata, request)
  }

  fileprivate func count(_ calls: Int) { inFlight.add(calls, ordering: .relaxed) }
}

/// Counts one call among those under way on a server, until it is let go.
final class ServerLoad: Sendable {
  private let server: ServerLink

  init(on server: ServerLink) {
    self.server = server
    server.count(1)
  }

  deinit { server.count(-1) }
}
