import Commerce
import Messages
import NightjarClient
import RPC

/// What a lookup asks for beside whose list.
struct Demand {
  /// Items at most.
  var limit: Int
  /// Bit of the channel through which products must be admitted; 0 = whichever.
  var channel: UInt32 = 0
  /// UTF-8 of the region where products must be sold; empty = wherever.
  var region: [UInt8] = []
  /// Segment of a customer whom the lists do not know.
  var segment = ""
  /// Groups that such a customer is in, the one that says most first.
  var attributes: [CustomerAttributes.Group] = []
  /// UTF-8 of products not to be listed.
  var excluded: [[UInt8]] = []
  /// UTF-8 of products to be listed first.
  var pinned: [[UInt8]] = []
  var names = false
  var reasons = false
  /// What happens in the call; nil = nothing that is told.
  var session: Session?

  init(limit: Int) { self.limit = limit }

  /// What the customer has done and said in the call.
  struct Session {
    enum Act {
      case wants(weight: Float)
      case has(weight: Float)
      case rejects
    }
    var acts: [(act: Act, product: [UInt8])] = []
    /// UTF-8 of categories.
    var categories: [[UInt8]] = []
  }

  /// The number of items that a request asks for.
  static func limit(_ asked: UInt32) throws(RPCError) -> Int {
    let limit = asked == 0 ? RankerService.defaultLimit : asked
    guard (1...RankerService.maximumLimit).contains(limit) else {
      throw refusal("limit", "is \(limit); 1 to \(RankerService.maximumLimit) are admitted")
    }
    return Int(limit)
  }

  static func refusal(_ field: String, _ reason: String) -> RPCError {
    RPCError(.invalidArgument, "\(field) \(reason)", violations: [FieldViolation(field, reason)])
  }
}

// MARK: Requests

extension Demand {
  /// Whether a request asks for nothing but a number of items: nearly all do, and are answered without a `Demand`.
  @inline(__always)
  static func isPlain(_ request: View<Proto.GetRecommendationsRequest>) -> Bool {
    request.channel == .unknown && request.count(\.n_exclude) == 0 && request.count(\.n_pin) == 0
      && !request.has(\.context) && !request.has(\.attributes) && !request.names && !request.reasons
      && request.withUTF8(\.region) { $0.isEmpty } && request.withUTF8(\.segment) { $0.isEmpty }
  }

  init(_ request: View<Proto.GetRecommendationsRequest>) throws(RPCError) {
    limit = try Self.limit(request.limit)
    channel = try Self.bit(request.channel)
    region = try Self.label("region", request.region)
    segment = String(decoding: try Self.label("segment", request.segment), as: UTF8.self)
    excluded = try Self.ids(
      "exclude", request.strings(\.n_exclude, \.exclude), atMost: RankerService.maximumExclusions)
    pinned = try Self.ids("pin", request.strings(\.n_pin, \.pin), atMost: RankerService.maximumPins)
    names = request.names
    reasons = request.reasons
    if let context = request.context { session = try Session(context) }
    if let view = request.attributes {
      do throws(InvalidField) { attributes = try CustomerAttributes(validating: view).groups } catch {
        throw Self.refusal("attributes.\(error.field)", error.reason)
      }
    }
  }

  init(_ request: View<Proto.BatchGetRecommendationsRequest>) throws(RPCError) {
    limit = try Self.limit(request.limit)
    channel = try Self.bit(request.channel)
    region = try Self.label("region", request.region)
    excluded = try Self.ids(
      "exclude", request.strings(\.n_exclude, \.exclude), atMost: RankerService.maximumExclusions)
    names = request.names
    reasons = request.reasons
  }

  static func bit(_ channel: Proto.SalesChannel) throws(RPCError) -> UInt32 {
    switch channel {
    case .unknown: 0
    case .push, .pull: 1 << channel.rawValue
    default: throw refusal("channel", "is \(channel.rawValue), which this build does not know")
    }
  }

  fileprivate static func label(_ field: String, _ text: String) throws(RPCError) -> [UInt8] {
    guard text.utf8.count <= Commerce.Limits.labelBytes else {
      throw refusal(field, "has \(text.utf8.count) bytes; at most \(Commerce.Limits.labelBytes) are admitted")
    }
    return Array(text.utf8)
  }

  private static func ids(_ field: String, _ ids: [String], atMost most: Int) throws(RPCError) -> [[UInt8]] {
    try check(field, ids.count, atMost: most)
    var all: [[UInt8]] = []
    for (index, id) in ids.enumerated() { all.append(try Self.id("\(field)[\(index)]", id)) }
    return all
  }

  fileprivate static func check(_ field: String, _ count: Int, atMost most: Int) throws(RPCError) {
    guard count <= most else { throw refusal(field, "has \(count) elements; at most \(most) are admitted") }
  }

  fileprivate static func id(_ field: String, _ id: String) throws(RPCError) -> [UInt8] {
    do throws(InvalidField) { return Array(try ProductID(id, field: field).rawValue.utf8) } catch {
      throw refusal(error.field, error.reason)
    }
  }
}

extension Demand.Session {
  fileprivate init(_ context: View<Proto.CallContext>) throws(RPCError) {
    let acts = context.list(\.n_acts, \.acts)
    try Demand.check("context.acts", acts.count, atMost: RankerService.maximumActs)
    for (index, act) in acts.enumerated() {
      let product = try Demand.id("context.acts[\(index)].product", act.product)
      guard let kind = Self.act(act.kind) else {
        throw Demand.refusal(
          "context.acts[\(index)].kind", "is none of VIEW, CLICK, ADD_TO_BASKET, PURCHASE, REJECT")
      }
      self.acts.append((kind, product))
    }
    let categories = context.strings(\.n_categories, \.categories)
    try Demand.check("context.categories", categories.count, atMost: RankerService.maximumCategories)
    for (index, category) in categories.enumerated() {
      self.categories.append(try Demand.label("context.categories[\(index)]", category))
    }
  }

  /// How much an act in the call says; the proportions are those by which the models are trained.
  private static func act(_ kind: Proto.EventKind) -> Act? {
    switch kind {
    case .view: .wants(weight: 1)
    case .click: .wants(weight: 2)
    case .addToBasket: .has(weight: 3)
    case .purchase: .has(weight: 5)
    case .reject: .rejects
    default: nil
    }
  }
}
