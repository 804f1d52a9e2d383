import Messages
import NightjarClient
import RPC

extension Recommender {
  /// Answers for many customers of one tenant, one after the other.
  func answerBatch(
    _ request: View<Proto.BatchGetRecommendationsRequest>, _ context: CallContext
  ) throws -> Encoded<Proto.BatchGetRecommendationsResponse> {
    let customers = request.strings(\.n_customers, \.customers)
    guard (1...RankerService.maximumBatch).contains(customers.count) else {
      throw Demand.refusal(
        "customers", "has \(customers.count) elements; 1 to \(RankerService.maximumBatch) are admitted")
    }
    let demand = try Demand(request)
    let key = try request.withBytes(\.call_key) { (bytes) throws(RPCError) in try CallKey(bytes) }
    try context.authorise(tenant: request.tenant)
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: RankerService.getRecommendations.maximumResponseBytes, alignment: MemoryLayout<UInt64>.alignment)
    defer { memory.deallocate() }
    var bytes: [UInt8] = []
    try live.held { (table) throws(RPCError) in
      for (index, customer) in customers.enumerated() {
        guard context.remaining > .zero, !Task.isCancelled else {
          throw RPCError(.deadlineExceeded, "\(context.method): \(index) of \(customers.count) customers were answered")
        }
        let slot = try request.withUTF8(\.tenant) { (tenant) throws(RPCError) in
          try Self.slot(of: tenant, table.find(tenant))
        }
        // One batch may hold more than a ring does, and its thread may be blocked.
        served?.waitForRoom()
        if index % Limits.customersAtOnce == 0 { BlockingPool.makeWay() }
        var writer = MessageWriter(into: memory)
        try Array(customer.utf8).withBytes { (customer) throws(RPCError) in
          try Self.check(unknown: customer, "customers[\(index)]")
          try write(&writer, from: slot, customer: customer, limit: demand.limit, demand, key)
        }
        precondition(!writer.hasOverflowed, "an answer is longer than its own method admits")
        bytes.appendMessage(field: 1, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<writer.count]))
      }
    }
    return Encoded(unchecked: bytes)
  }
}

extension [UInt8] {
  /// `withUnsafeBytes` that carries typed errors.
  func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws(RPCError) -> R) throws(RPCError) -> R {
    let result = withUnsafeBytes { bytes in Result { () throws(RPCError) in try body(bytes) } }
    return try result.get()
  }

  /// Appends a submessage that is encoded already, as protobuf's wire format has it.
  mutating func appendMessage(field: Int, _ message: UnsafeRawBufferPointer) {
    var rest = message.count
    append(UInt8(field << 3 | 2))
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
    append(contentsOf: message)
  }
}
