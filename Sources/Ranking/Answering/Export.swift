import Commerce
import Messages
import NightjarClient
import RPC
import RankedLists

/// One export: every customer's list as a lookup would answer it, in the order of the lists files.
///
/// A cursor is `<bake of the arm>/<number of the arm>/<place in its lists>`; another bake makes it void, for a place says
/// nothing there.
struct Export {
  /// Bytes after which a message is sent; a list may add at most one answer's worth.
  private static let messageBytes = 256 << 10

  private let recommender: Recommender
  private let tenant: [UInt8]
  private let demand: Demand
  private let segment: String
  private let region: String
  private var cursor: Cursor
  /// There is nothing behind the cursor.
  private var isAtEnd = false

  private struct Cursor {
    var bake = ""
    var arm = 0
    var place = 0

    var text: String { "\(bake)/\(arm)/\(place)" }
  }

  /// Checks the request.
  init(
    _ recommender: Recommender, _ request: View<Proto.ExportRecommendationsRequest>, _ context: CallContext
  ) throws(RPCError) {
    try context.authorise(tenant: request.tenant)
    self.recommender = recommender
    tenant = Array(request.tenant.utf8)
    var demand = Demand(limit: try Demand.limit(request.limit))
    demand.names = request.names
    demand.channel = try Demand.bit(request.channel)
    self.demand = demand
    segment = request.segment
    region = request.region
    for (field, label) in [("segment", segment), ("region", region)]
    where label.utf8.count > Commerce.Limits.labelBytes {
      throw Demand.refusal(
        field, "has \(label.utf8.count) bytes; at most \(Commerce.Limits.labelBytes) are admitted")
    }
    cursor = try Self.parse(request.cursor)
  }

  private static func parse(_ text: String) throws(RPCError) -> Cursor {
    if text.isEmpty { return Cursor() }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count >= 3, let arm = Int(parts[parts.count - 2]), let place = Int(parts[parts.count - 1]), arm >= 0,
      place >= 0
    else { throw Demand.refusal("cursor", "is none that an export gave") }
    // The bake's name may have slashes.
    return Cursor(bake: parts.dropLast(2).joined(separator: "/"), arm: arm, place: place)
  }

  /// Sends everything from the cursor on. Each message is made from the lists that are live then.
  mutating func send(to responses: Responses<Proto.ExportedLists>) async throws {
    while !isAtEnd {
      // Where nobody is asked for, nothing is sent that would end with the call or give other calls their turn.
      try Task.checkCancellation()
      if let message = try next() { try await responses.send(message) } else { await Task.yield() }
    }
  }

  /// What comes next; nil where none of the customers looked at is asked for.
  private mutating func next() throws(RPCError) -> Encoded<Proto.ExportedLists>? {
    var bytes: [UInt8] = []
    var (lists, looked) = (0, 0)
    try recommender.live.held { (table) throws(RPCError) in
      let slot = try tenant.withBytes { (tenant) throws(RPCError) in
        try Recommender.slot(of: tenant, table.find(tenant))
      }
      guard slot.pointee.mode != .off else {
        throw RPCError(.failedPrecondition, "the tenant's engine is off: there are no lists to export")
      }
      guard !slot.pointee.arms.isEmpty else { throw recommender.noList(slot) }
      try checkBake(slot)
      let memory = UnsafeMutableRawBufferPointer.allocate(
        byteCount: RankerService.getRecommendations.maximumResponseBytes, alignment: MemoryLayout<UInt64>.alignment)
      defer { memory.deallocate() }
      while lists < Limits.listsAMessage, looked < Limits.customersATurn, bytes.count < Self.messageBytes {
        guard let arm = arm(slot) else {
          isAtEnd = true
          return
        }
        looked += 1
        if looked % Limits.customersAtOnce == 0 { BlockingPool.makeWay() }
        var writer = MessageWriter(into: memory)
        if write(&writer, cursor.place, of: arm, slot) {
          precondition(!writer.hasOverflowed, "a list is longer than an answer may be")
          bytes.appendMessage(
            field: 1, UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(memory)[..<writer.count]))
          lists += 1
        }
        cursor.place += 1
      }
    }
    guard lists > 0 else { return nil }
    Array(cursor.text.utf8).withUnsafeBytes { bytes.appendMessage(field: 2, $0) }
    return Encoded(unchecked: bytes)
  }

  private mutating func checkBake(_ slot: UnsafePointer<TenantSlot>) throws(RPCError) {
    let bakes = slot.pointee.arms.map { String(decoding: $0.bake, as: UTF8.self) }
    if cursor.bake.isEmpty, cursor.arm == 0, cursor.place == 0 { cursor.bake = bakes[0] }
    // Behind the last arm there is nothing to be wrong about.
    guard cursor.arm >= bakes.count || bakes[cursor.arm] == cursor.bake else {
      throw RPCError(
        .aborted, "the cursor is of bake '\(cursor.bake)', which is not live any more; start from the beginning")
    }
  }

  /// The arm that the cursor stands in, or the next that has lists left; nil at the end.
  private mutating func arm(_ slot: UnsafePointer<TenantSlot>) -> ArmSlot? {
    while cursor.arm < slot.pointee.arms.count {
      let arm = slot.pointee.arms[cursor.arm]
      if let lists = arm.lists?.takeUnretainedValue(), cursor.place < lists.customerCount { return arm }
      cursor.arm += 1
      cursor.place = 0
      if cursor.arm < slot.pointee.arms.count {
        cursor.bake = String(decoding: slot.pointee.arms[cursor.arm].bake, as: UTF8.self)
      }
    }
    return nil
  }

  /// Writes one `ExportedList`; false where the customer is not asked for, is another arm's, or has no list.
  private func write(
    _ writer: inout MessageWriter, _ place: Int, of arm: ArmSlot, _ slot: UnsafePointer<TenantSlot>
  ) -> Bool {
    guard let lists = arm.lists?.takeUnretainedValue() else { return false }
    return lists.withCustomer(at: place) { key, list in
      let (segment, region) = (lists.segment(of: list), lists.region(of: list))
      let names = (
        segment: segment > 0 ? lists.segmentName(segment) : "", region: region > 0 ? lists.regionName(region) : ""
      )
      guard list.count > 0, self.segment.isEmpty || self.segment == names.segment,
        self.region.isEmpty || self.region == names.region
      else { return false }
      return key.withUnsafeBytes { customer in
        let own = slot.pointee.arms.baseAddress.map { $0 + cursor.arm }
        guard slot.pointee.arm(of: customer) == own else { return false }
        let choice = Choice(
          from: lists, arm.eligibility?.takeUnretainedValue(), for: customer, demand, at: slot.pointee.businessTime(),
          isDataFloor: arm.isDataFloor, arm.bought)
        guard !choice.items.isEmpty else { return false }
        writer.bytes(Field.customer, customer)
        for (field, name) in [(Field.segment, names.segment), (Field.region, names.region)] {
          Array(name.utf8).withUnsafeBytes { writer.text(field, $0) }
        }
        writer.text(Field.model, arm.model)
        writer.text(Field.bake, arm.bake)
        writer.text(Field.arm, arm.id)
        for item in choice.items {
          writer.message(Field.items) { Recommender.write(&$0, item, of: lists, demand) }
        }
        if slot.pointee.mode == .frozen { writer.varint(Field.frozen, 1) }
        if choice.fallback != .none { writer.varint(Field.fallback, UInt64(choice.fallback.rawValue)) }
        return true
      }
    }
  }

  /// Numbers of the fields of `ExportedList`.
  private enum Field {
    static let customer = 1
    static let segment = 2
    static let region = 3
    static let model = 4
    static let bake = 5
    static let arm = 6
    static let items = 7
    static let frozen = 8
    static let fallback = 9
  }
}
