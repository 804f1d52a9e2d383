/// An amount of memory, as people write it: 17179869184, 16GiB, 512MiB.
public struct ByteCount: Hashable, Sendable, CustomStringConvertible {
  private static let units: [(name: String, bytes: UInt64)] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20)]

  /// The number of bytes.
  public let bytes: UInt64

  /// So many bytes.
  public init(_ bytes: UInt64) { self.bytes = bytes }

  /// Reads a whole number of bytes, MiB, GiB or TiB, above zero; nil for anything else.
  public init?(_ text: String) {
    let unit = Self.units.first { text.hasSuffix($0.name) }
    guard let number = UInt64(text.dropLast(unit?.name.count ?? 0)), number > 0 else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit?.bytes ?? 1)
    guard !overflow else { return nil }
    self.init(bytes)
  }

  /// With one decimal in the largest unit that fits.
  public var description: String {
    guard let unit = Self.units.first(where: { bytes >= $0.bytes }) else { return "\(bytes) bytes" }
    let (whole, rest) = bytes.quotientAndRemainder(dividingBy: unit.bytes)
    return "\(whole).\(rest * 10 / unit.bytes) \(unit.name)"
  }
}
