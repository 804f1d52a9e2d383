/// What the interceptors are to hear of one call, from its first frame to its end.
struct CallRecord {
  let context: CallContext
  /// When the first frame came.
  let start: ContinuousClock.Instant
  /// How many interceptors know that it has begun.
  var begun = 0
  var requestBytes = 0
  var responseBytes = 0
}

/// The interceptors of a server, in the order in which they are asked.
struct Interceptors: Sendable {
  private let all: [any ServerInterceptor]

  init(_ all: [any ServerInterceptor]) { self.all = all }

  /// Asks one after the other until one refuses; `begun` counts those that were asked.
  func begin(_ context: CallContext, _ begun: inout Int) throws(RPCError) {
    for index in all.indices {
      begun += 1
      try all[index].began(context)
    }
  }

  /// Tells all of them. To be called once for each call.
  func end(_ record: CallRecord, _ error: RPCError?) {
    end(
      record.context, begun: record.begun, error, since: record.start, requestBytes: record.requestBytes,
      responseBytes: record.responseBytes)
  }

  /// The same for a call without a record.
  func end(
    _ context: CallContext, begun: Int, _ error: RPCError?, since start: ContinuousClock.Instant, requestBytes: Int,
    responseBytes: Int
  ) {
    guard !all.isEmpty else { return }
    var summary = CallSummary(
      hasBegun: true, error: error, duration: start.duration(to: .now), requestBytes: requestBytes,
      responseBytes: responseBytes)
    for index in all.indices {
      summary.hasBegun = index < begun
      all[index].ended(context, summary)
    }
  }
}
