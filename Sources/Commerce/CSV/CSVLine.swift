/// One record of a file: its fields, or why it has none.
public struct CSVLine: Sendable {
  /// Number of the physical line it begins on, from 1.
  public let number: Int
  /// The fields without their quotes.
  public let fields: Result<[String], CSVError>
}
