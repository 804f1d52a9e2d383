import Dispatch
import Synchronization

/// What `body` makes of 0 ..< `count`, worked out on up to `threads` threads; the order of the results is that of the numbers.
func concurrently<Value: Sendable>(
  _ count: Int, threads: Int, _ body: @escaping @Sendable (Int) -> Value
) -> [Value] {
  let next = Atomic(0)
  let values = Mutex([Value?](repeating: nil, count: count))
  DispatchQueue.concurrentPerform(iterations: max(1, min(threads, count))) { _ in
    while true {
      let number = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard number < count else { return }
      let value = body(number)
      values.withLock { $0[number] = value }
    }
  }
  return values.withLock { $0.compactMap { $0 } }
}
