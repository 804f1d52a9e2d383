/// What puts a customer into a group with others, beside segment and region.
public struct CustomerAttributes: Hashable, Sendable {
  /// Line of business; empty = not known or a person.
  public var industry = ""
  /// ISO 3166-1 alpha-2, or a tenant's own name; empty = not known.
  public var country = ""
  /// Nil = not known.
  public var gender: Gender?
  /// Nil = not known.
  public var birthYear: UInt32?
  /// Free attributes by key.
  public var free: [String: AttributeValue] = [:]

  /// Nothing is known.
  public init() {}

  /// Customers who share one attribute.
  public struct Group: Hashable, Sendable {
    /// Which attribute: `industry`, `born`, `gender`, `country`, or a free one's key behind `@`.
    public let attribute: String
    /// The attribute and its value: `industry=brewing`, `born=1980s`, `@size=large`.
    public let name: String
  }

  /// The groups that a customer is in, the one that says most first: the industry, free attributes in order of key, the decade
  /// of birth, the gender, the country. A name longer than an id names no group.
  public var groups: [Group] {
    var pairs: [(String, String)] = [("industry", industry)]
    for (key, value) in free.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      switch value {
      case .text(let text): pairs.append(("@\(key)", text))
      case .number(let number): pairs.append(("@\(key)", "\(number)"))
      case .flag(let flag): pairs.append(("@\(key)", "\(flag)"))
      }
    }
    pairs.append(("born", birthYear.map { "\($0 / 10)0s" } ?? ""))
    pairs.append(("gender", gender?.rawValue ?? ""))
    pairs.append(("country", country))
    return pairs.compactMap { attribute, value in
      let name = "\(attribute)=\(value)"
      guard !value.isEmpty, name.utf8.count <= Limits.identifierBytes, !Check.holdsControlCharacter(name) else {
        return nil
      }
      return Group(attribute: attribute, name: name)
    }
  }
}
