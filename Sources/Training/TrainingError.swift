/// Why a tenant-night could not be done.
public enum TrainingError: Error, Hashable, CustomStringConvertible {
  /// Control's lease makes no sense to this trainer.
  case lease(String)
  /// The snapshot that ingest streamed is not whole or not sound.
  case snapshot(String)
  /// The live version's model cannot be used.
  case champion(String)
  /// Control ordered a bake that cannot be made.
  case order(String)
  /// The lease ran out or was taken away: whatever was under way must not be published.
  case leaseLost(String)

  /// The work would take more memory than this trainer may use: so many bytes.
  case tooLarge(String, needed: UInt64)
  /// The trainers of this machine would take more of it than there is.
  case share(String)

  /// What happened, for the log and the journal.
  public var description: String {
    switch self {
    case .lease(let reason): "the lease cannot be worked on: \(reason)"
    case .snapshot(let reason): "the snapshot cannot be used: \(reason)"
    case .champion(let reason): "the live model cannot be used: \(reason)"
    case .order(let reason): "the bake ordered cannot be made: \(reason)"
    case .leaseLost(let reason): "the lease is lost: \(reason)"
    case .tooLarge(let reason, _): reason
    case .share(let reason): reason
    }
  }
}
