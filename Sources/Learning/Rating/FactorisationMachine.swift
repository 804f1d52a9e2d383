import Foundation

/// A Bayesian factorisation machine of order two for ratings, sampled by Gibbs.
///
/// ŷ = w₀ + Σⱼ wⱼ xⱼ + ½ Σ_f [(Σⱼ vⱼf xⱼ)² − Σⱼ vⱼf² xⱼ²], x the features of the user and of the item together; predictions
/// are means over the samples. Priors are normal with one mean and precision for each group of features and each factor. When
/// a rating was given is context: see `Sittings`.
///
/// Sources: Rendle, "Factorization machines with libFM", ACM TIST 3 (2012); Freudenthaler, Schmidt-Thieme, Rendle,
/// "Bayesian factorization machines", 2011; for parting rows into blocks: Rendle, "Scaling factorization machines to
/// relational data", VLDB 2013.
public struct FactorisationMachine: Hashable, Sendable {
  /// Number of factors for each feature.
  public let factors: Int
  /// Samples that predictions are averaged over.
  public let samples: Int
  /// Samples before those, left out of the average.
  public let burnIn: Int

  /// Parameters; all are positive, but the burn-in may be 0.
  public init(factors: Int, samples: Int, burnIn: Int) {
    precondition(factors > 0 && samples > 0 && burnIn >= 0, "parameters outside their ranges")
    (self.factors, self.samples, self.burnIn) = (factors, samples, burnIn)
  }

  /// Learns from the rows of `train` and predicts those of `asked`, within the range of train's ratings.
  ///
  /// Complexity: O((samples + burn-in) · factors · (rows + features' non-zeros)). Throws `cancelled` if the task is.
  public func predictions(
    train: Observations, asked: Observations, users: SideInformation, items: SideInformation, seed: UInt64
  ) throws(LearningError) -> [Double] {
    precondition(users.entities == train.users && items.entities == train.items, "each user and item needs features")
    guard train.count > 0 else { return [Double](repeating: .nan, count: asked.count) }
    var sampler = GibbsSampler(
      train: train, users: users, items: items, factors: factors, usesTime: true, seed: seed)
    let runs = sampler.sittings?.runs(of: asked) ?? []
    var sums = [Double](repeating: 0, count: asked.count)
    for iteration in 0..<burnIn + samples {
      if Task.isCancelled { throw .cancelled }
      sampler.sweep()
      if iteration >= burnIn { sampler.addPredictions(of: asked, in: runs, to: &sums) }
    }
    let low = train.value.min() ?? 0
    let high = train.value.max() ?? 0
    return sums.map { min(max($0 / Double(samples), low), high) }
  }
}
