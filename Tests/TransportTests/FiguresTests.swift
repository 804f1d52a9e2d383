import Testing

@testable import Transport

@Suite("What a listener and a reactor tell of themselves")
struct FiguresTests {
  @Test("connections, handshakes and how they ended are counted")
  func listener() async throws {
    let server = try Reactor(name: "server")
    let listener = try Loopback.listen(on: [server]) { _ in Echo() }
    let standing = try RawPeer(to: listener.port)
    let stranger = try Loopback.rawSocket(to: listener.port)
    await eventually("one has shaken hands, one is about to") {
      listener.figures.handshakesDone == 1 && listener.figures.handshakesUnderWay == 1
    }
    #expect(listener.figures.openConnections == 2)
    Loopback.sendPlain([UInt8](repeating: 0x42, count: 64), on: stranger)
    await eventually("it failed") { listener.figures.handshakesFailed == 1 }
    standing.hangUp()
    await eventually("nobody is left") { listener.figures.openConnections == 0 }
    #expect(
      listener.figures
        == ListenerFigures(
          accepted: 2, refused: 0, handshakesDone: 1, handshakesFailed: 1, handshakesUnderWay: 0, openConnections: 0))
    listener.close()
  }

  @Test("bytes that a peer does not take are counted until it is gone")
  func unsent() async throws {
    let server = try Reactor(name: "server")
    let listener = try Loopback.listen(on: [server]) { _ in Source(bytes: 40 << 20, highest: Box(0)) }
    let peer = try RawPeer(to: listener.port)
    peer.send([1])
    await eventually("bytes wait") { server.unsentBytes > 0 }
    peer.reset()
    await eventually("none wait any more") { server.unsentBytes == 0 }
    listener.close()
  }
}
