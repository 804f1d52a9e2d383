import Messages
import RPC
import RankedLists
import Synchronization

/// Control's side of the routing stream: every change of a route, in order, to every ranker that watches.
final class Routing: Sendable {
  private struct Change: Sendable {
    let tenant: String
    let bake: String
    let digest: String
  }

  /// Every tenant's, encoded; nil = there is none.
  private let overlay: [UInt8]?

  init(overlay: [UInt8]? = nil) { self.overlay = overlay }

  /// The answer to a ranker that asks for an overlay.
  func fill(_ draft: Draft<Proto.GetOverlayResponse>) {
    guard let overlay else { return }
    draft.overlay = overlay
    draft.revision = 1
    draft.digest = "\(SHA256Digest(of: overlay))"
  }

  private struct Content {
    var changes: [Change] = []
    var watchers: [AsyncStream<Void>.Continuation] = []
  }

  private let content = Mutex(Content())

  /// Sends all of a tenant's customers to one bake.
  func set(tenant: String, bake: String, digest: String) {
    let watchers = content.withLock { content in
      content.changes.append(Change(tenant: tenant, bake: bake, digest: digest))
      return content.watchers
    }
    for watcher in watchers { watcher.yield() }
  }

  func stream(to responses: Responses<Proto.RoutingUpdate>) async throws {
    let (news, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    content.withLock { $0.watchers.append(continuation) }
    continuation.yield()
    var sent = 0
    var hasEnded = false
    for await _ in news {
      for change in content.withLock({ Array($0.changes[sent...]) }) {
        sent += 1
        try await responses.send { fill($0, change, number: UInt64(sent)) }
      }
      guard !hasEnded else { continue }
      hasEnded = true
      try await responses.send { draft in
        draft.message(\.revision) { Self.fill($0, UInt64(sent)) }
        draft.change_case = .tableEnd
        draft.message(\.table_end) { $0.whole = true }
      }
    }
  }

  private static func fill(_ fence: Draft<Proto.Fence>, _ number: UInt64) {
    fence.epoch = 1
    fence.number = number
  }

  private func fill(_ draft: Draft<Proto.RoutingUpdate>, _ change: Change, number: UInt64) {
    draft.message(\.revision) { Self.fill($0, number) }
    draft.change_case = .route
    draft.message(\.route) { route in
      route.tenant = change.tenant
      route.mode = .on
      if let overlay {
        route.overlay_revision = 1
        route.overlay_digest = "\(SHA256Digest(of: overlay))"
      }
      route.list(\.n_arms, \.arms, of: [change]) { arm, change in
        arm.id = "champion"
        arm.model = "als-1"
        arm.bake = change.bake
        arm.manifest_digest = change.digest
        arm.weight_ppm = 1_000_000
      }
    }
  }
}
