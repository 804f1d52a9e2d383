import Glibc

/// One caller of the admin port: its request as far as it has come, then its answer as far as it has gone.
final class AdminCaller {
  let descriptor: Int32
  /// When it has had its time, by `milliseconds()`.
  let end: Int64
  private var request: [UInt8] = []
  private var answer: ArraySlice<UInt8>?

  /// Longest time that one caller may take.
  static let maximumMilliseconds: Int64 = 1_000

  private static let chunkBytes = 2_048

  /// Takes over a socket that `accept` returned.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    end = Self.milliseconds() + Self.maximumMilliseconds
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  deinit {
    close(descriptor)
  }

  /// What `poll` is to wait for.
  var awaitedEvent: Int16 { Int16(answer == nil ? POLLIN : POLLOUT) }

  /// Reads or writes what the socket allows; false once there is nothing left to do.
  func advance(health: Health, metrics: Metrics) -> Bool {
    if answer == nil {
      var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { return count < 0 && Self.isTemporary(errno) }
      request += chunk[..<count]
      guard
        case .reply(let bytes) = AdminAnswer.answer(
          to: request, health: health.state, remarks: { health.remarks.lines }, metrics: metrics.exposition)
      else { return true }
      answer = bytes[...]
    }
    guard let left = answer else { return false }
    let count = left.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    guard count >= 0 else { return Self.isTemporary(errno) }
    answer = left.dropFirst(count)
    guard count == left.count else { return true }
    shutdown(descriptor, Int32(SHUT_WR))
    return false
  }

  private static func isTemporary(_ code: Int32) -> Bool { code == EAGAIN || code == EINTR }

  /// A clock that nobody sets.
  static func milliseconds() -> Int64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int64(now.tv_sec) * 1_000 + Int64(now.tv_nsec) / 1_000_000
  }
}
