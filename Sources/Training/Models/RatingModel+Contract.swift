import Learning
import Messages

extension RatingModel {
  private static let maximumKept: UInt32 = 64

  /// Reads the options of a recipe of ratings. Throws `champion` for what this trainer cannot make or score.
  init(validating view: View<Proto.Recipe>) throws(TrainingError) {
    guard (1...Recipe.maximumFactors).contains(view.factors), (1...Recipe.maximumIterations).contains(view.iterations)
    else { throw .champion("its recipe's factors or iterations are out of range") }
    let (factors, iterations) = (Int(view.factors), Int(view.iterations))
    switch view.name {
    case "mf":
      guard view.regularisation > 0, view.regularisation.isFinite, view.rate > 0, view.rate.isFinite else {
        throw .champion("its recipe's regularisation or rate is out of range")
      }
      self = .mf(
        BiasedFactorisation(
          factors: factors, regularisation: view.regularisation, rate: view.rate, epochs: iterations))
    case "fm":
      guard view.burn_in <= Recipe.maximumIterations,
        (1...min(Self.maximumKept, view.iterations)).contains(view.kept)
      else { throw .champion("its recipe's burn-in or samples kept are out of range") }
      self = .fm(
        FactorisationMachine(factors: factors, samples: iterations, burnIn: Int(view.burn_in)), kept: Int(view.kept))
    case let name: throw .champion("its recipe '\(name)' is not known to this trainer")
    }
  }

  /// Writes the options.
  func fill(_ draft: Draft<Proto.Recipe>) {
    switch self {
    case .mf(let model):
      draft.factors = UInt32(model.factors)
      draft.regularisation = model.regularisation
      draft.rate = model.rate
      draft.iterations = UInt32(model.epochs)
    case .fm(let model, let kept):
      draft.factors = UInt32(model.factors)
      draft.iterations = UInt32(model.samples)
      draft.burn_in = UInt32(model.burnIn)
      draft.kept = UInt32(kept)
    }
  }
}
