import Glibc

/// A POSIX thread that runs one closure.
struct Thread: ~Copyable {
  private let handle: pthread_t

  /// The corresponding C function is `pthread_create`.
  init(_ body: @escaping @Sendable () -> Void) throws(StartError) {
    final class Start: Sendable {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let start = Unmanaged.passRetained(Start(body))
    var handle = pthread_t()
    let code = pthread_create(
      &handle, nil,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw StartError(
        "a thread cannot be made: \(String(cString: strerror(code)))",
        remedy: "Raise the limit on tasks (ulimit -u, TasksMax)")
    }
    self.handle = handle
  }

  /// Waits for the closure to end. The corresponding C function is `pthread_join`.
  consuming func join() { pthread_join(handle, nil) }
}
