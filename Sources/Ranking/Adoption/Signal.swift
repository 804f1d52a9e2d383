/// Wakes the one task that waits for it, once, however often it is raised meanwhile.
struct Signal: Sendable {
  /// Yields after the signal was raised; for one task.
  let raised: AsyncStream<Void>
  private let continuation: AsyncStream<Void>.Continuation

  init() {
    (raised, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  func raise() {
    continuation.yield()
  }
}
