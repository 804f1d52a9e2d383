import Testing

@testable import RPC

@Suite("Retries")
struct RetriesTests {
  private let start = ContinuousClock.now
  private var random = SeededRandom(7)
  private var throttle = RetryThrottle()

  private static let lost = RPCError(.unavailable, "lost")
  private static let notSent = RPCError.unavailable("not sent", .notSent)
  private static let dropped = RPCError.unavailable("dropped", .dropped)

  private func retries(_ idempotency: Idempotency, within time: Duration = .seconds(60)) -> Retries {
    Retries(idempotency, until: start + time)
  }

  private mutating func next(
    _ retries: inout Retries, after error: RPCError, hasOtherServer: Bool = false, isWelcomeElsewhere: Bool = false,
    at time: Duration = .zero
  ) -> Retries.Next {
    retries.next(
      after: error, hasOtherServer: hasOtherServer, isWelcomeElsewhere: isWelcomeElsewhere, throttle: &throttle,
      now: start + time, random: &random)
  }

  @Test(
    "a call that may have been processed is repeated only where that is safe and the code says it may help",
    arguments: StatusCode.allCases.filter { $0 != .ok }, [Duration?.none, .milliseconds(5)])
  mutating func codes(code: StatusCode, pushback: Duration?) {
    let error = RPCError(code, "", retryAfter: pushback)
    let helps =
      code == .unavailable || (code == .resourceExhausted || code == .aborted) && pushback != nil
    for idempotency in [Idempotency.none, .keyed, .idempotent] {
      var retries = retries(idempotency)
      let next = next(&retries, after: error)
      #expect((next != .giveUp) == (helps && idempotency != .none))
    }
  }

  @Test("a server of which many calls fail at once keeps none of them from another that is well")
  mutating func elsewhere() {
    for call in 0..<100 {
      var (here, elsewhere) = (retries(.idempotent), retries(.idempotent))
      let again = next(&elsewhere, after: Self.lost, hasOtherServer: true, isWelcomeElsewhere: true)
      #expect(again != .giveUp)
      let same = next(&here, after: Self.lost)
      #expect((same == .giveUp) == (call >= 2))
    }
  }

  @Test("a call that nobody has seen is repeated whatever it does", arguments: [notSent, dropped])
  mutating func notProcessed(error: RPCError) {
    var retries = retries(.none)
    let next = next(&retries, after: error)
    #expect(next != .giveUp)
  }

  @Test("there are at most 5 attempts, with growing pauses that chance varies by a fifth")
  mutating func attempts() {
    var retries = retries(.idempotent)
    var expected = Backoff.retrying.first
    for attempt in 1...4 as ClosedRange<UInt32> {
      guard case .again(let delay) = next(&retries, after: Self.lost) else {
        Issue.record("no attempt after \(attempt)")
        return
      }
      #expect(delay >= expected * (1 - Backoff.jitter) && delay <= expected * (1 + Backoff.jitter))
      #expect(retries.attempt == attempt)
      expected = min(Backoff.retrying.maximum, expected * Backoff.factor)
    }
    let last = next(&retries, after: Self.lost)
    #expect(last == .giveUp)
  }

  @Test("a call that was not sent goes to another server at once, which counts for nothing")
  mutating func transparent() {
    var retries = retries(.none)
    for _ in 0..<20 {
      let next = next(&retries, after: Self.notSent, hasOtherServer: true)
      #expect(next == .again(after: .zero))
    }
    #expect(retries.attempt == 0 && throttle.tokens == RetryThrottle.maximumTokens)
    let backsOff = next(&retries, after: Self.notSent)
    #expect(backsOff != .again(after: .zero) && backsOff != .giveUp && retries.attempt == 1)
  }

  @Test("a call that a server dropped is repeated at once only the first time")
  mutating func droppedTwice() {
    var retries = retries(.none)
    let first = next(&retries, after: Self.dropped)
    let second = next(&retries, after: Self.dropped)
    #expect(first == .again(after: .zero) && second != .again(after: .zero) && second != .giveUp)
    #expect(retries.attempt == 1)
  }

  @Test("the server's own time replaces the pause, and the pauses begin anew after it")
  mutating func pushback() {
    var retries = retries(.idempotent)
    _ = next(&retries, after: Self.lost)
    _ = next(&retries, after: Self.lost)
    let told = next(&retries, after: RPCError(.resourceExhausted, "", retryAfter: .seconds(3)))
    #expect(told == .again(after: .seconds(3)))
    guard case .again(let delay) = next(&retries, after: Self.lost) else {
      Issue.record("no attempt after the pushback")
      return
    }
    #expect(delay <= Backoff.retrying.first * (1 + Backoff.jitter))
  }

  @Test("no attempt begins at or past the deadline")
  mutating func deadline() {
    var retries = retries(.idempotent, within: .seconds(1))
    let pushedPast = next(&retries, after: RPCError(.unavailable, "", retryAfter: .seconds(1)))
    #expect(pushedPast == .giveUp)
    let late = next(&retries, after: Self.notSent, hasOtherServer: true, at: .seconds(1))
    #expect(late == .giveUp)
    let inTime = next(&retries, after: Self.lost, at: .milliseconds(100))
    #expect(inTime != .giveUp)
    let tooLate = next(&retries, after: Self.lost, at: .milliseconds(999))
    #expect(tooLate == .giveUp)
  }

  @Test("many failures stop all retries until enough calls have succeeded")
  mutating func throttling() {
    var permitted = 0
    for _ in 0..<20 {
      var retries = retries(.idempotent)
      if next(&retries, after: Self.lost) != .giveUp { permitted += 1 }
    }
    #expect(permitted == 4 && throttle.tokens == 0)
    var unsent = retries(.none)
    let next = next(&unsent, after: Self.notSent)
    #expect(next != .giveUp)
    var successes = 0
    while !throttle.permits {
      throttle.succeeded()
      successes += 1
    }
    #expect((51...62).contains(successes))
    for _ in 0..<1_000 { throttle.succeeded() }
    #expect(throttle.tokens == RetryThrottle.maximumTokens)
  }

  @Test("errors that a retry cannot help say nothing of the servers' health")
  mutating func otherErrors() {
    for _ in 0..<50 {
      var retries = retries(.idempotent)
      _ = next(&retries, after: RPCError(.notFound, ""))
    }
    #expect(throttle.permits)
  }

  @Test("idempotency keys are 128 random bits in hexadecimal")
  func keys() {
    var random = SeededRandom(1)
    let keys = (0..<1_000).map { _ in IdempotencyKey.random(using: &random) }
    #expect(Set(keys).count == keys.count)
    #expect(keys.allSatisfy { $0.utf8.count == 32 && $0.allSatisfy(\.isHexDigit) })
  }
}
