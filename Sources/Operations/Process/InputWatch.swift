import Glibc
import ServiceLifecycle

/// Ends the process gracefully when its standard input ends, so that the services of `nightjar up` do not outlive it,
/// however it dies: the kernel closes the pipe.
struct InputWatch: Service {
  func run() async throws {
    // The thread sleeps in `read` until the process ends; nobody waits for it.
    _ = try Thread {
      var byte: UInt8 = 0
      while true {
        let count = read(STDIN_FILENO, &byte, 1)
        if count == 0 || (count < 0 && errno != EINTR) { break }
      }
      kill(getpid(), SIGTERM)
    }
    try? await gracefulShutdown()
  }
}
