import Foundation
import Learning

/// Attributes of users or items from a TSV file whose first column is the id.
///
/// A column whose every value is a number (or empty) is numeric, at mean 0 and variance 1; any other is categorical, `|`
/// parting several values, each at 1 / (their number).
enum AttributeTable {
  private typealias Cell = (entity: Int, text: Substring, line: Int)

  /// Reads a file for the entities numbered in `numbers`, each of which needs a row; rows of others are passed over.
  ///
  /// Throws an error that names file, line and field for whatever is not as it should be.
  static func read(_ path: String, for numbers: [Substring: Int32]) throws(ConsoleError) -> SideInformation {
    let lines = try TSVFile.lines(path)
    let header = TSVFile.fields(lines[0])
    guard header.count >= 2 else {
      throw ConsoleError("\(path) line 1: the header needs an id and at least one attribute, parted by tabs")
    }
    var columns = [[Cell]](repeating: [], count: header.count - 1)
    var known: [Substring: Int] = [:]
    for (number, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let fields = TSVFile.fields(line)
      guard fields.count == header.count else {
        throw ConsoleError("\(path) line \(number + 1): \(fields.count) fields; the header has \(header.count)")
      }
      guard !fields[0].isEmpty else { throw ConsoleError("\(path) line \(number + 1): \(header[0]) is empty") }
      if let earlier = known.updateValue(number + 1, forKey: fields[0]) {
        throw ConsoleError("\(path) line \(number + 1): \(header[0]) '\(fields[0])' stands in line \(earlier) too")
      }
      guard let entity = numbers[fields[0]] else { continue }
      for column in columns.indices where !fields[column + 1].isEmpty {
        columns[column].append((Int(entity), fields[column + 1], number + 1))
      }
    }
    let missing = numbers.filter { known[$0.key] == nil }
    if let first = missing.min(by: { $0.value < $1.value }) {
      throw ConsoleError(
        "\(path): \(header[0]) '\(first.key)' has no row (\(missing.count) of \(numbers.count) have none); "
          + "add one each, with empty fields for what is not known")
    }
    var attributes: [[[(feature: Int, value: Double)]]] = []
    for (cells, name) in zip(columns, header.dropFirst()) {
      attributes.append(
        cells.allSatisfy { Double($0.text) != nil }
          ? try numeric(cells, numbers.count, path, name) : categorical(cells, numbers.count))
    }
    return SideInformation(entities: numbers.count, attributes: attributes)
  }

  private static func numeric(
    _ cells: [Cell], _ entities: Int, _ path: String, _ name: Substring
  ) throws(ConsoleError) -> [[(feature: Int, value: Double)]] {
    var attribute = [[(feature: Int, value: Double)]](repeating: [], count: entities)
    var numbers: [Double] = []
    for cell in cells { numbers.append(try TSVFile.number(cell.text, path, cell.line, name)) }
    let mean = numbers.reduce(0, +) / Double(numbers.count)
    let deviation = (numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count)).squareRoot()
    for (cell, number) in zip(cells, numbers) where deviation > 0 {
      attribute[cell.entity] = [(0, (number - mean) / deviation)]
    }
    return attribute
  }

  private static func categorical(_ cells: [Cell], _ entities: Int) -> [[(feature: Int, value: Double)]] {
    var attribute = [[(feature: Int, value: Double)]](repeating: [], count: entities)
    var features: [Substring: Int] = [:]
    for cell in cells {
      let values = Set(cell.text.split(separator: "|")).sorted()
      attribute[cell.entity] = values.map { value in
        let feature = features[value] ?? features.count
        features[value] = feature
        return (feature, 1 / Double(values.count))
      }
    }
    return attribute
  }
}
