/// When figures of a slice are taken as means over several seeds.
///
/// The NDCG@10 of a customer varies by about 0.25 around its mean: below 300 customers the mean's standard error exceeds 0.014,
/// which is as far as a night's recipes lie apart, and the luck of a fit or of a draw is as likely to decide as the recipe.
enum SmallSample {
  /// Fewer customers than this are a small sample.
  static let customers = 300
  /// Seeds that its figures are the mean of.
  static let seeds = 3

  /// Seeds for so many customers.
  static func seeds(customers count: Int) -> Int { count < customers ? seeds : 1 }
}
