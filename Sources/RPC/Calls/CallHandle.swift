/// Gives a client's call up when nobody holds it any more.
final class CallHandle: Sendable {
  let call: Call

  init(_ call: Call) { self.call = call }

  deinit { call.abandon() }
}
