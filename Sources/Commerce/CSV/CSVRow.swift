/// A value that one line of a file with a header holds.
public protocol CSVRow {
  /// The columns of such a file.
  static var columns: CSVColumns { get }
  /// Reads and checks a line; `InvalidField` names the column, or the field where a rule spans several.
  init(csv fields: CSVFields) throws(InvalidField)
}

extension Customer: CSVRow {
  /// `gender` is female, male or other; `first_seen` a time; `email`, `phone`, `post`, `message` are contact
  /// permissions, true or false.
  public static let columns = CSVColumns(
    required: ["id"],
    optional: [
      "country", "region", "language", "segment", "industry", "gender", "birth_year", "first_seen", "email", "phone",
      "post", "message",
    ], admitsAttributes: true)

  public init(csv fields: CSVFields) throws(InvalidField) {
    self.init(id: try fields.id("id"))
    country = fields["country"]
    region = fields["region"]
    language = fields["language"]
    segment = fields["segment"]
    industry = fields["industry"]
    gender = try fields.choice("gender")
    birthYear = try fields.wholeNumber("birth_year")
    firstSeen = try fields.time("first_seen")
    let channels: [(String, ContactPermissions)] = [
      ("email", .email), ("phone", .phone), ("post", .post), ("message", .message),
    ]
    for (column, permission) in channels {
      guard let isPermitted = try fields.flag(column) else { continue }
      permissions = (permissions ?? []).union(isPermitted ? permission : [])
    }
    attributes = fields.attributes
    try validate()
  }
}

extension Product: CSVRow {
  /// `category_path` is written `Home > Kitchen > Cups`, `regions` `north; south`; `price` and `margin` are decimal amounts
  /// in `currency`.
  public static let columns = CSVColumns(
    required: ["id"],
    optional: ["name", "category_path", "price", "margin", "currency", "available_from", "available_until", "regions"],
    admitsAttributes: true)

  public init(csv fields: CSVFields) throws(InvalidField) {
    self.init(id: try fields.id("id"))
    name = fields["name"]
    categoryPath = fields.list("category_path", separator: ">")
    price = try fields.money("price")
    margin = try fields.money("margin")
    availableFrom = try fields.time("available_from")
    availableUntil = try fields.time("available_until")
    regions = fields.list("regions", separator: ";")
    attributes = fields.attributes
    try validate()
  }
}

extension Offer: CSVRow {
  /// `bundle` is written `p1; p2`, `channels` `push; pull`; `discount_ppm` is in parts per million.
  public static let columns = CSVColumns(
    required: ["id", "product"], optional: ["discount_ppm", "bundle", "channels", "valid_from", "valid_until"],
    admitsAttributes: false)

  public init(csv fields: CSVFields) throws(InvalidField) {
    self.init(id: try fields.id("id"), product: try fields.id("product"))
    discountPPM = try fields.wholeNumber("discount_ppm") ?? 0
    for product in fields.list("bundle", separator: ";") { bundle.append(try ProductID(product, field: "bundle")) }
    for name in fields.list("channels", separator: ";") {
      guard let channel = SalesChannel(rawValue: name.lowercased()) else {
        throw InvalidField(field: "channels", reason: "'\(name)' is neither push nor pull")
      }
      channels.append(channel)
    }
    validFrom = try fields.time("valid_from")
    validUntil = try fields.time("valid_until")
    try validate()
  }
}

extension Event: CSVRow {
  /// `kind` is written as `EventKind` describes it; `revenue` and `margin` are decimal amounts in `currency`; `channel` is
  /// push or pull.
  public static let columns = CSVColumns(
    required: ["id", "kind", "customer", "occurred_at"],
    optional: [
      "product", "offer", "quantity", "revenue", "margin", "currency", "rating", "channel", "salesperson",
      "recommendation_id", "query",
    ], admitsAttributes: false)

  public init(csv fields: CSVFields) throws(InvalidField) {
    let name = fields["kind"].lowercased()
    guard let kind = EventKind(name: name) else {
      let known = EventKind.allCases.map(\.description).joined(separator: ", ")
      throw InvalidField(field: "kind", reason: "'\(name)' is none of \(known)")
    }
    guard let occurredAt = try fields.time("occurred_at") else {
      throw InvalidField(field: "occurred_at", reason: "is empty; every event has a time")
    }
    self.init(id: try fields.id("id"), kind: kind, customer: try fields.id("customer"), occurredAt: occurredAt)
    product = try fields.optionalID("product")
    offer = try fields.optionalID("offer")
    quantity = try fields.wholeNumber("quantity") ?? 0
    revenue = try fields.money("revenue")
    margin = try fields.money("margin")
    rating = try fields.number("rating")
    channel = try fields.choice("channel")
    salesperson = try fields.optionalID("salesperson")
    recommendation = try fields.optionalID("recommendation_id")
    query = fields["query"]
    try validate()
  }
}
