/// The factors section; see FORMAT.md.
struct FactorTable: BitwiseCopyable {
  let dimensions: Int
  let regularization: Float
  let confidence: Float
  let gram: UnsafeBufferPointer<Float>
  let biases: UnsafeBufferPointer<Float>
  let vectors: UnsafeBufferPointer<Float>

  /// Nil unless the section has the length for its head and the candidates, begins aligned, and is finite throughout.
  /// Complexity: O(bytes).
  init?(checking section: FileBytes, candidates: Int) {
    guard section.count >= Format.factorsHeadBytes else { return nil }
    dimensions = Int(section.load(0, as: UInt32.self))
    let zero = section.load(4, as: UInt32.self)
    regularization = Float(bitPattern: section.load(8, as: UInt32.self))
    confidence = Float(bitPattern: section.load(12, as: UInt32.self))
    guard (1...Format.maximumDimensions).contains(dimensions), zero == 0 else { return nil }
    let counts = [dimensions * dimensions, candidates, dimensions * candidates]
    guard section.count == Format.factorsHeadBytes + Format.floatBytes * counts.reduce(0, +) else { return nil }
    let floats = section.slice(Format.factorsHeadBytes, section.count - Format.factorsHeadBytes).floats
    gram = UnsafeBufferPointer(rebasing: floats[..<counts[0]])
    biases = UnsafeBufferPointer(rebasing: floats[counts[0]..<(counts[0] + counts[1])])
    vectors = UnsafeBufferPointer(rebasing: floats[(counts[0] + counts[1])...])
    guard regularization >= 0, confidence >= 0, regularization.isFinite, confidence.isFinite,
      floats.allSatisfy(\.isFinite)
    else { return nil }
  }

  static func encode(_ factors: ItemFactors, candidates: Int) throws(RankedListsError) -> [UInt8] {
    let d = factors.dimensions
    guard (1...Format.maximumDimensions).contains(d), factors.gram.count == d * d, factors.biases.count == candidates,
      factors.vectors.count == d * candidates
    else {
      throw .input(
        "factors: \(d) dimensions, \(factors.gram.count) of gram, \(factors.biases.count) biases and "
          + "\(factors.vectors.count) of vectors do not fit \(candidates) candidates")
    }
    let numbers = [factors.gram, factors.biases, factors.vectors]
    guard factors.regularization >= 0, factors.confidence >= 0, factors.regularization.isFinite,
      factors.confidence.isFinite, numbers.allSatisfy({ $0.allSatisfy(\.isFinite) })
    else { throw .input("factors: a number is not finite, or a parameter negative") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Format.factorsHeadBytes + Format.floatBytes * (d * d + candidates * (d + 1)))
    for word in [UInt32(d), 0, factors.regularization.bitPattern, factors.confidence.bitPattern] {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    for list in numbers {
      for number in list { withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    }
    return bytes
  }
}
