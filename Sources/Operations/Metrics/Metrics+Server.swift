import RPC

extension Metrics {
  /// Shows what a server is doing besides its calls, which `CallMetrics` counts.
  func show(_ server: Server) {
    func show(_ name: String, _ kind: Kind, _ help: String, _ read: @escaping @Sendable (ServerFigures) -> Int) {
      register(name, kind, help: help) { [weak server] in server.map { Double(read($0.figures)) } ?? .nan }
    }
    show("nightjar_rpc_connections_open", .gauge, "Connections open, those that shake hands included.") {
      $0.listener.openConnections
    }
    show("nightjar_rpc_connections_accepted_total", .counter, "Connections taken off the kernel's queue.") {
      $0.listener.accepted
    }
    show("nightjar_rpc_connections_refused_total", .counter, "Connections turned away at a limit.") {
      $0.listener.refused
    }
    show("nightjar_rpc_handshakes_under_way", .gauge, "TLS handshakes that have not ended.") {
      $0.listener.handshakesUnderWay
    }
    show("nightjar_rpc_handshakes_done_total", .counter, "TLS handshakes with peers whom we believe.") {
      $0.listener.handshakesDone
    }
    show("nightjar_rpc_handshakes_failed_total", .counter, "TLS handshakes that ended otherwise.") {
      $0.listener.handshakesFailed
    }
    show("nightjar_rpc_handlers_running", .gauge, "Handlers in tasks of their own that have not returned.") {
      $0.runningHandlers
    }
    show("nightjar_rpc_blocking_calls", .gauge, "Calls that run on threads for blocking work, or wait for one.") {
      $0.blockingCalls
    }
    show("nightjar_rpc_unsent_bytes", .gauge, "Bytes that wait because the callers' sockets take no more.") {
      $0.unsentBytes
    }
  }
}
