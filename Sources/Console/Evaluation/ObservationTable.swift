import Foundation
import Learning

/// The rows of a TSV file with header `user item ts value`, as text ids and numbers.
struct ObservationTable {
  let user: [Substring]
  let item: [Substring]
  let time: [Double]
  let value: [Double]

  static let header = ["user", "item", "ts", "value"]

  /// Reads a file. Throws an error that names file, line and field for whatever is not as it should be.
  init(path: String) throws(ConsoleError) {
    let lines = try TSVFile.lines(path)
    let names = TSVFile.fields(lines[0])
    guard names.elementsEqual(Self.header, by: ==) else {
      let missing = Self.header.filter { name in !names.contains { $0 == name } }
      throw ConsoleError(
        "\(path) line 1: the header must be 'user', 'item', 'ts', 'value', in this order, parted by tabs"
          + (missing.isEmpty ? "" : "; there is no '\(missing[0])'"))
    }
    guard lines.count <= TSVFile.maximumLines else {
      throw ConsoleError("\(path) has \(lines.count) lines; \(TSVFile.maximumLines) is the limit")
    }
    var user: [Substring] = []
    var item: [Substring] = []
    var time: [Double] = []
    var value: [Double] = []
    for (number, line) in lines.enumerated().dropFirst() where !line.isEmpty {
      let fields = TSVFile.fields(line)
      guard fields.count == Self.header.count else {
        throw ConsoleError("\(path) line \(number + 1): \(fields.count) fields; 4 are needed: user, item, ts, value")
      }
      for index in 0..<2 where fields[index].isEmpty {
        throw ConsoleError("\(path) line \(number + 1): \(Self.header[index]) is empty")
      }
      user.append(fields[0])
      item.append(fields[1])
      time.append(try TSVFile.number(fields[2], path, number + 1, Self.header[2]))
      value.append(try TSVFile.number(fields[3], path, number + 1, Self.header[3]))
    }
    guard !user.isEmpty else { throw ConsoleError("\(path) has no rows below its header") }
    (self.user, self.item, self.time, self.value) = (user, item, time, value)
  }

  /// Both files over one numbering of users and items, train's first.
  static func numbered(
    train: ObservationTable, test: ObservationTable
  ) -> (train: Observations, test: Observations, users: [Substring: Int32], items: [Substring: Int32]) {
    var users: [Substring: Int32] = [:]
    var items: [Substring: Int32] = [:]
    func numbers(_ names: [Substring], _ table: inout [Substring: Int32]) -> [Int32] {
      names.map { name in
        if let number = table[name] { return number }
        let number = Int32(table.count)
        table[name] = number
        return number
      }
    }
    let columns = [train, test].map { (numbers($0.user, &users), numbers($0.item, &items), $0) }
    let both = columns.map { user, item, table in
      Observations(
        users: users.count, items: items.count, user: user, item: item, time: table.time, value: table.value)
    }
    return (both[0], both[1], users, items)
  }
}
