/// The fields of one line by column name, and how their text becomes values.
///
/// Fields are taken without surrounding spaces. An empty field means what an absent column means: not known.
public struct CSVFields {
  let places: [String: Int]
  let fields: [String]

  /// The text of a column; empty where the file has no such column.
  public subscript(column: String) -> String {
    places[column].map { Self.trimmed(fields[$0]) } ?? ""
  }

  /// Columns `attribute.KEY` that are not empty, as text.
  var attributes: [String: AttributeValue] {
    var attributes: [String: AttributeValue] = [:]
    for column in places.keys where column.hasPrefix(CSVColumns.attributePrefix) {
      let text = self[column]
      if !text.isEmpty { attributes[String(column.dropFirst(CSVColumns.attributePrefix.count))] = .text(text) }
    }
    return attributes
  }

  func wholeNumber<Number: FixedWidthInteger>(_ column: String) throws(InvalidField) -> Number? {
    try value(column, "is not a whole number") { Number($0) }
  }

  func number(_ column: String) throws(InvalidField) -> Double? {
    try value(column, "is not a number") { text in Double(text).flatMap { $0.isFinite ? $0 : nil } }
  }

  func flag(_ column: String) throws(InvalidField) -> Bool? {
    try value(column, "is neither true nor false") {
      ["true": true, "1": true, "false": false, "0": false][$0.lowercased()]
    }
  }

  func time(_ column: String) throws(InvalidField) -> Timestamp? {
    try value(column, "is no time; write 2011-09-30 or 2011-09-30T08:26:00Z") { try? Timestamp(iso8601: $0) }
  }

  func choice<Choice: RawRepresentable & CaseIterable>(
    _ column: String, of _: Choice.Type = Choice.self
  ) throws(InvalidField) -> Choice? where Choice.RawValue == String {
    let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    return try value(column, "is none of \(names)") { Choice(rawValue: $0.lowercased()) }
  }

  /// An amount in the currency that column `currency` names.
  func money(_ column: String) throws(InvalidField) -> Money? {
    let text = self[column]
    guard !text.isEmpty else { return nil }
    let currency = try Currency(self["currency"])
    do {
      return try Money(decimal: text, currency: currency)
    } catch {
      throw InvalidField(field: column, reason: error.reason)
    }
  }

  func id<Owner>(_ column: String) throws(InvalidField) -> Identifier<Owner> {
    try Identifier(self[column], field: column)
  }

  func optionalID<Owner>(_ column: String) throws(InvalidField) -> Identifier<Owner>? {
    try .optional(self[column], field: column)
  }

  /// Parts of a list, without surrounding spaces; an empty field is an empty list.
  func list(_ column: String, separator: Character) -> [String] {
    let text = self[column]
    guard !text.isEmpty else { return [] }
    return text.split(separator: separator, omittingEmptySubsequences: false).map { Self.trimmed(String($0)) }
  }

  private func value<Value>(_ column: String, _ problem: String, _ read: (String) -> Value?) throws(InvalidField)
    -> Value?
  {
    let text = self[column]
    guard !text.isEmpty else { return nil }
    guard let value = read(text) else { throw InvalidField(field: column, reason: "'\(text)' \(problem)") }
    return value
  }

  static func trimmed(_ text: String) -> String {
    func isSpace(_ byte: UInt8?) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
    guard isSpace(text.utf8.first) || isSpace(text.utf8.last) else { return text }
    var rest = text[...]
    while isSpace(rest.utf8.first) { rest.removeFirst() }
    while isSpace(rest.utf8.last) { rest.removeLast() }
    return String(rest)
  }
}
