import Commerce

/// What became of one row.
enum RowVerdict: Sendable, Equatable {
  /// Written.
  case accepted
  /// Already there with the same content.
  case duplicate
  /// Not written.
  case rejected(InvalidField)
}
