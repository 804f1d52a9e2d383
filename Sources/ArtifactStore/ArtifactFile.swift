/// A file of an artifact beside its manifest.
public enum ArtifactFile: String, CaseIterable, Sendable {
  /// The ranked lists; see FORMAT.md of RankedLists.
  case lists
  /// The model with both its fits; see model.proto.
  case model
}
