import Foundation
import Synchronization
import Testing

/// Hands bytes on to a server, and cuts each connection when so many have gone through it, in whichever direction.
final class CuttingProxy: Sendable {
  let port: UInt16
  private let listener: Int32
  private let cutCount = Atomic(0)

  /// Connections cut so far.
  var cuts: Int { cutCount.load(ordering: .relaxed) }

  /// Hands on to `target`; `budgets` says how many bytes each connection lives for, the ones after that for ever.
  init(to target: UInt16, budgets: [Int]) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = Self.loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let code = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) + listen(listener, 5) + getsockname(listener, $0, &length)
      }
    }
    try #require(code == 0)
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      var budgets = budgets[...]
      while case let client = accept(listener, nil, nil), client >= 0 {
        let budget = budgets.popFirst() ?? .max
        Thread.detachNewThread { self.carry(client, target, budget) }
      }
    }
  }

  /// Takes no more connections.
  func close() { shutdown(listener, Int32(SHUT_RDWR)) }

  private func carry(_ client: Int32, _ target: UInt16, _ budget: Int) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer {
      Glibc.close(client)
      Glibc.close(server)
    }
    var address = Self.loopback(target)
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { return }
    var left = budget
    var buffer = [UInt8](repeating: 0, count: 4_096)
    var polled = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while poll(&polled, 2, -1) > 0 {
      for (from, to) in [(0, 1), (1, 0)] where polled[from].revents != 0 {
        let count = recv(polled[from].fd, &buffer, min(buffer.count, left), 0)
        guard count > 0 else { return }
        guard send(polled[to].fd, buffer, count, Int32(MSG_NOSIGNAL)) == count else { return }
        left -= count
        guard left > 0 else {
          cutCount.add(1, ordering: .relaxed)
          return
        }
      }
    }
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = port.bigEndian
    return address
  }
}
