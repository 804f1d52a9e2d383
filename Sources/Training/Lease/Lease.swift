import ArtifactStore
import Commerce
import Learning
import Messages

/// One tenant-night as control gave it.
struct Lease: Sendable {
  /// What to do with the tenant.
  enum Kind: Sendable {
    /// Train a challenger, judge, bake what the verdict says.
    case train
    /// Bake the live model anew.
    case rebake
  }

  let tenant: TenantID
  let night: UInt64
  let kind: Kind
  let cuts: Cuts
  let watermark: UInt64
  let ttl: Duration
  let fence: Fence
  let grant: View<Proto.SignedGrant>
  let seed: UInt64
  /// nil = there is no live version.
  let champion: View<Proto.Version>?
  /// Lists are to hold also what their customers have bought already.
  let listsBought: Bool
  /// Artifacts that can be live again; none = the store is not to be tidied.
  let kept: Set<ArtifactDigest>
  /// Bytes that the work will take, as far as the tenant's size tells.
  let estimate: MemoryEstimate

  /// Fencing token: goes back to control with everything done under the lease.
  struct Fence: Hashable, Sendable {
    let epoch: UInt64
    let number: UInt64

    init(_ view: View<Proto.Fence>) { (epoch, number) = (view.epoch, view.number) }

    func fill(_ draft: Draft<Proto.Fence>) {
      draft.epoch = epoch
      draft.number = number
    }
  }

  /// Reads the contract's message. Throws `lease` for one that this trainer cannot work on.
  init(validating view: View<Proto.Lease>) throws(TrainingError) {
    do throws(InvalidField) { tenant = try TenantID(view.tenant) } catch { throw .lease("\(error)") }
    switch view.kind {
    case .train: kind = .train
    case .rebake: kind = .rebake
    default: throw .lease("work of the kind \(view.kind.rawValue) is not known; update the trainer")
    }
    guard (1...365).contains(view.horizon_days) else { throw .lease("a horizon of \(view.horizon_days) days") }
    guard view.as_of_us > 0, view.as_of_us <= Timestamp.admitted.upperBound.microseconds else {
      throw .lease("as_of is \(view.as_of_us) µs")
    }
    guard view.ttl_ms > 0, let fence = view.fence, let grant = view.grant else {
      throw .lease("it lacks its time to live, its fence or its grant")
    }
    night = view.night
    cuts = Cuts(asOf: view.as_of_us, horizonDays: Int(view.horizon_days))
    watermark = view.watermark
    ttl = .milliseconds(Int64(view.ttl_ms))
    self.fence = Fence(fence)
    self.grant = grant
    seed = view.seed
    champion = view.champion
    switch view.repurchase {
    case .exclude: listsBought = false
    case .allow: listsBought = true
    default: throw .lease("repurchase is \(view.repurchase.rawValue), which is not known; update the trainer")
    }
    var kept: Set<ArtifactDigest> = []
    for digest in view.strings(\.n_kept_digests, \.kept_digests) {
      guard let digest = ArtifactDigest(hex: digest) else { throw .lease("'\(digest.prefix(80))' is not a digest") }
      kept.insert(digest)
    }
    self.kept = kept
    estimate = MemoryEstimate(customers: view.customers, products: view.products, events: view.events)
  }
}
