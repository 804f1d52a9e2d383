import Synchronization

/// Makes stacks on the same models, each of some of the same rows up to a moment: what one has fitted, no other fits again.
///
/// A stack of all rows learns from the slices that judge those of fewer rows.
final class StackWorkshop: Sendable {
  /// Slices that the trees learn from.
  private static let slices = 2
  /// Candidates that were not taken that the trees see of each user at most.
  private static let negatives = 40

  /// How many rows lie before a moment, which tells moments apart.
  private struct Moment: Hashable {
    let rows: Int
    let seed: UInt64
  }

  private let models: [RankingRecipe]
  private let generators = Mutex<[Moment: Generators]>([:])
  private let examples = Mutex<[Moment: StackExamples]>([:])

  init(_ models: [RankingRecipe]) {
    precondition(!models.isEmpty, "a stack needs a model to stack on")
    self.models = models
  }

  /// The stack of the rows: its models are fitted before each of their last slices, and to all of them.
  func stack(of train: Observations, seed: UInt64) throws(LearningError) -> Stack {
    var taught: [StackExamples] = []
    for slice in ValidationSlice.last(Self.slices, of: train) { taught.append(try examples(of: slice, seed: seed)) }
    return Stack(try generators(of: train, seed: seed), taught, seed: seed)
  }

  private func generators(of train: Observations, seed: UInt64) throws(LearningError) -> Generators {
    let moment = Moment(rows: train.count, seed: seed)
    if let known = generators.withLock({ $0[moment] }) { return known }
    let made = try Generators(models, train: train, seed: seed)
    generators.withLock { $0[moment] = made }
    return made
  }

  private func examples(of slice: ValidationSlice, seed: UInt64) throws(LearningError) -> StackExamples {
    let moment = Moment(rows: slice.fitted.count, seed: seed)
    if let known = examples.withLock({ $0[moment] }) { return known }
    let generators = try generators(of: slice.fitted, seed: seed)
    var made = StackExamples()
    var random = Xoshiro256(seed: seed)
    for (user, relevant) in zip(slice.users, slice.relevant) {
      made.add(
        generators.candidates(for: user), columns: generators.columns, relevant: relevant, negatives: Self.negatives,
        &random)
    }
    examples.withLock { $0[moment] = made }
    return made
  }
}
