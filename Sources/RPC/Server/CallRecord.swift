import Transport

/// What the interceptors are to hear of one call, from its first frame to its end.
struct CallRecord {
  let context: CallContext
  /// When the first frame came.
  let start: Moment
  /// How many interceptors know that it has begun.
  var begun = 0
  var requestBytes = 0
  var responseBytes = 0
}

/// The interceptors of a server, in the order in which they are asked.
final class Interceptors: Sendable {
  private let all: [any ServerInterceptor]
  /// The place in `all` of those that see every call.
  private let seers: [Int]

  init(_ all: [any ServerInterceptor]) {
    self.all = all
    seers = all.indices.filter { all[$0].seesCallsThatEndWell }
  }

  /// Asks one after the other until one refuses; `begun` counts those that know then that the call has begun.
  func begin(_ context: CallContext, _ begun: inout Int) throws(RPCError) {
    for index in seers {
      begun = index + 1
      try all[index].began(context)
    }
    begun = all.count
  }

  /// Tells all of them. To be called once for each call.
  func end(_ record: CallRecord, _ error: RPCError) {
    var summary = CallSummary(
      hasBegun: true, error: error, nanoseconds: record.start.nanoseconds(to: .now), requestBytes: record.requestBytes,
      responseBytes: record.responseBytes)
    for index in all.indices {
      summary.hasBegun = index < record.begun
      all[index].ended(record.context, summary)
    }
  }

  /// The same for a call that ended well.
  func end(_ context: CallContext, since start: Moment, requestBytes: Int, responseBytes: Int) {
    guard !seers.isEmpty else { return }
    let summary = CallSummary(
      hasBegun: true, error: nil, nanoseconds: start.nanoseconds(to: .now), requestBytes: requestBytes,
      responseBytes: responseBytes)
    for index in seers { all[index].ended(context, summary) }
  }
}
