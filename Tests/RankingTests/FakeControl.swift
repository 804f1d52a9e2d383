import Foundation
import Logging
import Messages
import NightjarClient
import RPC
import RankedLists
import Synchronization
import Testing
import Transport

@testable import Ranking

/// Control as a ranker sees it, over real sockets: a routing stream to be scripted, and an ear for facts.
final class FakeControl: Sendable {
  /// A fact as it arrived, in words.
  struct Heard: Sendable, Equatable {
    let tenant: String
    let state: Proto.ServingState
    let bake: String
    let reason: String
  }

  /// What outlives a restart.
  final class State: Sendable {
    private struct Content {
      var epoch: UInt64 = 7
      var log: [(tenant: String, route: Encoded<Proto.Route>?)] = []
      var watchers: [AsyncStream<Void>.Continuation] = []
      var resumes: [RoutingRevision?] = []
      var heard: [Heard] = []
      var overlays: [String: [UInt8]] = [:]
    }

    private let content = Mutex(Content())

    func say(_ route: Encoded<Proto.Route>?) { say("uk", route) }

    /// Keeps an overlay; its digest.
    func keep(_ overlay: Encoded<Proto.Overlay>) -> String {
      let digest = SHA256Digest(of: overlay.bytes).description
      content.withLock { $0.overlays[digest] = overlay.bytes }
      return digest
    }

    fileprivate func overlay(_ digest: String) -> [UInt8]? { content.withLock { $0.overlays[digest] } }

    /// Sets or, with nil, removes a tenant's route.
    func say(_ tenant: String, _ route: Encoded<Proto.Route>?) {
      let watchers = content.withLock { content in
        content.log.append((tenant, route))
        return content.watchers
      }
      for watcher in watchers { watcher.yield() }
    }

    /// Forgets the tenant without a tombstone, as a control restored from a backup would, and begins a new epoch.
    func restoreBackup(without tenant: String) {
      content.withLock { content in
        content.epoch += 1
        content.log.removeAll { $0.tenant == tenant }
      }
    }

    var heard: [Heard] { content.withLock { $0.heard } }
    var resumes: [RoutingRevision?] { content.withLock { $0.resumes } }
    var epoch: UInt64 { content.withLock { $0.epoch } }

    func hear(_ facts: [Heard]) { content.withLock { $0.heard += facts } }

    fileprivate func changes(after number: Int) -> [(tenant: String, route: Encoded<Proto.Route>?)] {
      content.withLock { Array($0.log.dropFirst(number)) }
    }

    fileprivate func watch(_ resume: RoutingRevision?) -> AsyncStream<Void> {
      let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
      content.withLock { content in
        content.watchers.append(continuation)
        content.resumes.append(resume)
      }
      return stream
    }
  }

  let server: Server
  let state: State

  init(_ state: State = State(), port: UInt16 = 0) throws {
    self.state = state
    var router = Router()
    router.stream(ControlService.watchRouting) { requests, responses, _ in
      var iterator = requests.makeAsyncIterator()
      let request = try await iterator.next()
      try await Self.stream(to: responses, from: state, resume: request?.resume.map { RoutingRevision($0) })
    }
    router.unary(ControlService.reportServing) { request, _ in
      state.hear(
        request.list(\.n_facts, \.facts).map {
          Heard(tenant: $0.tenant, state: $0.state, bake: $0.bake, reason: $0.reason)
        })
      return Encoded<Proto.ReportServingResponse> { _ in }
    }
    router.unary(ControlService.getOverlay) { request, _ in
      guard let bytes = state.overlay(request.digest) else { throw RPCError(.notFound, "no such overlay") }
      return Encoded<Proto.GetOverlayResponse> { $0.overlay = bytes }
    }
    server = try Server(
      role: .control, address: SocketAddress(parsing: "127.0.0.1:\(port)"),
      certificates: Certificates.files("control-a"),
      router: router, reactors: 1, logger: LogBook().logger)
  }

  /// Control after a restart at its old address, as soon as the system gives the port back: a client that knocks at a
  /// closed port of the loopback interface may for a moment hold it itself.
  static func restarted(_ state: State, port: UInt16) async throws -> FakeControl {
    var control: FakeControl?
    try await eventually("the port is free") {
      control = try? FakeControl(state, port: port)
      return control != nil
    }
    return try #require(control)
  }

  private static func stream(
    to responses: Responses<Proto.RoutingUpdate>, from state: State, resume: RoutingRevision?
  ) async throws {
    let changes = state.watch(resume)
    let epoch = state.epoch
    var sent = 0
    if let resume, resume.epoch == epoch { sent = Int(resume.number) }
    let isWhole = sent == 0
    var hasEnded = false
    while true {
      for change in state.changes(after: sent) {
        sent += 1
        if isWhole && !hasEnded && change.route == nil { continue }
        try await responses.send { try fill($0, epoch, sent, change) }
      }
      if !hasEnded {
        hasEnded = true
        try await responses.send { draft in
          draft.message(\.revision) { RoutingRevision(epoch: epoch, number: UInt64(sent)).fill($0) }
          draft.change_case = .tableEnd
          draft.message(\.table_end) { $0.whole = isWhole }
        }
      }
      var iterator = changes.makeAsyncIterator()
      guard await iterator.next() != nil else { throw CancellationError() }
    }
  }

  private static func fill(
    _ draft: Draft<Proto.RoutingUpdate>, _ epoch: UInt64, _ number: Int,
    _ change: (tenant: String, route: Encoded<Proto.Route>?)
  ) throws {
    draft.message(\.revision) { RoutingRevision(epoch: epoch, number: UInt64(number)).fill($0) }
    guard let route = try change.route?.decode() else {
      draft.change_case = .tombstone
      draft.tombstone = change.tenant
      return
    }
    draft.change_case = .route
    draft.message(\.route) { copy in
      copy.tenant = route.tenant
      copy.mode = route.mode
      copy.salt = route.salt
      copy.overlay_digest = route.overlay_digest
      copy.business_offset_us = route.business_offset_us
      copy.repurchase = route.repurchase
      copy.list(\.n_arms, \.arms, of: route.list(\.n_arms, \.arms)) { draft, arm in
        draft.id = arm.id
        draft.model = arm.model
        draft.bake = arm.bake
        draft.manifest_digest = arm.manifest_digest
        draft.weight_ppm = arm.weight_ppm
      }
    }
  }
}
