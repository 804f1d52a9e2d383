extension [Float] {
  /// Values that are added up side by side: the same everywhere, so that sums are too.
  private typealias Lanes = SIMD16<Float>

  /// Shifts and scales to mean 0 and variance 1; values that are all alike become 0.
  mutating func standardise() {
    let mean = sum(filledUpWith: 0) { $0 } / Float(count)
    let variance = sum(filledUpWith: mean) { ($0 - mean) * ($0 - mean) } / Float(count)
    let scale = variance > 0 ? 1 / variance.squareRoot() : 0
    for index in indices { self[index] = (self[index] - mean) * scale }
  }

  /// Sum of what `term` makes of the values, and of what it makes of those that fill up the last lanes.
  private func sum(filledUpWith filler: Float, _ term: (Lanes) -> Lanes) -> Float {
    let whole = count - count % Lanes.scalarCount
    var sums = Lanes()
    withUnsafeBytes { bytes in
      for start in stride(from: 0, to: whole, by: Lanes.scalarCount) {
        sums += term(bytes.loadUnaligned(fromByteOffset: start * MemoryLayout<Float>.stride, as: Lanes.self))
      }
    }
    var rest = Lanes(repeating: filler)
    for (lane, value) in self[whole...].enumerated() { rest[lane] = value }
    return (sums + term(rest)).sum()
  }
}
