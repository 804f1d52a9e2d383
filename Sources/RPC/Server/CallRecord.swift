/// What the interceptors are to hear of one call, from its first frame to its end.
struct CallRecord {
  let context: CallContext
  /// When the first frame came.
  let start: ContinuousClock.Instant
  /// How many interceptors know that it has begun.
  fileprivate(set) var begun = 0
  var requestBytes = 0
  var responseBytes = 0
}

/// The interceptors of a server, in the order in which they are asked.
struct Interceptors: Sendable {
  private let all: [any ServerInterceptor]

  init(_ all: [any ServerInterceptor]) { self.all = all }

  /// Asks one after the other until one refuses.
  func begin(_ record: inout CallRecord) throws(RPCError) {
    for interceptor in all {
      record.begun += 1
      try interceptor.began(record.context)
    }
  }

  /// Tells all of them. To be called once for each call.
  func end(_ record: CallRecord, _ error: RPCError?) {
    guard !all.isEmpty else { return }
    var summary = CallSummary(
      hasBegun: true, error: error, duration: record.start.duration(to: .now), requestBytes: record.requestBytes,
      responseBytes: record.responseBytes)
    for (index, interceptor) in all.enumerated() {
      summary.hasBegun = index < record.begun
      interceptor.ended(record.context, summary)
    }
  }
}
