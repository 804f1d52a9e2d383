import Messages
import NightjarClient
import RPC
import RankedLists

/// Answers `GetRecommendations` from mapped lists, on the reactor's thread: no task, no lock, no reference count.
struct Recommender: Sendable {
  let live: LiveTable
  let ids = RecommendationIDs()

  /// Numbers of the response's fields, ranker.proto.
  private enum Field {
    static let outcome = 1
    static let items = 2
    static let model = 3
    static let bake = 4
    static let recommendationID = 5
    static let frozen = 6
    static let fallback = 7
    static let asOf = 8
    static let arm = 9
  }

  /// Numbers of an item's fields.
  private enum ItemField {
    static let product = 1
    static let offer = 2
    static let score = 3
  }

  func answer(
    _ request: View<Proto.GetRecommendationsRequest>, _ response: inout MessageWriter, _ context: CallContext
  ) throws(RPCError) {
    let limit = request.limit == 0 ? RankerService.defaultLimit : request.limit
    guard (1...RankerService.maximumLimit).contains(limit) else {
      throw Self.invalid("limit", "is \(limit); 1 to \(RankerService.maximumLimit) are admitted")
    }
    try request.withUTF8(\.tenant) { (tenant) throws(RPCError) in
      try context.authorise(tenant: tenant)
      let slot = try slot(of: tenant)
      try request.withUTF8(\.customer) { (customer) throws(RPCError) in
        guard (1...Limits.identifierBytes).contains(customer.count) else {
          throw Self.invalid(
            "customer", "has \(customer.count) bytes; 1 to \(Limits.identifierBytes) are admitted")
        }
        try write(&response, from: slot, customer: customer, limit: Int(limit))
      }
    }
  }

  private static func invalid(_ field: String, _ reason: String) -> RPCError {
    RPCError(.invalidArgument, "\(field) \(reason)", violations: [FieldViolation(field, reason)])
  }

  private func slot(of tenant: UnsafeRawBufferPointer) throws(RPCError) -> UnsafePointer<TenantSlot> {
    switch live.find(tenant) {
    case .tenant(let slot): return slot
    case .unknown:
      throw RPCError(.notFound, "there is no tenant '\(String(decoding: tenant, as: UTF8.self))'")
    case .notToldYet:
      throw RPCError(
        .unavailable, "this ranker has not heard from control yet which tenants there are; is control running?")
    }
  }

  private func write(
    _ response: inout MessageWriter, from slot: UnsafePointer<TenantSlot>, customer: UnsafeRawBufferPointer, limit: Int
  ) throws(RPCError) {
    guard slot.pointee.mode != .off else {
      response.varint(Field.outcome, .off)
      return writeID(&response)
    }
    guard let arm = slot.pointee.arm(of: customer) else {
      throw RPCError(
        .unavailable,
        "tenant '\(String(decoding: slot.pointee.tenant, as: UTF8.self))' has no list yet on this ranker: its first night "
          + "has not ended, or its artifact is not adopted yet")
    }
    var fallback = Proto.Fallback.none
    var asOf: Int64 = 0
    if let lists = arm.pointee.lists {
      lists._withUnsafeGuaranteedRef { lists in
        asOf = lists.header.asOf
        fallback = writeItems(&response, of: lists, customer, limit, isDataFloor: arm.pointee.isDataFloor)
      }
    } else {
      response.varint(Field.outcome, .nothing)
    }
    response.text(Field.model, arm.pointee.model)
    response.text(Field.bake, arm.pointee.bake)
    writeID(&response)
    if slot.pointee.mode == .frozen { response.varint(Field.frozen, 1) }
    if fallback != .none { response.varint(Field.fallback, UInt64(fallback.rawValue)) }
    if asOf != 0 { response.varint(Field.asOf, UInt64(bitPattern: asOf)) }
    response.text(Field.arm, arm.pointee.id)
  }

  private func writeID(_ response: inout MessageWriter) {
    withUnsafeTemporaryAllocation(byteCount: Limits.recommendationIDDigits, alignment: 1) { digits in
      ids.next(into: digits)
      response.bytes(Field.recommendationID, UnsafeRawBufferPointer(digits))
    }
  }

  /// Writes the outcome and the list; returns what the list stands in for.
  private func writeItems(
    _ response: inout MessageWriter, of lists: RankedLists, _ customer: UnsafeRawBufferPointer, _ limit: Int,
    isDataFloor: Bool
  ) -> Proto.Fallback {
    if let list = lists.lookup(customer) {
      return writeItems(&response, list, of: lists, limit, isDataFloor ? .dataFloor : .none)
    }
    if let list = lists.fallback(.overall) {
      return writeItems(&response, list, of: lists, limit, isDataFloor ? .dataFloor : .unknownCustomer)
    }
    response.varint(Field.outcome, .nothing)
    return .none
  }

  private func writeItems(
    _ response: inout MessageWriter, _ list: borrowing ListView, of lists: RankedLists, _ limit: Int,
    _ fallback: Proto.Fallback
  ) -> Proto.Fallback {
    guard list.count > 0 else {
      response.varint(Field.outcome, .nothing)
      return .none
    }
    response.varint(Field.outcome, fallback == .none ? .list : .fallback)
    for position in 0..<min(limit, list.count) {
      let entry = list[position]
      let candidate = lists.candidate(entry.candidate)
      response.message(Field.items) { item in
        candidate.product.withUnsafeBytes { item.text(ItemField.product, $0) }
        candidate.offer.withUnsafeBytes { item.text(ItemField.offer, $0) }
        if entry.score != 0 { item.float(ItemField.score, entry.score) }
      }
    }
    return fallback
  }
}

extension MessageWriter {
  /// A string, unless it is the empty one.
  @inline(__always)
  fileprivate mutating func text(_ field: Int, _ text: UnsafeRawBufferPointer) {
    if !text.isEmpty { bytes(field, text) }
  }

  @inline(__always)
  fileprivate mutating func varint(_ field: Int, _ outcome: Proto.Outcome) { varint(field, UInt64(outcome.rawValue)) }
}
