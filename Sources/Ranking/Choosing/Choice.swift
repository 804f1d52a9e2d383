import Messages
import RankedLists

/// What one answer holds, chosen from a lists file as the request and the tenant's overlay demand.
struct Choice {
  struct Item {
    let candidate: UInt32
    let score: Float
    var reason: ListReason?
    var isPinned = false
  }

  var items: [Item] = []
  var fallback = Proto.Fallback.none
  var nothing = Proto.Nothing.none
  /// Items at the end that are from a fallback list.
  var refilled = 0
  /// Ranked by what happens in the call.
  var isReranked = false

  /// Chooses for a customer, by the UTF-8 of the id. `now`: business time, µs.
  ///
  /// Complexity: O(entries of the list), with a session O(candidates · dimensions).
  init(
    from lists: RankedLists, _ eligibility: Eligibility?, for customer: UnsafeRawBufferPointer, _ demand: Demand,
    at now: Int64, isDataFloor: Bool
  ) {
    var groups: [FallbackGroup]
    var demand = demand
    var segment = demand.segment
    if let own = lists.lookup(customer) {
      if let reason = own.nothing {
        nothing = Proto.Nothing(reason)
        return
      }
      let (ownSegment, ownRegion) = (lists.segment(of: own), lists.region(of: own))
      if ownSegment > 0 { segment = lists.segmentName(ownSegment) }
      let region = ownRegion > 0 ? lists.regionName(ownRegion) : ""
      // Where the caller names no region, it is the one that the customer is known to be in.
      if demand.region.isEmpty { demand.region = Array(region.utf8) }
      groups = Self.groups(segment: segment, region: region)
    } else {
      groups = Self.groups(segment: segment, region: String(decoding: demand.region, as: UTF8.self))
    }
    var selection = Selection(lists, eligibility, demand, for: customer, segment: segment, at: now)
    selection.pin(demand.pinned)
    if let own = lists.lookup(customer) {
      fallback = isDataFloor ? .dataFloor : .none
      isReranked = Self.take(own, of: lists, demand, into: &selection)
    } else {
      while let group = groups.first {
        groups.removeFirst()
        guard let list = lists.fallback(group) else { continue }
        fallback = isDataFloor ? .dataFloor : Proto.Fallback(group)
        isReranked = Self.take(list, of: lists, demand, into: &selection)
        break
      }
    }
    let before = selection.items.count
    for group in groups where selection.hasGaps {
      if let list = lists.fallback(group) { selection.fillGaps(from: list) }
    }
    items = selection.items
    refilled = items.count - before
    if items.isEmpty { nothing = .ineligible }
  }

  /// Takes from a list, or from the catalogue as the call ranks it over the list; whether the call did.
  private static func take(
    _ list: borrowing ListView, of lists: RankedLists, _ demand: Demand, into selection: inout Selection
  ) -> Bool {
    guard let session = demand.session else {
      selection.take(list)
      return false
    }
    selection.take(SessionRanking(session, lists).ranked(over: list, atMost: Limits.sessionCandidates))
    return true
  }

  /// The lists that may stand in, the best suited first.
  private static func groups(segment: String, region: String) -> [FallbackGroup] {
    (segment.isEmpty ? [] : [.segment(segment)]) + (region.isEmpty ? [] : [.region(region)]) + [.overall]
  }
}

extension Proto.Nothing {
  init(_ reason: NothingReason) {
    self =
      switch reason {
      case .notPermitted: .notPermitted
      case .betterWithout: .betterWithout
      default: .ineligible
      }
  }
}

extension Proto.Fallback {
  fileprivate init(_ group: FallbackGroup) {
    self =
      switch group {
      case .overall: .unknownCustomer
      case .segment: .segment
      case .region: .region
      }
  }
}
