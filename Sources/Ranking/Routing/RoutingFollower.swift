import Commerce
import Logging
import Messages
import NightjarClient
import RPC

/// Follows control's routing stream, and comes back to it whenever it breaks.
struct RoutingFollower: Sendable {
  let control: ServiceClient
  let adopter: Adopter
  let logger: Logger

  /// Ends when the task is cancelled.
  func run() async {
    var failures = 0
    while !Task.isCancelled {
      do {
        for try await update in try await open() {
          if failures > 1 { logger.info("control is back") }
          failures = 0
          await take(update)
        }
      } catch {
        // Streams end with their deadlines and their connections' age: only what does not come back at once is news.
        if failures == 1, !Task.isCancelled {
          logger.warning("control cannot be followed; what was last told stays", metadata: ["reason": "\(error)"])
        }
      }
      failures += 1
      try? await Task.sleep(for: Limits.reconnectDelay.delay(afterFailures: failures))
    }
  }

  private func open() async throws -> IncomingMessages<Proto.RoutingUpdate> {
    await adopter.beginStream()
    let resume = await adopter.revision
    let call = try await control.stream(ControlService.watchRouting)
    try await call.sendOnly { request in
      if let resume { request.message(\.resume) { resume.fill($0) } }
    }
    return call.responses
  }

  private func take(_ view: View<Proto.RoutingUpdate>) async {
    do throws(InvalidField) {
      await adopter.apply(try RoutingUpdate(validating: view))
    } catch {
      logger.error("control sent a routing message that cannot be read", metadata: ["reason": "\(error)"])
    }
  }
}
