import ServiceLifecycle

extension Intake: Service {
  /// Waits for the end of the process's work, then closes.
  public func run() async throws {
    try? await gracefulShutdown()
    close()
  }
}
