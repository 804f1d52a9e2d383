import Foundation
import Learning

/// Interest of made-up customers, the same for the same shape: histories of unequal length, popularity skewed.
struct GeneratedMatrix {
  let customers: Int
  let products: Int
  private(set) var offsets = [0]
  private(set) var indices: [Int32] = []
  /// r: log₂(1 + units).
  private(set) var values: [Float] = []

  private static let seed: UInt64 = 20
  /// Standard deviation of the logarithm of a history's length.
  private static let spread = 0.7
  /// Share of the products that the longest history has.
  private static let longest = 0.25

  init(customers: Int, products: Int, nonZeros: Int) {
    self.customers = customers
    self.products = products
    var random = Xoshiro256(seed: Self.seed)
    let raw = (0..<customers).map { _ in exp(Self.spread * random.nextNormal()) }
    let scale = Double(nonZeros) / raw.reduce(0, +)
    let demand = Demand(products: products)
    var owner = [Int](repeating: -1, count: products)
    for customer in 0..<customers {
      var own: [Int32] = []
      let length = min(Int(Self.longest * Double(products)), Int((raw[customer] * scale).rounded()))
      while own.count < length {
        let product = demand.product(for: customer, &random)
        if owner[product] != customer { own.append(Int32(product)) }
        owner[product] = customer
      }
      indices += own.sorted()
      values += own.map { _ in Float(log2(2 + floor(8 * pow(random.nextUnit(), 4)))) }
      offsets.append(indices.count)
    }
  }

  /// The matrix as Nightjar takes it.
  var interest: SparseMatrix { SparseMatrix(columns: products, offsets: offsets, indices: indices, values: values) }

  /// Writes it as the peer takes it: confidences are 1 + α r, with α = 1.
  func write(to folder: URL) throws {
    try Self.bytes(offsets).write(to: folder.appending(path: "offsets"))
    try Self.bytes(indices).write(to: folder.appending(path: "indices"))
    try Self.bytes(values.map { 1 + $0 }).write(to: folder.appending(path: "confidences"))
    try Data("\(customers) \(products)".utf8).write(to: folder.appending(path: "shape"))
  }

  private static func bytes<Element: BitwiseCopyable>(_ elements: [Element]) -> Data {
    elements.withUnsafeBytes { Data($0) }
  }

  /// Σ c (p − xᵀy)² + λ (‖X‖² + ‖Y‖²) over all pairs, with α = 1. The pairs not seen come from XᵀX and YᵀY.
  func loss(x: [Float], y: [Float], factors: Int, regularisation: Double) -> Double {
    var loss = regularisation * (x + y).reduce(0) { $0 + Double($1) * Double($1) }
    loss += zip(Self.gram(x, factors), Self.gram(y, factors)).reduce(0) { $0 + $1.0 * $1.1 }
    for customer in 0..<customers {
      for position in offsets[customer]..<offsets[customer + 1] {
        let (a, b) = (customer * factors, Int(indices[position]) * factors)
        let score = (0..<factors).reduce(0.0) { $0 + Double(x[a + $1]) * Double(y[b + $1]) }
        loss += (1 + Double(values[position])) * (1 - score) * (1 - score) - score * score
      }
    }
    return loss
  }

  private static func gram(_ rows: [Float], _ f: Int) -> [Double] {
    var gram = [Double](repeating: 0, count: f * f)
    for start in stride(from: 0, to: rows.count, by: f) {
      for i in 0..<f {
        for j in 0..<f { gram[i * f + j] += Double(rows[start + i]) * Double(rows[start + j]) }
      }
    }
    return gram
  }
}
