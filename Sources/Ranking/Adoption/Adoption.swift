import ArtifactStore
import RankedLists

/// The arms that a tenant's callers are answered from: all of them mapped and verified.
struct Adoption: Sendable {
  struct AdoptedArm: Sendable {
    let arm: Route.Arm
    /// Nil = the arm recommends nothing.
    let artifact: MappedArtifact?
    /// Nil = nothing of the artifact is limited.
    let eligibility: Eligibility?
  }

  let arms: [AdoptedArm]
  let salt: String
  let overlay: LoadedOverlay?

  /// Pairs a route's arms with what was mapped for them; nil unless all of it is there, and `overlay`, where there is
  /// something to be limited, is the route's. What was worked out for `old` is used again. Complexity: O(candidates), where
  /// the overlay or the artifacts are others.
  init?(
    _ route: Route, artifacts: [ArtifactDigest: MappedArtifact], overlay: LoadedOverlay?, like old: Adoption?
  ) {
    guard overlay?.digest == route.overlay || route.digests.isEmpty else { return nil }
    var arms: [AdoptedArm] = []
    for arm in route.arms {
      let artifact = arm.digest.flatMap { artifacts[$0] }
      guard arm.digest == nil || artifact?.fits(arm) == true else { return nil }
      let known = old?.arms.first { $0.artifact?.lists === artifact?.lists }
      let eligibility =
        known != nil && old?.overlay?.digest == overlay?.digest
        ? known?.eligibility : artifact.flatMap { Eligibility($0.lists, overlay: overlay?.overlay) }
      arms.append(AdoptedArm(arm: arm, artifact: artifact, eligibility: eligibility))
    }
    self.arms = arms
    self.overlay = overlay
    salt = route.salt
  }

  /// What is mapped, by digest.
  var artifacts: [ArtifactDigest: MappedArtifact] {
    var found: [ArtifactDigest: MappedArtifact] = [:]
    for adopted in arms {
      if let digest = adopted.arm.digest, let artifact = adopted.artifact { found[digest] = artifact }
    }
    return found
  }
}

/// An artifact that may be answered from.
struct MappedArtifact: Sendable {
  let lists: RankedLists
  let isDataFloor: Bool
  /// Customers' lists may have what they have bought already.
  let listsBought: Bool

  /// Whether it is what control ordered for the arm.
  func fits(_ arm: Route.Arm) -> Bool {
    lists.header.model == arm.model && lists.header.bake == arm.bake
  }
}
