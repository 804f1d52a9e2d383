import Testing

@testable import RPC

@Suite("What the passing of time asks of a connection")
struct HousekeepingTests {
  private let liveness = {
    var liveness = Liveness()
    liveness.keepaliveInterval = .seconds(5)
    liveness.keepaliveTimeout = .seconds(2)
    liveness.frameTimeout = .seconds(3)
    return liveness
  }()

  private func orders(_ housekeeping: inout Housekeeping, _ ticks: Int, isBusy: Bool) -> [Housekeeping.Order] {
    (0..<ticks).map { _ in housekeeping.tick(isBusy: isBusy) }
  }

  @Test("a silent peer with calls in flight is asked for a sign of life, and given up when it gives none")
  func silent() {
    var connection = Housekeeping(liveness)
    #expect(orders(&connection, 4, isBusy: true).allSatisfy { $0 == .nothing })
    #expect(orders(&connection, 3, isBusy: true) == [.ping, .nothing, .silent])
  }

  @Test("a sign of life is enough, whatever it is")
  func alive() {
    var connection = Housekeeping(liveness)
    #expect(orders(&connection, 5, isBusy: true).last == .ping)
    connection.heard(hasWholeFrame: true, leavesPart: false)
    #expect(orders(&connection, 5, isBusy: true) == [.nothing, .nothing, .nothing, .nothing, .ping])
  }

  @Test("nobody is asked while there are no calls")
  func quiet() {
    var connection = Housekeeping(liveness)
    #expect(orders(&connection, 100, isBusy: false).allSatisfy { $0 == .nothing })
  }

  @Test("a frame that does not come whole ends the connection, however busily its bytes drip")
  func drip() {
    var connection = Housekeeping(liveness)
    var last = Housekeeping.Order.nothing
    for tick in 0..<4 {
      connection.heard(hasWholeFrame: false, leavesPart: true)
      last = connection.tick(isBusy: false)
      #expect(last == (tick == 3 ? .stuckFrame : .nothing))
    }
  }

  @Test("a sender of long frames, none of which takes long, is left alone")
  func longFrames() {
    var connection = Housekeeping(liveness)
    for _ in 0..<20 {
      connection.heard(hasWholeFrame: false, leavesPart: true)
      #expect(connection.tick(isBusy: true) == .nothing)
      connection.heard(hasWholeFrame: true, leavesPart: true)
      #expect(connection.tick(isBusy: true) == .nothing)
    }
    connection.heard(hasWholeFrame: true, leavesPart: false)
    #expect(orders(&connection, 4, isBusy: false).allSatisfy { $0 == .nothing })
  }

  @Test("idle and aged are said once, and age also to who is busy")
  func retiring() {
    var idle = Housekeeping(liveness, idleTimeout: 3, age: 100)
    #expect(orders(&idle, 2, isBusy: true) == [.nothing, .nothing])
    #expect(orders(&idle, 5, isBusy: false) == [.nothing, .nothing, .idle, .nothing, .nothing])
    var aged = Housekeeping(liveness, idleTimeout: 100, age: 3)
    aged.heard(hasWholeFrame: true, leavesPart: false)
    #expect(orders(&aged, 4, isBusy: true) == [.nothing, .nothing, .aged, .nothing])
  }

  @Test("times are rounded up to ticks, and none is less than one")
  func rounding() {
    var liveness = Liveness()
    liveness.tick = .milliseconds(300)
    #expect(liveness.ticks(.seconds(1)) == 4)
    #expect(liveness.ticks(.zero) == 1)
    #expect(liveness.ticks(.seconds(1_000_000_000)) == Int(Int32.max))
  }
}

@Suite("Frames that cost their sender nothing")
struct AllowanceTests {
  @Test("are taken up to their burst, and some more with each second", arguments: Allowance.Kind.allCases)
  func burst(kind: Allowance.Kind) {
    var allowance = Allowance()
    #expect((0..<kind.burst).allSatisfy { _ in allowance.take(kind) })
    var isLeft = allowance.take(kind)
    #expect(!isLeft)
    allowance = Allowance()
    for _ in 0..<kind.burst { _ = allowance.take(kind) }
    allowance.refill()
    #expect((0..<kind.perSecond).allSatisfy { _ in allowance.take(kind) })
    isLeft = allowance.take(kind)
    #expect(!isLeft)
    for _ in 0..<1_000 { allowance.refill() }
    #expect((0..<kind.burst).allSatisfy { _ in allowance.take(kind) })
    isLeft = allowance.take(kind)
    #expect(!isLeft)
  }

  @Test(
    "end the connection when there are too many",
    arguments: [
      (frame(.ping, body: [UInt8](repeating: 1, count: 8)), Allowance.Kind.pings),
      (frame(.pong, body: [UInt8](repeating: 1, count: 8)), .others),
      (frame(.credit, body: [0, 0, 0, 1]), .others),
    ])
  func ends(bytes: [UInt8], kind: Allowance.Kind) throws {
    var side = Side(.server)
    for _ in 0..<kind.burst { try side.feed(bytes) }
    #expect(throws: ProtocolError.tooMany(kind)) { try side.feed(bytes) }
  }
}
