/// Gives a client's call up when nobody holds it any more.
final class CallHandle: Sendable {
  let call: Call
  /// Counts the call among those of its server.
  let load: ServerLoad?

  init(_ call: Call, load: ServerLoad? = nil) {
    self.call = call
    self.load = load
  }

  deinit { call.abandon() }
}
