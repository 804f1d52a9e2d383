import Logging
import Messages
import NightjarClient
import RPC

/// Tells control what this ranker serves, and keeps it for later while control is away.
struct FactReporter: Sendable {
  let control: ServiceClient
  let facts: FactQueue
  let logger: Logger

  /// Ends when the task is cancelled.
  func run() async {
    for await _ in facts.addition.raised { await sendAll() }
  }

  private func sendAll() async {
    var failures = 0
    var batchSize = Limits.factsPerReport
    while !Task.isCancelled {
      let batch = facts.oldest(batchSize)
      guard !batch.isEmpty else { return }
      do {
        try await send(batch)
        facts.remove(batch)
        failures = 0
      } catch {
        if let error = error as? RPCError, error.code == .invalidArgument || error.code == .notFound {
          // One fact that control will never take must not hold up the others: find it by itself.
          if batch.count == 1 { drop(batch, error) } else { batchSize = 1 }
          continue
        }
        failures += 1
        try? await Task.sleep(for: Limits.reportDelay.delay(afterFailures: failures))
      }
    }
  }

  private func send(_ batch: [ServingFact]) async throws {
    _ = try await control.call(ControlService.reportServing) { request in
      request.list(\.n_facts, \.facts, of: batch) { draft, fact in fact.fill(draft) }
    }
  }

  private func drop(_ batch: [ServingFact], _ error: RPCError) {
    logger.error(
      "control refuses to hear what is served",
      metadata: ["tenant": "\(batch[0].tenant)", "reason": "\(error)"])
    facts.remove(batch)
  }
}
