import ArtifactStore
import Commerce
import Foundation
import Learning
import Logging
import Messages
import NightjarClient
import RPC
import RankedLists

/// What a trainer tells control under one lease. Idempotent by its fence, so each call is made until it is answered.
struct ControlCalls: Sendable {
  private static let firstPause = Duration.milliseconds(200)
  private static let longestPause = Duration.seconds(5)

  let control: ServiceClient
  let lease: Lease
  let logger: Logger

  /// Hands in the figures; the answer is what to bake.
  func report(_ evaluation: Evaluation) async throws -> View<Proto.ReportEvaluationResponse> {
    try await persist(ControlService.reportEvaluation) { request in
      request.tenant = lease.tenant.rawValue
      request.message(\.fence) { lease.fence.fill($0) }
      evaluation.fill(request)
    }
  }

  /// Hands in what was published, and when the availability of a product changes next (nil = never). The bake that is live
  /// now.
  func complete(_ bakes: [Bake.Published], availabilityChanges: Int64?) async throws -> String {
    try await persist(ControlService.completeWork) { request in
      request.tenant = lease.tenant.rawValue
      request.message(\.fence) { lease.fence.fill($0) }
      request.availability_changes_us = availabilityChanges ?? 0
      request.list(\.n_bakes, \.bakes, of: bakes) { published, bake in
        published.bake = bake.bake
        published.manifest_digest = "\(bake.digest)"
        published.customers = bake.customers
        published.candidates = bake.candidates
      }
    }.live_bake
  }

  /// Gives the lease back, since the trainer stops.
  func handBack() async { await end(.givenBack, "the trainer stops") }

  /// Gives the lease back because of an error: what it says about the tenant is in its kind.
  func fail(_ error: any Error) async {
    switch error {
    case TrainingError.tooLarge(let reason, let needed): await end(.tooLarge, reason, needing: needed)
    case let error as RPCError where error.isOfSurroundings: await end(.surroundings, "\(error)")
    case ArtifactError.system, RankedListsError.system, is CocoaError: await end(.surroundings, "\(error)")
    default: await end(.work, "\(error)")
    }
  }

  /// Tried once: otherwise the lease runs out.
  private func end(_ kind: Proto.FailureKind, _ reason: String, needing memory: UInt64 = 0) async {
    do {
      _ = try await control.call(ControlService.failWork) { request in
        request.tenant = lease.tenant.rawValue
        request.message(\.fence) { lease.fence.fill($0) }
        request.reason = reason.reason(utf8Bytes: Limits.reasonBytes)
        request.kind = kind
        request.needed_memory_bytes = UInt64(Int64(clamping: memory))
      }
    } catch {
      logger.warning("the lease could not be given back", metadata: ["error": "\(error)"])
    }
  }

  /// Calls until answered, pausing longer each time; the lease's keeper cancels it when there is no point any more.
  private func persist<Q, R>(_ method: Method<Q, R>, _ build: (Draft<Q>) -> Void) async throws -> View<R> {
    var pause = Self.firstPause
    while true {
      do {
        return try await control.call(method, build)
      } catch let error as RPCError where error.isWorthRetrying {
        logger.warning("control does not answer", metadata: ["method": "\(method.name)", "error": "\(error)"])
        try await Task.sleep(for: error.retryAfter ?? pause)
        pause = min(pause * 2, Self.longestPause)
      }
    }
  }
}

extension RPCError {
  /// It says nothing about one tenant: the peer was away, or does not believe or understand this trainer, whatever it asks for.
  fileprivate var isOfSurroundings: Bool {
    switch code {
    case .permissionDenied, .unauthenticated, .unimplemented: true
    default: isWorthRetrying
    }
  }
}

extension String {
  /// As many whole characters from the start as fit, blanks for control characters: what the journal takes. A model file
  /// that is quoted may hold anything.
  func reason(utf8Bytes limit: Int) -> String {
    var bytes = 0
    let scalars = unicodeScalars.lazy.map { $0.properties.generalCategory == .control ? " " : $0 }
    return String(
      String(String.UnicodeScalarView(scalars)).prefix {
        bytes += $0.utf8.count
        return bytes <= limit
      })
  }
}
