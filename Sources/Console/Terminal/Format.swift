import Commerce
import Foundation
import Messages

/// How values are written for people.
enum Format {
  /// 12,345
  static func count(_ number: some BinaryInteger) -> String {
    var digits = String(number.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }

  /// A number with so many decimals; `–` for none.
  static func decimals(_ number: Double?, _ places: Int) -> String {
    guard let number, number.isFinite else { return "–" }
    return String(format: "%.\(places)f", number)
  }

  /// A part as a percentage with one decimal; `–` for none.
  static func percent(_ part: Double?) -> String {
    guard let part, part.isFinite else { return "–" }
    return String(format: "%.1f%%", part * 100)
  }

  /// Microseconds since the epoch as a date and time; `–` for zero.
  static func time(_ microseconds: Int64) -> String {
    microseconds == 0 ? "–" : Timestamp(microseconds: microseconds).iso8601
  }

  /// The date of a time at midnight, else the time.
  static func date(_ microseconds: Int64) -> String {
    let text = time(microseconds)
    return text.hasSuffix("T00:00:00Z") ? String(text.dropLast("T00:00:00Z".count)) : text
  }

  /// Text, or `–` where there is none.
  static func text(_ text: String) -> String { text.isEmpty ? "–" : text }

  /// About how long something will take.
  static func span(_ duration: Duration) -> String {
    let seconds = Int(duration / .seconds(1))
    return switch seconds {
    case ..<60: "\(max(seconds, 1)) s"
    case ..<7_200: "\(seconds / 60) min"
    default: "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
    }
  }

  /// How long something took.
  static func seconds(_ duration: Duration) -> String {
    String(format: "%.1f s", Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18)
  }
}

extension Proto.Mode {
  var word: String {
    switch self {
    case .on: "on"
    case .frozen: "frozen"
    case .off: "off"
    default: "unknown (\(rawValue))"
    }
  }
}

extension Proto.GateVerdict {
  var word: String {
    switch self {
    case .promote: "PROMOTE"
    case .hold: "HOLD"
    case .reject: "REJECT"
    case .insufficient: "INSUFFICIENT"
    case .dataFloor: "DATA FLOOR"
    case .rebake: "REBAKE"
    default: "–"
    }
  }
}

extension Proto.WorkState {
  var word: String {
    switch self {
    case .waiting: "waiting"
    case .leased: "in work"
    case .done: "done"
    case .failed: "FAILED"
    case .quarantined: "QUARANTINE"
    case .missed: "MISSED"
    case .unchanged: "unchanged"
    default: "unknown (\(rawValue))"
    }
  }
}

extension Proto.VersionState {
  var word: String {
    switch self {
    case .live: "live"
    case .held: "held"
    case .retired: "retired"
    case .rolledBack: "rolled back"
    case .removed: "removed"
    default: "unknown (\(rawValue))"
    }
  }
}

extension Proto.ServingState {
  var word: String {
    switch self {
    case .adopted: "serves"
    case .refused: "refused"
    case .stopped: "stopped"
    default: "unknown (\(rawValue))"
    }
  }
}

extension Proto.Outcome {
  var word: String {
    switch self {
    case .list: "LIST"
    case .nothing: "NOTHING"
    case .fallback: "FALLBACK"
    case .off: "OFF"
    default: "unknown (\(rawValue))"
    }
  }
}

extension Proto.Hold {
  var word: String {
    switch self {
    case .none: "–"
    case .untilNextNight: "until the next night"
    case .untilReleased: "until released"
    default: "unknown (\(rawValue))"
    }
  }
}
