/// The vectors of a factor model, to fold a session in with (Hu, Koren, Volinsky, "Collaborative filtering for implicit
/// feedback datasets", 2008, equation 4): a customer of whom the items S with confidences c are known has the vector
/// x = (G + Σ (c − 1) y yᵀ + λ I)⁻¹ Σ c y over S, and item i scores b_i + y_i · x.
public struct ItemFactors: Sendable, Equatable {
  /// Length of each vector, 1 to 1,024.
  public let dimensions: Int
  /// λ: what is added to the diagonal; finite and not negative.
  public let regularization: Float
  /// α: an event of weight w has the confidence 1 + α w; finite and not negative.
  public let confidence: Float
  /// G = Σ y yᵀ over all items that the model knows, row by row, symmetric.
  public let gram: [Float]
  /// b: what a candidate scores whoever asks; one for each candidate.
  public let biases: [Float]
  /// y: the vectors of the candidates, one after another.
  public let vectors: [Float]

  /// Puts a model's numbers together; the writer checks that they fit each other and are finite.
  public init(
    dimensions: Int, regularization: Float, confidence: Float, gram: [Float], biases: [Float], vectors: [Float]
  ) {
    self.dimensions = dimensions
    self.regularization = regularization
    self.confidence = confidence
    self.gram = gram
    self.biases = biases
    self.vectors = vectors
  }
}

/// Factors as they lie in the mapped file; the pointers are valid as long as the file is.
public struct ItemFactorsView: ~Escapable {
  /// As in `ItemFactors`.
  public let dimensions: Int
  /// As in `ItemFactors`.
  public let regularization: Float
  /// As in `ItemFactors`.
  public let confidence: Float
  /// `dimensions` × `dimensions`.
  public let gram: UnsafeBufferPointer<Float>
  /// One for each candidate.
  public let biases: UnsafeBufferPointer<Float>
  /// `dimensions` for each candidate.
  public let vectors: UnsafeBufferPointer<Float>

  @_lifetime(immortal)
  init(_ table: FactorTable) {
    dimensions = table.dimensions
    regularization = table.regularization
    confidence = table.confidence
    gram = table.gram
    biases = table.biases
    vectors = table.vectors
  }
}
