/// How many messages of each method went one way on a connection in this second, where the method has a limit.
struct MessageRates {
  private var counts: [UInt32: Int] = [:]

  /// Counts one more; the error where it is one too many.
  mutating func take(_ id: UInt32, most: Int, method: @autoclosure () -> String) -> RPCError? {
    counts[id, default: 0] += 1
    guard counts[id, default: 0] > most else { return nil }
    return RPCError(
      .resourceExhausted, "\(method()): over \(most) messages a second on one connection", retryAfter: .seconds(1))
  }

  /// A second has passed.
  mutating func refill() {
    if !counts.isEmpty { counts.removeAll(keepingCapacity: true) }
  }
}
