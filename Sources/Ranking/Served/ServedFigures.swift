import Synchronization

/// What became of served records, for whoever watches the ranker.
final class ServedFigures: Sendable {
  /// Why a record is not kept.
  enum Loss: Int, CaseIterable, Sendable {
    /// The thread's ring is full: the writer does not follow.
    case ring
    /// The files have reached their limit.
    case limit
    /// The disk is full, or fails.
    case disk
    /// What lay on disk is damaged: one for each gap.
    case damaged
    /// Ingest refuses the record for good.
    case refused

    var label: String { "\(self)" }
  }

  private let ring = Atomic<Int>(0)
  private let limit = Atomic<Int>(0)
  private let disk = Atomic<Int>(0)
  private let damaged = Atomic<Int>(0)
  private let refused = Atomic<Int>(0)
  private let shippedRecords = Atomic<Int>(0)
  private let recoveredRecords = Atomic<Int>(0)
  /// What keeps the writer from taking records out of the rings; `ring` = nothing.
  private let obstacle = Atomic<Int>(Loss.ring.rawValue)

  /// Counts a record that found no room, by what is in the way.
  func drop() { lose(1, Loss(rawValue: obstacle.load(ordering: .relaxed)) ?? .ring) }

  /// Whether the writer takes records out of the rings.
  var isFlowing: Bool { obstacle.load(ordering: .relaxed) == Loss.ring.rawValue }

  func lose(_ count: Int, _ loss: Loss) {
    switch loss {
    case .ring: ring.add(count, ordering: .relaxed)
    case .limit: limit.add(count, ordering: .relaxed)
    case .disk: disk.add(count, ordering: .relaxed)
    case .damaged: damaged.add(count, ordering: .relaxed)
    case .refused: refused.add(count, ordering: .relaxed)
    }
  }

  func count(of loss: Loss) -> Int {
    switch loss {
    case .ring: ring.load(ordering: .relaxed)
    case .limit: limit.load(ordering: .relaxed)
    case .disk: disk.load(ordering: .relaxed)
    case .damaged: damaged.load(ordering: .relaxed)
    case .refused: refused.load(ordering: .relaxed)
    }
  }

  func block(by loss: Loss) { obstacle.store(loss.rawValue, ordering: .relaxed) }
  func ship(_ count: Int) { shippedRecords.add(count, ordering: .relaxed) }
  func recover(_ count: Int) { recoveredRecords.add(count, ordering: .relaxed) }
  var shipped: Int { shippedRecords.load(ordering: .relaxed) }
  var recovered: Int { recoveredRecords.load(ordering: .relaxed) }
}
