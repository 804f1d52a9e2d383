import Commerce
import RankedLists

/// What may not be recommended from one lists file: the tenant's overlay, and what the file says of its candidates.
///
/// There is none where nothing is limited and nothing is offered, so that lookups of such a tenant look at nothing.
final class Eligibility: Sendable {
  /// When and where one candidate is sold, by the overlay.
  private struct Rule {
    let from: Int64
    let until: Int64
    let regions: [[UInt8]]
  }

  private struct Flags: OptionSet {
    let rawValue: UInt8
    static let withdrawn = Flags(rawValue: 1)
    /// The overlay has a rule, in place of the file's.
    static let ruled = Flags(rawValue: 2)
    /// The file limits when, where or through what it is sold.
    static let limited = Flags(rawValue: 4)
  }

  /// By candidate; empty where no candidate has any.
  private let flags: [Flags]
  private let rules: [UInt32: Rule]
  private let customers: [[UInt8]: Set<UInt32>]
  private let segments: [String: Set<UInt32>]
  private static let sip = SipHash(k0: 0, k1: 0)
  /// Of the customers' ids, and by number of segment, for whom something is blocked: to be asked without an allocation. Two
  /// customers with one hash only take the longer way.
  private let customerHashes: Set<UInt64>
  private let isSegmentBlocked: [Bool]
  /// Products of one path of categories in an answer; 0 = no limit.
  let maximumPerCategory: Int
  /// Nil where no candidate is an offer.
  let offers: OfferTable?

  /// Nil where nothing is limited and there are no offers. Complexity: O(candidates + overlay · log candidates).
  init?(_ lists: RankedLists, overlay: Overlay?) {
    var flags = (0..<UInt32(lists.candidateCount)).map { Self.isLimited($0, lists) ? Flags.limited : [] }
    var rules: [UInt32: Rule] = [:]
    var customers: [[UInt8]: Set<UInt32>] = [:]
    var segments: [String: Set<UInt32>] = [:]
    if let overlay {
      let index = CandidateIndex(lists)
      for product in overlay.withdrawn {
        for candidate in index.candidates(of: product.rawValue) { flags[Int(candidate)].insert(.withdrawn) }
      }
      for rule in overlay.products {
        for candidate in index.candidates(of: rule.product.rawValue) {
          flags[Int(candidate)].insert(.ruled)
          rules[candidate] = Rule(
            from: rule.availableFrom?.microseconds ?? .min, until: rule.availableUntil?.microseconds ?? .max,
            regions: rule.regions.map { Array($0.utf8) })
        }
      }
      for block in overlay.blocks {
        let blocked = index.candidates(of: block)
        switch block.target {
        case .customer(let id): customers[Array(id.rawValue.utf8), default: []].formUnion(blocked)
        case .segment(let name): segments[name, default: []].formUnion(blocked)
        }
      }
    }
    self.flags = flags.contains { !$0.isEmpty } ? flags : []
    self.rules = rules
    self.customers = customers
    self.segments = segments
    customerHashes = Set(customers.keys.map { $0.withUnsafeBytes { Self.sip.hash($0) } })
    isSegmentBlocked =
      segments.isEmpty ? [] : [false] + (0..<lists.segments).map { segments[lists.segmentName($0 + 1)] != nil }
    maximumPerCategory = Int(overlay?.maximumPerCategory ?? 0)
    offers = OfferTable(lists)
    guard
      !self.flags.isEmpty || !customers.isEmpty || !segments.isEmpty || maximumPerCategory > 0 || offers != nil
    else { return nil }
  }

  private static func isLimited(_ candidate: UInt32, _ lists: RankedLists) -> Bool {
    guard let details = lists.details(candidate) else { return false }
    let (from, until) = details.availability
    // What was on sale when the lists were baked has begun for good.
    return from > lists.header.asOf || until != .max || details.channels != 0 || !details.regions.isEmpty
  }

  /// Whether what is admitted of a list depends on each candidate alone, and on who asks.
  var isByCandidate: Bool { offers == nil && maximumPerCategory == 0 }

  /// Whether something may be blocked for a customer, by the UTF-8 of the id, whom the lists have in a segment of this number.
  func blocksAny(for customer: UnsafeRawBufferPointer, segment: Int) -> Bool {
    (!isSegmentBlocked.isEmpty && isSegmentBlocked[segment])
      || (!customerHashes.isEmpty && customerHashes.contains(Self.sip.hash(customer)))
  }

  /// What is blocked for a customer, by the UTF-8 of the id, and for the customer's segment.
  func blocked(for customer: UnsafeRawBufferPointer, segment: @autoclosure () -> String) -> Set<UInt32> {
    var blocked = customers.isEmpty ? [] : customers[Array(customer)] ?? []
    if !segments.isEmpty, let more = segments[segment()] { blocked.formUnion(more) }
    return blocked
  }

  /// Whether a candidate may be offered at a moment of business time, µs, in a region, by the UTF-8 of its name (empty =
  /// wherever), and through a channel, by its bit (0 = whichever). An offer also has to hold itself, whatever the overlay says
  /// of its product. No allocation.
  func admits(
    _ candidate: UInt32, of lists: RankedLists, at now: Int64, in region: UnsafeRawBufferPointer,
    through channel: UInt32
  ) -> Bool {
    guard !flags.isEmpty else { return true }
    guard let offers, lists.candidate(candidate).offer.byteCount > 0 else {
      return admitsAlone(candidate, of: lists, at: now, in: region, through: channel)
    }
    return lists.details(candidate)?.isAvailable(at: now) != false
      && Self.isSold(candidate, of: lists, through: channel)
      && admitsAlone(offers.head(of: candidate), of: lists, at: now, in: region, through: channel)
  }

  private func admitsAlone(
    _ candidate: UInt32, of lists: RankedLists, at now: Int64, in region: UnsafeRawBufferPointer,
    through channel: UInt32
  ) -> Bool {
    let flags = flags[Int(candidate)]
    if flags.isEmpty { return true }
    if flags.contains(.withdrawn) { return false }
    if flags.contains(.ruled), let rule = rules[candidate] {
      guard rule.from <= now && now < rule.until else { return false }
      guard region.isEmpty || rule.regions.isEmpty || rule.regions.contains(where: { region.elementsEqual($0) }) else {
        return false
      }
      return flags.contains(.limited) ? Self.isSold(candidate, of: lists, through: channel) : true
    }
    guard let details = lists.details(candidate) else { return true }
    return (region.isEmpty || details.isSold(in: region)) && details.isAvailable(at: now)
      && Self.isSold(candidate, of: lists, through: channel)
  }

  private static func isSold(_ candidate: UInt32, of lists: RankedLists, through channel: UInt32) -> Bool {
    guard channel != 0, let details = lists.details(candidate) else { return true }
    return details.channels == 0 || details.channels & channel != 0
  }
}
