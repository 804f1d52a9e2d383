import Foundation
import Learning

/// Attributes of users or items from a TSV file whose first column is the id.
///
/// A column whose every value is a number (or empty) is numeric, at mean 0 and variance 1; any other is categorical, `|`
/// parting several values, each at 1 / (their number).
enum AttributeTable {
  /// Reads a file for the entities numbered in `numbers`; rows of others are passed over, entities without a row have none.
  static func read(_ path: String, for numbers: [Substring: Int32], entities: Int) throws(ConsoleError)
    -> SideInformation
  {
    let lines = try TSVFile.lines(path)
    let header = (lines.first ?? "").split(separator: "\t", omittingEmptySubsequences: false)
    guard header.count >= 2 else {
      throw ConsoleError("\(path) line 1: the header needs an id and at least one attribute, parted by tabs")
    }
    var columns = [[(entity: Int, text: Substring)]](repeating: [], count: header.count - 1)
    var known = Set<Substring>()
    for (number, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == header.count else {
        throw ConsoleError("\(path) line \(number + 1): \(fields.count) fields; the header has \(header.count)")
      }
      guard known.insert(fields[0]).inserted else {
        throw ConsoleError("\(path) line \(number + 1): \(header[0]) '\(fields[0])' stands in an earlier line too")
      }
      guard let entity = numbers[fields[0]] else { continue }
      for column in columns.indices where !fields[column + 1].isEmpty {
        columns[column].append((Int(entity), fields[column + 1]))
      }
    }
    return SideInformation(entities: entities, attributes: columns.map { attribute($0, entities) })
  }

  private static func attribute(
    _ cells: [(entity: Int, text: Substring)], _ entities: Int
  ) -> [[(feature: Int, value: Double)]] {
    var attribute = [[(feature: Int, value: Double)]](repeating: [], count: entities)
    let numbers = cells.compactMap { Double($0.text) }.filter(\.isFinite)
    if numbers.count == cells.count {
      let mean = numbers.reduce(0, +) / Double(numbers.count)
      let deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)).squareRoot()
      for (cell, number) in zip(cells, numbers) where deviation > 0 {
        attribute[cell.entity] = [(0, (number - mean) / deviation)]
      }
    } else {
      var features: [Substring: Int] = [:]
      for cell in cells {
        let values = Set(cell.text.split(separator: "|")).sorted()
        attribute[cell.entity] = values.map { value in
          let feature = features[value] ?? features.count
          features[value] = feature
          return (feature, 1 / Double(values.count))
        }
      }
    }
    return attribute
  }
}
