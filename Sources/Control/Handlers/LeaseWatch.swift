import Logging
import ServiceLifecycle

/// Takes back leases that have run out and closes what has missed its deadline, a few times a second; at a graceful stop it ends the calls that wait.
///
/// Services stop in the reverse of their order: this one has to stand behind the server, which waits for its calls.
public struct LeaseWatch: Service {
  private static let pause: Duration = .milliseconds(250)

  private let core: ControlCore

  /// Watches the leases of `core`.
  public init(_ core: ControlCore) { self.core = core }

  public func run() async throws {
    await cancelWhenGracefulShutdown {
      while (try? await Task.sleep(for: Self.pause)) != nil {
        do {
          try await core.expireLeases()
          try await core.closeMissed()
        } catch {
          core.logger.error("leases cannot be looked at", metadata: ["error": "\(error)"])
        }
      }
    }
    core.stopWaiting()
  }
}
