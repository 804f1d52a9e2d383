import Commerce
import Learning
import Messages

/// The file `model` of an artifact: a trained model with the name that control gave it.
struct ModelFile: Sendable {
  /// Version of the layout.
  static let format: UInt32 = 1

  /// What the file holds; the same model is the same bytes in every artifact that is baked from it.
  let encoded: Encoded<Proto.Model>

  /// Writes a model down.
  init(_ model: TrainedModel, id: String, tenant: TenantID, products: [String], watermark: UInt64, seed: UInt64) {
    encoded = Encoded { draft in
      draft.format = Self.format
      draft.tenant = tenant.rawValue
      draft.id = id
      draft.message(\.recipe) { model.recipe.fill($0) }
      draft.message(\.judged) { model.judged.fit.fill($0, recipe: model.recipe, products: products) }
      draft.message(\.served) { model.served.fill($0, recipe: model.recipe, products: products) }
      draft.list(\.n_generators, \.generators, of: model.recipe.stacking?.generators ?? []) { $1.fill($0) }
      draft.list(\.n_judged_generators, \.judged_generators, of: model.judged.fit.generatorMessages(model.recipe)) {
        $1($0)
      }
      draft.list(\.n_served_generators, \.served_generators, of: model.served.generatorMessages(model.recipe)) {
        $1($0)
      }
      draft.message(\.calibration) {
        $0.slope = model.judged.calibration.slope
        $0.intercept = model.judged.calibration.intercept
        model.judged.calibration.rating.fill($0)
      }
      draft.feature_version = Recipe.featureVersion
      draft.watermark = watermark
      draft.seed = seed
    }
  }

  /// Takes a file's bytes; `model` checks them.
  init(bytes: [UInt8]) { encoded = Encoded(unchecked: bytes) }

  /// The model over today's catalogue. Throws `champion` for a file of another tenant, model or version, or a broken one.
  func model(tenant: TenantID, id: String, products: [String]) throws(TrainingError) -> TrainedModel {
    let view: View<Proto.Model>
    do throws(MessageError) { view = try encoded.decode() } catch { throw .champion("its model file: \(error)") }
    guard view.format == Self.format, view.feature_version == Recipe.featureVersion else {
      throw .champion(
        "its layout \(view.format) with features \(view.feature_version) is not this trainer's "
          + "\(Self.format) with \(Recipe.featureVersion)")
    }
    guard view.tenant == tenant.rawValue, view.id == id else {
      throw .champion("its file holds model '\(view.id)' of '\(view.tenant)', not '\(id)' of '\(tenant)'")
    }
    guard let recipe = view.recipe, let judged = view.judged, let served = view.served,
      let calibration = view.calibration
    else { throw .champion("its file lacks a recipe, a fit or the calibration") }
    var generators: [Recipe] = []
    for view in view.list(\.n_generators, \.generators) { generators.append(try Recipe(validating: view)) }
    let readRecipe = try Recipe(validating: recipe, generators: generators)
    let catalogue = Dictionary(products.enumerated().map { (Array($1.utf8), $0) }) { first, _ in first }
    func fit(_ view: View<Proto.Fit>, _ generators: [View<Proto.Fit>]) throws(TrainingError) -> Fit {
      try Fit(
        validating: view, recipe: readRecipe, generators: generators, catalogue: catalogue, products: products.count)
    }
    return TrainedModel(
      judged: JudgedModel(
        recipe: readRecipe, fit: try fit(judged, Array(view.list(\.n_judged_generators, \.judged_generators))),
        calibration: try Calibration(validating: calibration)),
      served: try fit(served, Array(view.list(\.n_served_generators, \.served_generators))))
  }
}
