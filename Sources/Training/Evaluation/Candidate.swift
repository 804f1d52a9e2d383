import Learning

/// A model that may be live after this night, and what is needed to publish it.
struct Candidate: Sendable {
  /// Names of candidates in the contract.
  enum Name: String, Sendable { case champion, als, popularity }

  let name: Name
  let model: TrainedModel
  /// The file that the model came from; nil for one made this night, which control has not named yet.
  let file: ModelFile?
}
