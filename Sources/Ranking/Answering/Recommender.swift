import Messages
import NightjarClient
import RPC
import RankedLists

/// Answers `GetRecommendations` from mapped lists, on the reactor's thread: no task, no lock, no reference count.
struct Recommender: Sendable {
  let live: LiveTable
  let ids = RecommendationIDs()

  func answer(
    _ request: View<Proto.GetRecommendationsRequest>, _ response: Draft<Proto.GetRecommendationsResponse>,
    _ context: CallContext
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
        try fill(response, from: slot.pointee, customer: customer, limit: Int(limit))
      }
    }
    withUnsafeTemporaryAllocation(byteCount: Limits.recommendationIDDigits, alignment: 1) { digits in
      ids.next(into: digits)
      response.setUTF8(\.recommendation_id, UnsafeRawBufferPointer(digits))
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

  private func fill(
    _ response: Draft<Proto.GetRecommendationsResponse>, from slot: TenantSlot, customer: UnsafeRawBufferPointer,
    limit: Int
  ) throws(RPCError) {
    guard slot.mode != .off else {
      response.outcome = .off
      return
    }
    guard let arm = slot.arm(of: customer) else {
      throw RPCError(
        .unavailable,
        "tenant '\(String(decoding: slot.tenant, as: UTF8.self))' has no list yet on this ranker: its first night has "
          + "not ended, or its artifact is not adopted yet")
    }
    response.frozen = slot.mode == .frozen
    response.setUTF8(\.arm, arm.pointee.id)
    response.setUTF8(\.model, arm.pointee.model)
    response.setUTF8(\.bake, arm.pointee.bake)
    guard let lists = arm.pointee.lists else {
      response.outcome = .nothing
      return
    }
    let isDataFloor = arm.pointee.isDataFloor
    lists._withUnsafeGuaranteedRef { lists in
      response.as_of_us = lists.header.asOf
      if let list = lists.lookup(customer) {
        fill(response, with: list, of: lists, limit: limit, fallback: isDataFloor ? .dataFloor : .none)
      } else if let list = lists.fallback(.overall) {
        fill(response, with: list, of: lists, limit: limit, fallback: isDataFloor ? .dataFloor : .unknownCustomer)
      } else {
        response.outcome = .nothing
      }
    }
  }

  private func fill(
    _ response: Draft<Proto.GetRecommendationsResponse>, with list: borrowing ListView, of lists: RankedLists,
    limit: Int, fallback: Proto.Fallback
  ) {
    guard list.count > 0 else {
      response.outcome = .nothing
      return
    }
    response.outcome = fallback == .none ? .list : .fallback
    response.fallback = fallback
    response.list(\.n_items, \.items, of: 0..<min(limit, list.count)) { item, position in
      let entry = list[position]
      let candidate = lists.candidate(entry.candidate)
      candidate.product.withUnsafeBytes { item.setUTF8(\.product, $0) }
      candidate.offer.withUnsafeBytes { if !$0.isEmpty { item.setUTF8(\.offer, $0) } }
      item.score = entry.score
    }
  }
}
