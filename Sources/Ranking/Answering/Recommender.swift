import Commerce
import Messages
import NightjarClient
import RPC
import RankedLists

/// Answers `GetRecommendations` from mapped lists. A request for nothing but a list is answered on the reactor's thread with
/// no task, no lock, no reference count; one that tells of the call, on a pool.
struct Recommender: Sendable {
  let live: LiveTable
  /// Called once for each tenant that is asked for before its lists are adopted.
  let isAskedFor: @Sendable (TenantID) -> Void
  let ids = RecommendationIDs()
  /// Nil = answers are not written down.
  let served: ServedLog?

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
    static let propensity = 10
    static let age = 11
    static let nothing = 12
    static let refilled = 13
    static let reranked = 14
  }

  /// Numbers of an item's fields.
  private enum ItemField {
    static let product = 1
    static let offer = 2
    static let score = 3
    static let name = 4
    static let reason = 5
    static let because = 6
    static let pinned = 7
  }

  /// Whether a request takes longer than a reactor has time.
  @inline(__always)
  static func isHeavy(_ request: View<Proto.GetRecommendationsRequest>) -> Bool { request.has(\.context) }

  func answer(
    _ request: View<Proto.GetRecommendationsRequest>, _ response: inout MessageWriter, _ context: CallContext
  ) throws(RPCError) {
    let limit = try Demand.limit(request.limit)
    let demand = Demand.isPlain(request) ? nil : try Demand(request)
    let key = try request.withBytes(\.call_key) { (bytes) throws(RPCError) in try CallKey(bytes) }
    try request.withUTF8(\.tenant) { (tenant) throws(RPCError) in
      try context.authorise(tenant: tenant)
      let answer = { (slot: UnsafePointer<TenantSlot>, response: inout MessageWriter) throws(RPCError) in
        try request.withUTF8(\.customer) { (customer) throws(RPCError) in
          try Self.check(customer: customer, "customer")
          try write(&response, from: slot, customer: customer, limit: limit, demand, key)
        }
      }
      if Self.isHeavy(request) {
        try live.held { (table) throws(RPCError) in try answer(Self.slot(of: tenant, table.find(tenant)), &response) }
      } else {
        try answer(Self.slot(of: tenant, live.find(tenant)), &response)
      }
    }
  }

  /// Refuses what cannot be a customer's id for its length.
  static func check(customer: UnsafeRawBufferPointer, _ field: @autoclosure () -> String) throws(RPCError) {
    guard (1...Limits.identifierBytes).contains(customer.count) else {
      throw Demand.refusal(field(), "has \(customer.count) bytes; 1 to \(Limits.identifierBytes) are admitted")
    }
  }

  /// Refuses what cannot be a customer's id for what it holds, and would be refused by ingest with all that was served to it.
  /// To be asked where the customer is not known, for no known one's id can.
  static func check(unknown customer: UnsafeRawBufferPointer, _ field: @autoclosure () -> String) throws(RPCError) {
    do throws(InvalidField) { try CustomerID.check(utf8: customer, field: field()) } catch {
      throw Demand.refusal(error.field, error.reason)
    }
  }

  static func slot(
    of tenant: UnsafeRawBufferPointer, _ found: LiveTable.Found
  ) throws(RPCError) -> UnsafePointer<TenantSlot> {
    switch found {
    case .tenant(let slot): return slot
    case .unknown:
      throw RPCError(.notFound, "there is no tenant '\(String(decoding: tenant, as: UTF8.self))'")
    case .notToldYet:
      throw RPCError(
        .unavailable, "this ranker has not heard from control yet which tenants there are; is control running?")
    }
  }

  /// Writes the answer for one customer, and writes down that it was given. `demand` = nil: nothing but `limit` items is
  /// asked for. The response holds nothing yet.
  func write(
    _ response: inout MessageWriter, from slot: UnsafePointer<TenantSlot>, customer: UnsafeRawBufferPointer, limit: Int,
    _ demand: Demand?, _ key: CallKey?
  ) throws(RPCError) {
    let now = slot.pointee.businessTime()
    if slot.pointee.mode == .off {
      try Self.check(unknown: customer, "customer")
      response.varint(Field.outcome, .off)
      writeID(&response, customer, key)
    } else {
      try writeAnswer(&response, from: slot, customer, limit, demand, key, at: now)
    }
    guard let served, !response.hasOverflowed else { return }
    served.append(
      ServedEntry(
        tenant: slot.pointee.tenant, customer: customer, answer: response.bytes,
        servedAt: now &- slot.pointee.businessOffset, occurredAt: now, channel: demand?.channelNumber ?? 0,
        isNamed: key != nil, pinned: demand?.pinned ?? [], excluded: demand?.excluded ?? []))
  }

  private func writeAnswer(
    _ response: inout MessageWriter, from slot: UnsafePointer<TenantSlot>, _ customer: UnsafeRawBufferPointer,
    _ limit: Int, _ demand: Demand?, _ key: CallKey?, at now: Int64
  ) throws(RPCError) {
    guard let arm = slot.pointee.arm(of: customer) else { throw noList(slot) }
    var asOf: Int64 = 0
    var tail = Tail()
    if let lists = arm.pointee.lists {
      lists._withUnsafeGuaranteedRef { lists in
        asOf = lists.header.asOf
        if demand == nil, arm.pointee.eligibility == nil, arm.pointee.bought != .leftOut {
          tail = writeItems(&response, of: lists, customer, limit, isDataFloor: arm.pointee.isDataFloor)
        } else if demand == nil, let admitted = writeAdmitted(&response, of: lists, arm, customer, limit, at: now) {
          tail = admitted
        } else {
          let demand = demand ?? Demand(limit: limit)
          let eligibility = arm.pointee.eligibility?.takeUnretainedValue()
          let choice = Choice(
            from: lists, eligibility, for: customer, demand, at: now, isDataFloor: arm.pointee.isDataFloor,
            arm.pointee.bought)
          tail = write(&response, choice, of: lists, demand)
        }
      }
    } else {
      response.varint(Field.outcome, .nothing)
      tail.nothing = .arm
    }
    response.text(Field.model, arm.pointee.model)
    response.text(Field.bake, arm.pointee.bake)
    writeID(&response, customer, key)
    if slot.pointee.mode == .frozen { response.varint(Field.frozen, 1) }
    if tail.fallback != .none || tail.nothing != .none { try Self.check(unknown: customer, "customer") }
    if tail.fallback != .none {
      response.varint(Field.fallback, UInt64(tail.fallback.rawValue))
    }
    if asOf != 0 { response.varint(Field.asOf, UInt64(bitPattern: asOf)) }
    response.text(Field.arm, arm.pointee.id)
    if arm.pointee.weight != 0 { response.float(Field.propensity, Float(arm.pointee.weight) / Float(Limits.armPoints)) }
    // A file may claim any time: what does not fit is no age.
    let age = now &- asOf
    if asOf != 0, asOf < now, age >= Self.microsecondsASecond {
      response.varint(Field.age, UInt64(age / Self.microsecondsASecond))
    }
    if tail.nothing != .none { response.varint(Field.nothing, UInt64(tail.nothing.rawValue)) }
    if tail.refilled > 0 { response.varint(Field.refilled, UInt64(tail.refilled)) }
    if tail.isReranked { response.varint(Field.reranked, 1) }
  }

  private static let microsecondsASecond: Int64 = 1_000_000

  /// What is written behind the items, and known with them.
  private struct Tail {
    var fallback = Proto.Fallback.none
    var nothing = Proto.Nothing.none
    var refilled = 0
    var isReranked = false
  }

  func noList(_ slot: UnsafePointer<TenantSlot>) -> RPCError {
    let tenant = String(decoding: slot.pointee.tenant, as: UTF8.self)
    guard let wait = slot.pointee.wait else {
      return RPCError(.failedPrecondition, "tenant '\(tenant)' has no list yet: its first night has not ended")
    }
    if wait.takeUnretainedValue().ask(), let tenant = try? TenantID(tenant) { isAskedFor(tenant) }
    return RPCError(
      .unavailable, "tenant '\(tenant)' has no list on this ranker yet: its artifact is not adopted so far")
  }

  private func writeID(_ response: inout MessageWriter, _ customer: UnsafeRawBufferPointer, _ key: CallKey?) {
    withUnsafeTemporaryAllocation(byteCount: Limits.recommendationIDDigits, alignment: 1) { digits in
      if let key {
        let (call, answer) = key.id(of: customer, response.bytes)
        RecommendationIDs.write(call, answer, into: digits)
      } else {
        ids.next(into: digits)
      }
      response.bytes(Field.recommendationID, UnsafeRawBufferPointer(digits))
    }
  }

  /// Writes the outcome and the list; returns what the list stands in for.
  private func writeItems(
    _ response: inout MessageWriter, of lists: RankedLists, _ customer: UnsafeRawBufferPointer, _ limit: Int,
    isDataFloor: Bool
  ) -> Tail {
    if let list = lists.lookup(customer) {
      return writeItems(&response, list, of: lists, limit, isDataFloor ? .dataFloor : .none)
    }
    if let list = lists.fallback(.overall) {
      return writeItems(&response, list, of: lists, limit, isDataFloor ? .dataFloor : .unknownCustomer)
    }
    response.varint(Field.outcome, .nothing)
    return Tail(nothing: .ineligible)
  }

  private func writeItems(
    _ response: inout MessageWriter, _ list: borrowing ListView, of lists: RankedLists, _ limit: Int,
    _ fallback: Proto.Fallback
  ) -> Tail {
    guard list.count > 0 else {
      response.varint(Field.outcome, .nothing)
      return Tail(nothing: list.nothing.map { Proto.Nothing($0) } ?? .ineligible)
    }
    response.varint(Field.outcome, fallback == .none ? .list : .fallback)
    for position in 0..<min(limit, list.count) { writeItem(&response, list[position], of: lists) }
    return Tail(fallback: fallback)
  }

  @inline(__always)
  private func writeItem(_ response: inout MessageWriter, _ entry: RankedEntry, of lists: RankedLists) {
    let candidate = lists.candidate(entry.candidate)
    response.message(Field.items) { item in
      candidate.product.withUnsafeBytes { item.text(ItemField.product, $0) }
      candidate.offer.withUnsafeBytes { item.text(ItemField.offer, $0) }
      if entry.score != 0 { item.float(ItemField.score, entry.score) }
    }
  }

  /// Writes what a `Choice` would choose from a customer's own list where each candidate is admitted or not by itself and none
  /// has to be stood in for; nil, and nothing written, where it takes a `Choice`. No allocation.
  private func writeAdmitted(
    _ response: inout MessageWriter, of lists: RankedLists, _ arm: UnsafePointer<ArmSlot>,
    _ customer: UnsafeRawBufferPointer, _ limit: Int, at now: Int64
  ) -> Tail? {
    guard arm.pointee.bought != .leftOut, let eligibility = arm.pointee.eligibility, let list = lists.lookup(customer),
      list.count > 0, list.count <= UInt64.bitWidth
    else { return nil }
    return eligibility._withUnsafeGuaranteedRef { eligibility in
      guard eligibility.isByCandidate, !eligibility.blocksAny(for: customer, segment: lists.segment(of: list)) else {
        return nil
      }
      let wanted = min(limit, list.count)
      var (admitted, count, position): (UInt64, Int, Int) = (0, 0, 0)
      lists.regionBytes(of: list).withUnsafeBytes { region in
        while position < list.count, count < wanted {
          if eligibility.admits(list[position].candidate, of: lists, at: now, in: region, through: 0) {
            admitted |= 1 << UInt64(position)
            count += 1
          }
          position += 1
        }
      }
      guard count == wanted else { return nil }
      response.varint(Field.outcome, arm.pointee.isDataFloor ? .fallback : .list)
      while admitted != 0 {
        writeItem(&response, list[admitted.trailingZeroBitCount], of: lists)
        admitted &= admitted - 1
      }
      return Tail(fallback: arm.pointee.isDataFloor ? .dataFloor : .none)
    }
  }

  private func write(
    _ response: inout MessageWriter, _ choice: Choice, of lists: RankedLists, _ demand: Demand
  ) -> Tail {
    let outcome: Proto.Outcome =
      choice.items.isEmpty ? .nothing : choice.fallback == .none ? .list : .fallback
    response.varint(Field.outcome, outcome)
    for item in choice.items {
      response.message(Field.items) { Self.write(&$0, item, of: lists, demand) }
    }
    return Tail(
      fallback: choice.items.isEmpty ? .none : choice.fallback, nothing: choice.nothing, refilled: choice.refilled,
      isReranked: choice.isReranked)
  }

  /// Writes the fields of one `Recommendation`.
  static func write(_ item: inout MessageWriter, _ chosen: Choice.Item, of lists: RankedLists, _ demand: Demand) {
    let candidate = lists.candidate(chosen.candidate)
    candidate.product.withUnsafeBytes { item.text(ItemField.product, $0) }
    candidate.offer.withUnsafeBytes { item.text(ItemField.offer, $0) }
    if chosen.score != 0 { item.float(ItemField.score, chosen.score) }
    if demand.names {
      let name = lists.details(chosen.candidate)?.name.withUnsafeBytes { Array($0) } ?? []
      if name.isEmpty {
        candidate.product.withUnsafeBytes { item.text(ItemField.name, $0) }
      } else {
        name.withUnsafeBytes { item.text(ItemField.name, $0) }
      }
    }
    if let reason = chosen.reason {
      item.varint(ItemField.reason, UInt64(reason.kind.rawValue))
      if reason.kind == .boughtWith || reason.kind == .viewedWith {
        lists.candidate(reason.candidate).product.withUnsafeBytes { item.text(ItemField.because, $0) }
      }
    }
    if chosen.isPinned { item.varint(ItemField.pinned, 1) }
  }
}

extension MessageWriter {
  /// A string, unless it is the empty one.
  @inline(__always)
  mutating func text(_ field: Int, _ text: UnsafeRawBufferPointer) {
    if !text.isEmpty { bytes(field, text) }
  }

  @inline(__always)
  fileprivate mutating func varint(_ field: Int, _ outcome: Proto.Outcome) { varint(field, UInt64(outcome.rawValue)) }
}
