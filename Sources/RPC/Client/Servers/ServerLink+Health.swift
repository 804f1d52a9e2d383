import Messages

extension ServerLink {
  /// Follows what the server says of its own health, until the task is cancelled. A server that does not say, or cannot
  /// be reached, counts as serving: then its connection and its answers tell.
  func followHealth() async {
    var backoff = Backoff.connecting
    var random = SystemRandomNumberGenerator()
    while !Task.isCancelled {
      do {
        let call = try await channel.stream(StandardMethods.watchHealth)
        defer { call.cancel() }
        try await call.sendOnly { _ in }
        for try await answer in call.responses {
          says(isServing: answer.status != .notServing)
          backoff.succeeded()
        }
      } catch {
        says(isServing: true)
        if (error as? RPCError)?.code == .unimplemented { return }
      }
      try? await Task.sleep(for: backoff.failed(using: &random))
    }
  }
}
