import Learning

/// A model that may be live after this night, and what is needed to publish it.
struct Candidate: Sendable {
  /// Names of candidates in the contract.
  enum Name: String, Sendable {
    case champion
    /// Whatever recipe the night chose; the name is from when there was one kind.
    case challenger = "als"
    case popularity
  }

  let name: Name
  let judged: JudgedModel
  /// Of a model that has served before; nil = it is fitted once control has ordered it.
  let served: Fit?
  /// The file that the model came from; nil for one made this night, which control has not named yet.
  let file: ModelFile?

  /// A model made this night.
  init(_ name: Name, _ judged: JudgedModel) {
    self.name = name
    self.judged = judged
    (served, file) = (nil, nil)
  }

  /// The live model.
  init(champion model: TrainedModel, file: ModelFile) {
    name = .champion
    judged = model.judged
    served = model.served
    self.file = file
  }

  /// The model with its served fit, on the night's data where it has none yet.
  func trained(_ night: Night) throws(LearningError) -> TrainedModel {
    if let served { return TrainedModel(judged: judged, served: served) }
    return try night.refit(judged)
  }
}
