import Foundation
import Messages
import Testing
import Transport

@testable import RPC

/// A conversation as it was recorded, frame by frame.
private struct Recording: Sendable {
  enum Frame: Sendable {
    /// What the peer says.
    case theirs([UInt8])
    /// What we say to that; nil = a nibble that may be anything, such as those of a timeout that runs.
    case ours([UInt8?])
  }

  let frames: [Frame]

  /// Reads `name` in the folder of recordings.
  init(_ name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Recordings")
    let text = try String(contentsOf: folder.appending(path: "\(name).txt"), encoding: .utf8)
    frames = try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let nibbles = line.dropFirst().filter { $0 != " " }.map { $0.hexDigitValue.map(UInt8.init) }
      guard line.hasPrefix(">") else { return .ours(nibbles) }
      let digits = try #require(nibbles as? [UInt8])
      return .theirs(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
    }
    try #require(!frames.isEmpty)
  }

  /// Plays the peer's part, and compares each of our answers when it has come whole.
  func play(to peer: RawPeer) async throws {
    var taken = 0
    for frame in frames {
      switch frame {
      case .theirs(let bytes): peer.send(bytes)
      case .ours(let expected):
        let end = taken + expected.count / 2
        await until("our frame has come") { peer.received.count >= end || peer.isClosed }
        let received = peer.received[taken..<min(end, peer.received.count)].flatMap { [$0 >> 4, $0 & 15] }
        try #require(received.count == expected.count, "the connection ended: \(peer.goAwayReason ?? "no reason")")
        let isAsRecorded = zip(received, expected).allSatisfy { $1 == nil || $0 == $1 }
        #expect(isAsRecorded, "received \(received.map { String($0, radix: 16) }.joined())")
        taken = end
      }
    }
    #expect(peer.received.count == taken, "more frames than were recorded")
  }
}

/// A build and its neighbour in age talk to each other while a fleet is renewed, machine by machine.
@Suite("a rolling upgrade")
struct UpgradeTests {
  private static let service = routes { router in
    router.onReactor(TestService.onReactor) { request, response, _ throws(RPCError) in response.grant = request.grant }
    router.stream(TestService.bidirectional) { requests, responses, _ in
      for try await request in requests { try await responses.send { $0.grant = request.grant } }
    }
  }

  @Test(
    "a server answers clients of its own version and of the next as was recorded",
    arguments: ["client-of-version-1", "client-of-version-2"])
  func servers(name: String) async throws {
    let recording = try Recording(name)
    try await withService(Self.service) { _, server in
      let peer = try await RawPeer.client(to: server.port)
      try await recording.play(to: peer)
      #expect(!peer.isClosed)
      peer.close()
    }
  }

  @Test(
    "a client talks to servers of its own version and of the next as was recorded",
    arguments: [
      ("server-of-version-1", RPCError(.invalidArgument, "grant: too long", violations: [.init("grant", "too long")])),
      ("server-of-version-2", RPCError(.unknown, "too new", retryAfter: .milliseconds(7))),
    ])
  func clients(name: String, error: RPCError) async throws {
    let recording = try Recording(name)
    let reactor = try Reactor(name: "recorded")
    let (peers, continuation) = AsyncStream.makeStream(of: RawPeer.self)
    let listener = try Listener(
      address: SocketAddress(host: "127.0.0.1", port: 0), context: try TLSContext(server: Certificates.of(.ranker)),
      reactors: [reactor],
      accept: {
        let peer = RawPeer($0)
        continuation.yield(peer)
        return peer
      })
    let client = try channel(to: listener.port)
    async let calls: Void = {
      try await #expect(client.text(TestService.unary, "one") == "eins")
      #expect(await failure { _ = try await client.text(TestService.unary, "two") } == error)
    }()
    let peer = try #require(await peers.first { _ in true })
    try await recording.play(to: peer)
    try await calls
    await client.close()
    listener.close()
    reactor.stop()
  }
}
