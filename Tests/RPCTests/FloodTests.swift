import Foundation
import Messages
import Testing

@testable import RPC
@testable import Transport

/// What a peer does that only wants to be a burden.
private enum Visitor: CaseIterable {
  /// Connects and goes.
  case goesAtOnce
  /// Says a few bytes that are no TLS, and goes.
  case mumbles
  /// Resets the connection in its handshake.
  case resetsInHandshake
  /// Shakes hands, and resets the connection in the middle of a frame.
  case resetsInFrame
  /// Shakes hands, announces a frame of 4 GiB, and goes.
  case announcesMuch

  static func make(_ index: Int) -> Visitor {
    // A handshake costs both sides 1.5 ms of CPU, so those who shake hands are few.
    guard index % 40 == 0 else { return [.goesAtOnce, .mumbles, .resetsInHandshake][index % 3] }
    return index % 80 == 0 ? .resetsInFrame : .announcesMuch
  }

  /// Comes and goes; blocks meanwhile.
  func visit(_ address: ResolvedAddress, _ context: TLSContext) throws {
    let socket = try Descriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0), operation: "socket")
    guard address.withPointer({ connect(socket.raw, $0, $1) }) == 0 else { throw TransportError.system("connect") }
    switch self {
    case .goesAtOnce: break
    case .mumbles: _ = send(socket.raw, "hello", 5, Int32(MSG_NOSIGNAL))
    case .resetsInHandshake:
      // The head of a ClientHello whose body does not come.
      _ = send(socket.raw, [0x16, 3, 1, 2, 0, 1], 6, Int32(MSG_NOSIGNAL))
      reset(socket)
    case .resetsInFrame:
      let session = try shakeHands(socket, context)
      let call = frame(.call, .more, stream: 1, method: TestService.unary.id, body: [0x0a, 5]).dropLast()
      _ = (helloFrame + call).withUnsafeBytes { session.write($0) }
      reset(socket)
    case .announcesMuch:
      let session = try shakeHands(socket, context)
      var call = frame(.call, .endStream, stream: 1, method: TestService.unary.id)
      for index in 20..<24 { call[index] = 0xff }
      _ = (helloFrame + call).withUnsafeBytes { session.write($0) }
    }
  }

  private func shakeHands(_ socket: Descriptor, _ context: TLSContext) throws -> TLSSession {
    let session = try TLSSession(context, socket, serverName: nil)
    guard case .done = session.handshake() else { throw TransportError.refused("the handshake failed") }
    return session
  }

  /// Makes the socket's end a reset.
  private func reset(_ socket: Descriptor) {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(socket.raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }
}

@Suite("Floods", .serialized)
struct FloodTests {
  private static let echo = routes { router in
    router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in response.grant = request.grant }
    router.unary(TestService.unary) { request, _ in Encoded { $0.grant = request.grant } }
  }

  /// How long another caller may have to wait. Any process may lose its processor for a moment: a few may wait longer.
  private static let longestWait = Duration.milliseconds(100)
  private static let mostThatWaitLonger = 3

  /// Descriptors that this process has open.
  private static func descriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }

  /// Memory of this process that is its own.
  private static func residentBytes() throws -> Int {
    let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
    return try #require(Int(fields[1])) * sysconf(Int32(_SC_PAGESIZE))
  }

  /// Runs `flood` on a thread of its own while another caller goes on calling, none of whose calls may wait for long.
  private func withOthersCalling(_ channel: Channel, _ flood: @escaping @Sendable () throws -> Void) async throws {
    let isOver = Counter()
    let thread = Task {
      try await withCheckedThrowingContinuation { done in
        Thread { done.resume(with: Result { try flood() }) }.start()
      }
      isOver.add()
    }
    var (calls, late) = (0, 0)
    while isOver.value == 0, !thread.isCancelled {
      let start = ContinuousClock.now
      let answer = try await channel.call(TestService.onReactor, timeout: .seconds(1)) { $0.grant = [7] }
      try #require(answer.grant == [7])
      calls += 1
      if start.duration(to: .now) > Self.longestWait { late += 1 }
      if calls % 50 == 0 { try await Task.sleep(for: .milliseconds(1)) }
    }
    try await thread.value
    #expect(calls > 100)
    #expect(late <= Self.mostThatWaitLonger)
  }

  @Test("ten thousand connections that come and go leave nothing behind, and keep nobody waiting")
  func visitors() async throws {
    var limits = ServerLimits.standard
    limits.listener.burstPerSource = 20_000
    try await withService(Self.echo, limits: limits) { channel, server in
      let address = try #require(SocketAddress(host: "127.0.0.1", port: server.port).resolve().first)
      let context = try TLSContext(client: Certificates.of(.platform))
      // The first of each kind sets up what stays.
      for kind in Visitor.allCases { try kind.visit(address, context) }
      _ = try await channel.text(TestService.unary, "fine")
      await until("they are gone") { server.figures.listener.openConnections == 1 }
      let (descriptors, bytes) = (try Self.descriptors(), try Self.residentBytes())
      let before = server.figures.listener.accepted

      try await withOthersCalling(channel) {
        for index in 0..<10_000 { try Visitor.make(index).visit(address, context) }
      }
      await until("all were seen") { server.figures.listener.accepted == before + 10_000 }
      await until("they are gone") { server.figures.listener.openConnections == 1 }
      // What the system's libraries open for themselves meanwhile is not more than a few.
      await until("their descriptors are closed") { (try? Self.descriptors()) ?? .max < descriptors + 10 }
      // 10,000 leaked connections would be 500 MB, 250 frames of 4 GiB more than there is.
      #expect(try Self.residentBytes() - bytes < 64 << 20)
      try await #expect(channel.text(TestService.unary, "fine") == "fine")
    }
  }

  @Test("a flood of calls that are given up at once keeps nobody waiting")
  func cancels() async throws {
    try await withService(Self.echo) { channel, server in
      let peer = try await RawPeer.client(to: server.port)
      peer.send(helloFrame)
      try await withOthersCalling(channel) {
        for batch in 0..<100 {
          let flood = (0..<40).flatMap { index in
            let stream = UInt32(2 * (40 * batch + index) + 1)
            return call(TestService.unary, .endStream, stream: stream, []) + frame(.cancel, stream: stream)
          }
          peer.send(flood)
          usleep(20_000)
        }
      }
      #expect(!peer.isClosed)
      peer.close()
    }
  }

  @Test("a flood of pings ends its connection, and keeps nobody waiting")
  func pings() async throws {
    try await withService(Self.echo) { channel, server in
      let peer = try await RawPeer.client(to: server.port)
      let busy = call(TestService.unary, .more, stream: 1, [0x0a])
      let pings = (0..<1_000).flatMap { _ in frame(.ping, body: [UInt8](repeating: 7, count: 8)) }
      peer.send(helloFrame + busy)
      try await withOthersCalling(channel) {
        for _ in 0..<100 {
          peer.send(pings)
          usleep(20_000)
        }
      }
      await until("the connection is closed") { peer.isClosed }
      #expect(peer.goAwayReason?.contains("too many pings") == true)
      #expect(peer.frames.filter { $0.header.type == .pong }.count == Limits.pingBurst)
    }
  }
}
