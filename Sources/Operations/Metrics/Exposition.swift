/// Prometheus' text format, version 0.0.4, written line by line.
struct Exposition {
  private(set) var text = ""

  /// What follows until the next `begin` are samples of this metric.
  mutating func begin(_ name: String, type: String, help: String) {
    let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
  }

  /// One sample. `labels` and `extra` are as `labels(_:)` writes them.
  mutating func add(_ name: String, _ labels: String, _ extra: String = "", value: String) {
    let all = labels.isEmpty || extra.isEmpty ? labels + extra : "\(labels),\(extra)"
    text += all.isEmpty ? "\(name) \(value)\n" : "\(name){\(all)} \(value)\n"
  }

  /// A number as Go's ParseFloat reads it.
  static func number(_ value: Double) -> String {
    switch value {
    case .infinity: "+Inf"
    case -.infinity: "-Inf"
    case _ where value.isNaN: "NaN"
    case _ where value == value.rounded() && abs(value) < 1e15: String(Int64(value))
    default: String(value)
    }
  }

  /// A metric's name: letters, digits, `_` and `:`; anything else, such as swift-metrics' dots, becomes `_`.
  static func metricName(_ label: String) -> String { name(label, alsoAllowed: ":") }

  /// Labels between their braces, in order of their names; of two with the same name the first counts.
  static func labels(_ labels: [(String, String)]) -> String {
    var values: [String: String] = [:]
    for (label, value) in labels {
      let name = name(label, alsoAllowed: nil)
      // A histogram's own label.
      let free = name == "le" ? "le_" : name
      if values[free] == nil { values[free] = value }
    }
    return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
  }

  private static func name(_ label: String, alsoAllowed: Unicode.Scalar?) -> String {
    var name = ""
    for scalar in label.unicodeScalars {
      let isDigit = ("0"..."9").contains(scalar)
      let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
      if isDigit && name.isEmpty { name = "_" }
      name.unicodeScalars.append(isLetter || isDigit || scalar == alsoAllowed ? scalar : "_")
    }
    return name.isEmpty ? "_" : name
  }

  private static func escaped(_ value: String) -> String {
    var text = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": text += "\\\\"
      case "\"": text += "\\\""
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
