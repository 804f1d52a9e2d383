/// The mean of a linear model's weights given observations and a normal prior.
///
/// Solves (α XᵀX + Λ) θ = α Xᵀt + Λ m by Cholesky's decomposition, α the noise's precision, Λ and m the prior's.
struct RidgeRegression {
  private let width: Int
  private let noise: Double
  private let prior: [Double]
  /// Lower triangle of the left side, row-major [width × width].
  private var left: [Double]
  private var right: [Double]

  /// No observations yet. `strength`: how many times the prior counts.
  init(_ prior: RatingFit.Prior, strength: Double, noise: Double) {
    width = prior.mean.count
    self.noise = noise
    self.prior = prior.mean.map(Double.init)
    left = [Double](repeating: 0, count: width * width)
    right = self.prior
    for f in 0..<width {
      let precision = Double(prior.precision[f]) * max(1, strength)
      left[f * width + f] = precision
      right[f] *= precision
    }
  }

  /// Adds a row of X and its t. Complexity: O(width²).
  mutating func add(_ features: [Double], _ target: Double) {
    for row in 0..<width {
      let scaled = noise * features[row]
      right[row] += scaled * target
      for column in 0...row { left[row * width + column] += scaled * features[column] }
    }
  }

  /// θ; the prior's mean where numbers are beyond reckoning. Complexity: O(width³).
  consuming func solution() -> [Double] {
    for row in 0..<width {
      for column in 0...row {
        var sum = left[row * width + column]
        for k in 0..<column { sum -= left[row * width + k] * left[column * width + k] }
        guard row == column else {
          left[row * width + column] = sum / left[column * width + column]
          continue
        }
        guard sum > 0, sum.isFinite else { return prior }
        left[row * width + row] = sum.squareRoot()
      }
    }
    for row in 0..<width {
      for k in 0..<row { right[row] -= left[row * width + k] * right[k] }
      right[row] /= left[row * width + row]
    }
    for row in (0..<width).reversed() {
      for k in row + 1..<width { right[row] -= left[k * width + row] * right[k] }
      right[row] /= left[row * width + row]
    }
    return right.allSatisfy(\.isFinite) ? right : prior
  }
}
