import Foundation

/// The middle of the values; takes them in any order.
public func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

extension Double {
  /// With `digits` behind the point, at least `width` characters wide.
  public func text(_ digits: Int, width: Int = 0) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let whole = Int((self * scale).rounded())
    var text = String(abs(whole))
    if digits > 0 {
      text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
      text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
    }
    if whole < 0 { text = "-" + text }
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }
}

/// Ends the benchmark: one that goes on over errors measures errors.
public func fail(_ reason: String) -> Never {
  FileHandle.standardError.write(Data("benchmark: \(reason)\n".utf8))
  ServerProcess.killAll()
  exit(1)
}
