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
    at now: Int64, isDataFloor: Bool, _ bought: BoughtProducts
  ) {
    var groups: [StandIn]
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
      groups = StandIn.all(segment: segment, region: region, attributes: [])
    } else {
      groups = StandIn.all(
        segment: segment, region: String(decoding: demand.region, as: UTF8.self), attributes: demand.attributes)
    }
    var selection = Selection(lists, eligibility, demand, for: customer, segment: segment, at: now)
    if let own = lists.lookup(customer) {
      if bought == .leftOut || bought == .notInLists && !demand.pinned.isEmpty { selection.leaveOutBought(by: own) }
      selection.pin(demand.pinned)
      fallback = isDataFloor ? .dataFloor : .none
      isReranked = Self.take(own, of: lists, demand, bought, offers: eligibility?.offers, into: &selection)
      if bought == .notInLists, selection.hasGaps { selection.leaveOutBought(by: own) }
    } else {
      selection.pin(demand.pinned)
      fallback = isDataFloor ? .dataFloor : .unknownCustomer
      while let standIn = groups.first {
        groups.removeFirst()
        guard let list = lists.fallback(standIn.group), list.count > 0 else { continue }
        fallback = isDataFloor ? .dataFloor : standIn.fallback
        isReranked = Self.take(list, of: lists, demand, bought, offers: eligibility?.offers, into: &selection)
        break
      }
    }
    let before = selection.items.count
    for standIn in groups where selection.hasGaps {
      if let list = lists.fallback(standIn.group) { selection.fillGaps(from: list) }
    }
    items = selection.items
    refilled = items.count - before
    if items.isEmpty { nothing = .ineligible }
  }

  /// Takes from a list, or from the catalogue as the call ranks it over the list; whether the call did.
  private static func take(
    _ list: borrowing ListView, of lists: RankedLists, _ demand: Demand, _ bought: BoughtProducts, offers: OfferTable?,
    into selection: inout Selection
  ) -> Bool {
    guard let session = demand.session else {
      selection.take(list)
      return false
    }
    let ranking = SessionRanking(session, lists, offers)
    selection.take(ranking.ranked(over: list, atMost: Limits.sessionCandidates, bought), without: ranking.out)
    return true
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
