import Synchronization

/// Where the log ends, for all to read while it is written.
final class LogEnd: Sendable {
  private let packed: Atomic<UInt64>

  init(_ position: LogPosition) {
    packed = Atomic(position.packed)
  }

  /// End of the last durable frame.
  var position: LogPosition {
    get { LogPosition(packed: packed.load(ordering: .acquiring)) }
    set { packed.store(newValue.packed, ordering: .releasing) }
  }
}
