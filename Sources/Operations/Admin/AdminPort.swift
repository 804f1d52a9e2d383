import Glibc
import ServiceLifecycle

/// Plain HTTP on loopback for the machine's own monitor: `/health` and `/metrics`, one caller at a time on a thread of
/// its own, so that nothing it does touches a reactor.
final class AdminPort: Service {
  /// Port it listens on.
  let port: UInt16
  private let health: Health
  private let metrics: Metrics
  private let listener: Int32

  /// Longest time that one caller may take, so that a slow one cannot hold the port.
  static let callerMilliseconds: Int32 = 1_000

  /// Pause after a failed accept (no descriptors left), so that it does not spin.
  static let pauseMilliseconds: Int32 = 100

  /// Listens on 127.0.0.1; port 0 takes a free one.
  init(port wanted: UInt16, health: Health, metrics: Metrics) throws(StartError) {
    self.health = health
    self.metrics = metrics
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = wanted.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listens = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
      }
    }
    self.listener = listener
    port = UInt16(bigEndian: address.sin_port)
    guard listens else {
      let reason = String(cString: strerror(errno))
      close(listener)
      throw StartError(
        "admin port 127.0.0.1:\(wanted) cannot be opened: \(reason)",
        remedy: "Choose another with --admin-port, or 0 for any free one")
    }
  }

  deinit {
    close(listener)
  }

  /// Answers until the group stops gracefully or is cancelled.
  func run() async throws {
    let thread = try Thread { self.serve() }
    try? await gracefulShutdown()
    shutdown(listener, Int32(SHUT_RDWR))  // wakes `accept`, which fails with EINVAL from now on
    thread.join()
  }

  private func serve() {
    while true {
      let caller = accept(listener, nil, nil)
      guard caller >= 0 else {
        if errno == EINVAL { return }
        poll(nil, 0, Self.pauseMilliseconds)
        continue
      }
      _ = fcntl(caller, F_SETFD, FD_CLOEXEC)
      _ = fcntl(caller, F_SETFL, O_NONBLOCK)
      answer(caller)
      close(caller)
    }
  }

  private func answer(_ caller: Int32) {
    let end = Self.milliseconds() + Int64(Self.callerMilliseconds)
    var request: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 2_048)
    while true {
      switch AdminAnswer.answer(to: request, health: health.state, metrics: metrics.exposition) {
      case .reply(let bytes): return send(bytes, to: caller, by: end)
      case .needsMore:
        guard Self.wait(for: caller, POLLIN, until: end) else { return }
        let count = recv(caller, &chunk, chunk.count, 0)
        guard count > 0 else { return }
        request += chunk[..<count]
      }
    }
  }

  private func send(_ bytes: [UInt8], to caller: Int32, by end: Int64) {
    var sent = 0
    while sent < bytes.count, Self.wait(for: caller, POLLOUT, until: end) {
      let count = bytes.withUnsafeBytes {
        Glibc.send(caller, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      sent += count
    }
    shutdown(caller, Int32(SHUT_WR))
  }

  private static func wait(for caller: Int32, _ event: Int32, until end: Int64) -> Bool {
    let left = end - milliseconds()
    var ready = pollfd(fd: caller, events: Int16(event), revents: 0)
    return left > 0 && poll(&ready, 1, Int32(left)) > 0
  }

  private static func milliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
  }
}
