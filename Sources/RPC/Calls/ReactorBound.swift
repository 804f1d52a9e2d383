import Transport

/// Mutable state that only one reactor's thread may touch.
final class ReactorBound<Value>: @unchecked Sendable {
  // Sendable because every access proves that it is on that thread.
  private let reactor: Reactor
  private var stored: Value

  init(_ value: Value, to reactor: Reactor) {
    stored = value
    self.reactor = reactor
  }

  var value: Value {
    get {
      precondition(reactor.isCurrent, "state of a reactor touched from another thread")
      return stored
    }
    _modify {
      precondition(reactor.isCurrent, "state of a reactor touched from another thread")
      yield &stored
    }
  }
}
