import Commerce
import Messages
import RankedLists

/// A list that may stand in for one that a customer has not, or not enough of.
struct StandIn {
  let group: FallbackGroup
  /// How an answer says so.
  let fallback: Proto.Fallback

  /// The lists that may stand in, the best suited first: the segment's, those of who shares an attribute, the region's, the
  /// country's, everybody's.
  static func all(segment: String, region: String, attributes: [CustomerAttributes.Group]) -> [StandIn] {
    var all: [StandIn] = []
    func add(_ attribute: CustomerAttributes.Group) {
      all.append(StandIn(group: .segment(attribute.name), fallback: .attributes))
    }
    if !segment.isEmpty { all.append(StandIn(group: .segment(segment), fallback: .segment)) }
    for attribute in attributes where !attribute.isCountry { add(attribute) }
    if !region.isEmpty { all.append(StandIn(group: .region(region), fallback: .region)) }
    for attribute in attributes where attribute.isCountry { add(attribute) }
    return all + [StandIn(group: .overall, fallback: .unknownCustomer)]
  }
}

extension CustomerAttributes.Group {
  /// A country holds regions.
  fileprivate var isCountry: Bool { attribute == "country" }
}
