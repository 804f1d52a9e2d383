import Commerce
import Learning
import Messages

/// The attributes of customers, one column for each, as a snapshot brings them.
struct AttributeColumns {
  /// Values beyond which an attribute is taken for something that everybody has his own of.
  private static let maximumValues = 4_096

  /// Attributes beyond which further ones are not looked at.
  private static let maximumColumns = 1_024

  /// One attribute: the names of its values, and which of them each customer has. Names that only look alike are one, as they
  /// are to whoever looks a group up by its name.
  private struct Column {
    private(set) var names: [String] = []
    private var numbers: [String: Int32] = [:]
    var ofCustomer: [Int32: Int32] = [:]

    /// The name's number, a new one if it has none yet.
    mutating func number(of name: String) -> Int32 {
      if let number = numbers[name] { return number }
      numbers[name] = Int32(names.count)
      names.append(name)
      return Int32(names.count - 1)
    }
  }

  /// By attribute; nil = it has too many values to say anything.
  private var columns: [String: Column?] = [:]

  /// Takes a customer's, under the number that the customer has in the stream. Throws `snapshot` for attributes that break the
  /// contract.
  mutating func add(_ customer: View<Proto.Customer>, _ number: Int32) throws(TrainingError) {
    let groups: [CustomerAttributes.Group]
    do throws(InvalidField) { groups = try CustomerAttributes(of: customer).groups } catch {
      throw .snapshot("a customer's \(error)")
    }
    for group in groups {
      if columns[group.attribute] == nil, columns.count >= Self.maximumColumns { continue }
      guard var column = columns[group.attribute, default: Column()] else { continue }
      columns[group.attribute] = .some(nil)
      let value = column.number(of: group.name)
      guard value < Self.maximumValues else { continue }
      column.ofCustomer[number] = value
      columns[group.attribute] = column
    }
  }

  /// For each attribute, in order of its name, the values that enough customers share. `rank`: the place of each customer.
  func segments(rank: [Int32]) -> [CustomerSegments] {
    var free = 0
    return columns.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.compactMap { attribute, column in
      guard let column else { return nil }
      if attribute.hasPrefix("@") {
        free += 1
        guard free <= Limits.freeAttributes else { return nil }
      }
      return segments(of: column, rank: rank)
    }
  }

  private func segments(of column: Column, rank: [Int32]) -> CustomerSegments? {
    var sizes = [Int](repeating: 0, count: column.names.count)
    for value in column.ofCustomer.values { sizes[Int(value)] += 1 }
    let names = column.names
    let kept = names.indices.filter { sizes[$0] >= Limits.attributeCustomers }
      .sorted { sizes[$0] == sizes[$1] ? Self.precedes(names[$0], names[$1]) : sizes[$0] > sizes[$1] }
      .prefix(Limits.attributeValues).sorted { Self.precedes(names[$0], names[$1]) }
    guard !kept.isEmpty else { return nil }
    var place = [Int32](repeating: -1, count: names.count)
    for (index, value) in kept.enumerated() { place[value] = Int32(index) }
    var ofCustomer = [Int32](repeating: -1, count: rank.count)
    for (customer, value) in column.ofCustomer { ofCustomer[Int(rank[Int(customer)])] = place[Int(value)] }
    return CustomerSegments(names: kept.map { names[$0] }, ofCustomer: ofCustomer)
  }

  private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
}
