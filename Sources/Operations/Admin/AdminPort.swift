import Glibc
import ServiceLifecycle
import Transport

/// Plain HTTP for the machine's own monitor: `/health` and `/metrics`, on a thread of its own, so that nothing it does
/// touches a reactor. A caller that is slow delays no other.
final class AdminPort: Service {
  /// Where it listens, with the port that the system chose where it was left to it.
  let address: SocketAddress
  private let health: Health
  private let metrics: Metrics
  private let listener: Int32

  /// Callers at one time; another one takes the place of the one that has been there longest.
  static let maximumCallers = 64

  /// Pause after a failed accept (no descriptors left), so that it does not spin.
  static let pauseMilliseconds: Int32 = 100

  private static let backlog: Int32 = 64

  /// Listens on `wanted`; port 0 takes a free one.
  init(address wanted: SocketAddress, health: Health, metrics: Metrics) throws(StartError) {
    self.health = health
    self.metrics = metrics
    let problem: String
    switch Self.listen(on: wanted) {
    case .success(let (listener, port)):
      self.listener = listener
      address = SocketAddress(host: wanted.host, port: port)
      return
    case .failure(let reason): problem = reason.text
    }
    throw StartError(
      "admin port \(wanted) cannot be opened: \(problem)",
      remedy: "Choose another with --admin-listen, or port 0 for any free one")
  }

  deinit {
    close(listener)
  }

  /// Answers until the group stops gracefully or is cancelled.
  func run() async throws {
    let thread = try Thread { self.serve() }
    try? await gracefulShutdown()
    shutdown(listener, Int32(SHUT_RDWR))  // wakes `poll`; `accept` fails with EINVAL from now on
    thread.join()
  }

  private func serve() {
    var callers: [AdminCaller] = []
    while true {
      let now = AdminCaller.milliseconds()
      callers.removeAll { $0.end <= now }
      var polled = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
      polled += callers.map { pollfd(fd: $0.descriptor, events: $0.awaitedEvent, revents: 0) }
      let wait = callers.map(\.end).min().map { Int32(clamping: $0 - now) } ?? -1
      guard poll(&polled, nfds_t(polled.count), wait) > 0 else { continue }
      for index in callers.indices.reversed() where polled[index + 1].revents != 0 {
        if !callers[index].advance(health: health, metrics: metrics) { callers.remove(at: index) }
      }
      guard polled[0].revents != 0 else { continue }
      let descriptor = accept(listener, nil, nil)
      if descriptor >= 0 {
        if callers.count == Self.maximumCallers { callers.removeFirst() }
        callers.append(AdminCaller(descriptor))
      } else if errno == EINVAL {
        return
      } else if errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS {
        poll(nil, 0, Self.pauseMilliseconds)
      }
    }
  }

  private struct Reason: Error { let text: String }

  /// The corresponding C functions are `getaddrinfo`, `bind` and `listen`.
  private static func listen(on address: SocketAddress) -> Result<(Int32, port: UInt16), Reason> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE
    var found: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(address.host, String(address.port), &hints, &found)
    guard code == 0, let found else { return .failure(Reason(text: String(cString: gai_strerror(code)))) }
    defer { freeaddrinfo(found) }
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let listener = socket(found.pointee.ai_family, flags, 0)
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    guard bind(listener, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0, Glibc.listen(listener, backlog) == 0,
      let port = port(of: listener)
    else {
      let reason = String(cString: strerror(errno))
      close(listener)
      return .failure(Reason(text: reason))
    }
    return .success((listener, port))
  }

  /// The port of a socket of either family stands at the same place.
  private static func port(of socket: Int32) -> UInt16? {
    var address = sockaddr_in6()
    var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    return code == 0 ? UInt16(bigEndian: address.sin6_port) : nil
  }
}
