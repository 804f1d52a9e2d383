/// The columns of a file, by their names in its header.
public struct CSVColumns: Sendable {
  /// Must be there.
  public let required: [String]
  /// May be left out, which means the same as an empty field.
  public let optional: [String]
  /// Are columns `attribute.KEY` admitted, each a free attribute of text?
  public let admitsAttributes: Bool

  static let attributePrefix = "attribute."

  /// Maps the names in a header to their places; names are taken without case and surrounding spaces.
  func places(in header: [String]) throws(CSVHeaderError) -> [String: Int] {
    var places: [String: Int] = [:]
    var problems: [String] = []
    for (place, name) in header.enumerated() {
      let name = Self.normalised(name)
      if !isKnown(name) { problems.append("column '\(name)' is not known") }
      if places.updateValue(place, forKey: name) != nil { problems.append("column '\(name)' is there twice") }
    }
    let missing = required.filter { places[$0] == nil }
    if !missing.isEmpty { problems.append("missing: \(missing.joined(separator: ", "))") }
    guard problems.isEmpty else {
      let known = (required + optional + (admitsAttributes ? [Self.attributePrefix + "KEY"] : [])).joined(
        separator: ", ")
      throw CSVHeaderError(description: "header: \(problems.joined(separator: "; ")) (known columns: \(known))")
    }
    return places
  }

  private func isKnown(_ name: String) -> Bool {
    required.contains(name) || optional.contains(name) || (admitsAttributes && name.hasPrefix(Self.attributePrefix))
  }

  /// Case is kept in the key of an attribute.
  private static func normalised(_ name: String) -> String {
    let name = CSVFields.trimmed(name)
    return name.hasPrefix(attributePrefix) ? name : name.lowercased()
  }
}
