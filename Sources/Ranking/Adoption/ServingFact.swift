import ArtifactStore
import Commerce
import Messages

/// What this ranker in fact does with a tenant's artifact, as control's journal shows it.
struct ServingFact: Sendable, Equatable {
  enum State: Sendable, Equatable {
    case adopted(ArtifactDigest, bake: String)
    case refused(ArtifactDigest, bake: String, reason: String)
    /// The tenant is off, or gone.
    case stopped
  }

  let tenant: TenantID
  let state: State
  let at: Timestamp

  /// Control keeps the latest fact for each subject.
  struct Subject: Hashable, Sendable {
    let tenant: TenantID
    let digest: ArtifactDigest?
  }

  var subject: Subject {
    switch state {
    case .adopted(let digest, _), .refused(let digest, _, _): Subject(tenant: tenant, digest: digest)
    case .stopped: Subject(tenant: tenant, digest: nil)
    }
  }

  func fill(_ draft: Draft<Proto.ServingFact>) {
    draft.tenant = tenant.rawValue
    draft.at_us = at.microseconds
    switch state {
    case .adopted(let digest, let bake):
      draft.state = .adopted
      draft.manifest_digest = digest.description
      draft.bake = bake
    case .refused(let digest, let bake, let reason):
      draft.state = .refused
      draft.manifest_digest = digest.description
      draft.bake = bake
      draft.reason = reason.withoutControlCharacters.prefix(utf8Bytes: Limits.reasonBytes)
    case .stopped:
      draft.state = .stopped
    }
  }
}

extension String {
  /// Blanks for control characters, which the journal takes from nobody: a manifest may quote whatever it likes.
  var withoutControlCharacters: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
  }

  /// The longest beginning of whole characters that fits the bytes.
  func prefix(utf8Bytes limit: Int) -> String {
    guard utf8.count > limit else { return self }
    var end = utf8.index(utf8.startIndex, offsetBy: limit)
    while end.samePosition(in: self) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}
