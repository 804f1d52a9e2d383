import Testing

@testable import Transport

@Suite("How many connections a source may begin")
struct SourceLimiterTests {
  private let start = ContinuousClock.now

  private func source(_ network: UInt64, isIPv6: Bool = false) -> SourceLimiter.Source {
    SourceLimiter.Source(isIPv6: isIPv6, network: network)
  }

  private func admitted(_ limiter: inout SourceLimiter, _ source: SourceLimiter.Source, _ count: Int, after: Duration)
    -> Int
  {
    (0..<count).count { _ in limiter.admit(source, at: start + after) }
  }

  @Test("so many at once, and more as time passes, up to the burst again")
  func bucket() {
    var limiter = SourceLimiter(burst: 10, perSecond: 4)
    #expect(admitted(&limiter, source(1), 20, after: .zero) == 10)
    #expect(admitted(&limiter, source(1), 20, after: .milliseconds(500)) == 2)
    #expect(admitted(&limiter, source(1), 20, after: .seconds(1)) == 2)
    #expect(admitted(&limiter, source(1), 20, after: .seconds(100)) == 10)
  }

  @Test("places held in vain are paid for, up to a debt that is soon paid back, and by nobody else")
  func charge() {
    var limiter = SourceLimiter(burst: 10, perSecond: 4)
    #expect(admitted(&limiter, source(1), 2, after: .zero) == 2)
    #expect(admitted(&limiter, source(2), 2, after: .zero) == 2)
    // 8 tokens are left, 16 are to be paid.
    limiter.charge(source(1), for: .seconds(2), at: start)
    #expect(admitted(&limiter, source(1), 5, after: .seconds(2)) == 0)
    #expect(admitted(&limiter, source(1), 5, after: .seconds(3)) == 4)
    limiter.charge(source(1), for: .seconds(1_000), at: start + .seconds(3))
    #expect(admitted(&limiter, source(1), 5, after: .seconds(8)) == 0)
    #expect(admitted(&limiter, source(1), 5, after: .milliseconds(8_500)) == 2)
    #expect(admitted(&limiter, source(2), 20, after: .zero) == 8)
    limiter.charge(source(3), for: .seconds(1), at: start)
    #expect(admitted(&limiter, source(3), 20, after: .zero) == 2)
  }

  @Test("one source's flood costs no other anything")
  func apart() {
    var limiter = SourceLimiter(burst: 5, perSecond: 1)
    #expect(admitted(&limiter, source(1), 100, after: .zero) == 5)
    #expect(admitted(&limiter, source(2), 5, after: .zero) == 5)
    #expect(admitted(&limiter, source(1, isIPv6: true), 5, after: .zero) == 5)
  }

  @Test("a flood of sources shares what is left, and is forgotten when its time is over")
  func manySources() {
    var limiter = SourceLimiter(burst: 2, perSecond: 1)
    let first = (0..<UInt64(SourceLimiter.maximumBuckets)).count { limiter.admit(source($0), at: start) }
    #expect(first == SourceLimiter.maximumBuckets)
    let newcomer = admitted(&limiter, source(1 << 41), 1, after: .zero)
    limiter.charge(source(1 << 41), for: .seconds(1_000), at: start)
    let newcomers = (0..<UInt64(100)).count { limiter.admit(source(1 << 40 + $0), at: start) }
    #expect(newcomer + newcomers == 2)
    #expect(admitted(&limiter, source(7), 5, after: .zero) == 1)
    #expect(admitted(&limiter, source(1 << 50), 5, after: .seconds(60)) == 2)
  }

  @Test(
    "sources are IPv4 addresses and IPv6 networks of 64 bits",
    arguments: [
      ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("2001:db8::1", "2001:db8::ffff", true),
      ("2001:db8::1", "2001:db8:0:1::1", false), ("::ffff:10.0.0.1", "10.0.0.1", true), ("::1", "0.0.0.1", false),
    ])
  func sources(one: String, other: String, areSame: Bool) throws {
    func source(_ host: String) throws -> SourceLimiter.Source {
      try #require(try SocketAddress(host: host, port: 1).resolve().first).source
    }
    #expect(try (source(one) == source(other)) == areSame)
  }
}
