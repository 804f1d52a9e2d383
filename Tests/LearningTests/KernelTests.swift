import CKernels
import Testing

@testable import Learning

/// The C kernels at every level that this processor runs, against plain sums in f64.
@Suite struct KernelTests {
  /// Widths around the lanes, the loops in registers and the largest that recipes allow.
  static let widths = [1, 3, 15, 16, 17, 48, 64, 65, 100, 128, 129, 1024]

  /// A random matrix whose rows have 0 to `longest` non-zeros, the first none and the second all columns.
  static func interest(rows: Int, columns: Int, longest: Int, seed: UInt64) -> SparseMatrix {
    var random = Xoshiro256(seed: seed)
    var builder = SparseMatrix.Builder(rows: rows, columns: columns)
    for row in 0..<rows {
      let share = row == 1 ? 1 : Double(random.nextIndex(below: longest + 1)) / Double(columns)
      for column in 0..<columns where row != 0 && random.nextUnit() < share {
        builder.add(column: Int32(column), value: Float(random.nextUnit() * 3))
      }
      builder.finishRow()
    }
    return builder.build()
  }

  private static func random(_ count: Int, scale: Double, seed: UInt64) -> [Float] {
    var random = Xoshiro256(seed: seed)
    return (0..<count).map { _ in Float(random.nextNormal() * scale) }
  }

  /// A x − b of a row's normal equations and b, in f64.
  private static func residual(
    _ als: ImplicitALS, _ row: [(column: Int, value: Float)], _ y: [Float], columns: Int, _ x: ArraySlice<Float>
  ) -> (residual: [Double], right: [Double]) {
    let f = als.factors
    let x = x.map { Double($0) }
    var weights = [Double](repeating: 0, count: columns)
    for (column, value) in row { weights[column] = als.alpha * Double(value) }
    let seen = Set(row.map(\.column))
    var residual = x.map { $0 * als.regularisation }
    var right = [Double](repeating: 0, count: f)
    for column in 0..<columns {
      let own = y[column * f..<(column + 1) * f].map { Double($0) }
      let product = zip(own, x).reduce(0) { $0 + $1.0 * $1.1 }
      let gain = seen.contains(column) ? 1 + weights[column] : 0
      for k in 0..<f {
        residual[k] += (product * (1 + weights[column]) - gain) * own[k]
        right[k] += gain * own[k]
      }
    }
    return (residual, right)
  }

  @Test("the dot products of rows with a vector, unaligned too", arguments: KernelLevel.runnable, widths)
  func dots(level: KernelLevel, width: Int) {
    for count in [0, 1, 3, 4, 5, 9] {
      let rows = Self.random(count * width + 1, scale: 1, seed: UInt64(width))
      let x = Self.random(width + 1, scale: 1, seed: UInt64(count))
      var dots = [Float](repeating: .nan, count: count + 1)
      rows.withUnsafeBufferPointer { rows in
        x.withUnsafeBufferPointer { x in
          nj_dots(level.code, rows.baseAddress! + 1, count, Int32(width), x.baseAddress! + 1, &dots)
        }
      }
      for row in 0..<count {
        let products = (0..<width).map { Double(rows[1 + row * width + $0]) * Double(x[1 + $0]) }
        let (sum, size) = (products.reduce(0, +), products.reduce(0) { $0 + abs($1) })
        #expect(abs(Double(dots[row]) - sum) <= 1e-6 * size)
      }
      #expect(dots[count].isNaN)
    }
  }

  @Test("blending standardises and adds the prior", arguments: KernelLevel.runnable, [1, 15, 16, 17, 100])
  func blend(level: KernelLevel, count: Int) {
    let (session, prior, scores) = (
      Self.random(count, scale: 3, seed: 1).map { $0 + 40 }, Self.random(count, scale: 1, seed: 2),
      Self.random(count, scale: 2, seed: 3)
    )
    let share = 0.75
    let mean = session.reduce(0) { $0 + Double($1) } / Double(count)
    let variance = session.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(count)
    // However small the session's scores are.
    for (own, size): ([Float]?, Float) in [(prior, 1), (nil, 1), (prior, 1e-25)] {
      var blended = scores
      nj_blend(level.code, session.map { $0 * size }, own, count, Float(share), &blended)
      for place in 0..<count {
        let standard = variance > 0 ? (Double(session[place]) - mean) / variance.squareRoot() : 0
        let wanted =
          (1 - share) * Double(scores[place]) + share * (standard + Double((own ?? scores)[place]))
        #expect(abs(Double(blended[place]) - wanted) < 1e-4)
      }
    }
    var blended = scores
    nj_blend(level.code, [Float](repeating: 0.1, count: count), nil, count, 0.5, &blended)
    #expect(blended == scores)
  }

  @Test("the best of some scores are those that sorting finds", arguments: KernelLevel.runnable, [1, 5, 100])
  func best(level: KernelLevel, length: Int) {
    for count in [0, 1, 15, 16, 17, 300, 5_000] {
      var random = Xoshiro256(seed: UInt64(count))
      var scores = (0..<count).map { _ in Float(random.nextIndex(below: 2_000)) / 4 - 250 }
      for odd in [Float.nan, .infinity, -.infinity, -0.0, 0] where count > 16 {
        scores[random.nextIndex(below: count)] = odd
      }
      // What ascends beats all that was found before.
      for scores in [scores, scores.sorted(), scores.sorted().reversed()] {
        var places = [Int32](repeating: -1, count: length)
        var best = [Float](repeating: .nan, count: length)
        var found: Int32 = -1
        var scratch = [UInt64](repeating: 0, count: nj_best_scratch(Int32(length)) / 8)
        nj_best(level.code, scores, count, Int32(length), &scratch, &places, &best, &found)
        let wanted = scores.indices.filter { scores[$0].isFinite }.sorted {
          scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1
        }.prefix(length)
        #expect(places.prefix(Int(found)).map { Int($0) } == Array(wanted))
        #expect(best.prefix(Int(found)).elementsEqual(wanted.map { scores[$0] }))
      }
    }
  }

  @Test("folding in solves every row's normal equations", arguments: KernelLevel.runnable, widths)
  func solves(level: KernelLevel, factors: Int) {
    let (rows, columns) = (12, 37)
    let als = ImplicitALS(factors: factors, regularisation: 0.5, alpha: 2, iterations: 1)
    let interest = Self.interest(rows: rows, columns: columns, longest: 20, seed: UInt64(factors))
    let y = Self.random(columns * factors, scale: 0.3, seed: 7)
    let x = als.foldIn(interest, against: y, level: level, threads: 1)
    #expect(x[..<factors].allSatisfy { $0 == 0 })
    for row in 1..<rows {
      let own = x[row * factors..<(row + 1) * factors]
      let (residual, right) = Self.residual(als, interest.row(row), y, columns: columns, own)
      let size = right.reduce(0) { $0 + $1 * $1 }
      #expect(residual.reduce(0) { $0 + $1 * $1 } <= 1e-9 * size)
    }
  }

  @Test(
    "a few steps from where a row stands are the textbook's steps", arguments: KernelLevel.runnable, [3, 16, 70, 130])
  func steps(level: KernelLevel, factors: Int) {
    let (columns, steps) = (50, 3)
    let als = ImplicitALS(factors: factors, regularisation: 0.5, alpha: 2, iterations: 1)
    let interest = Self.interest(rows: 9, columns: columns, longest: 30, seed: 5)
    let y = Self.random(columns * factors, scale: 0.3, seed: 6)
    let begun = Self.random(interest.rows * factors, scale: 0.1, seed: 8)
    let rows = FactorRows(begun, factors: factors)
    NormalEquations(interest, regularisation: 0.5, alpha: 2, level: level, threads: 1)
      .descend(rows, against: FactorRows(y, factors: factors), steps: steps) { false }
    let ours = rows.packed()
    for row in 0..<interest.rows where !interest.isEmpty(row: row) {
      var x = begun[row * factors..<(row + 1) * factors].map { Double($0) }
      func image(_ p: [Double]) -> [Double] {
        let (a, b) = Self.residual(als, interest.row(row), y, columns: columns, p.map { Float($0) }[...])
        return zip(a, b).map { $0 + $1 }
      }
      var r = Self.residual(als, interest.row(row), y, columns: columns, x.map { Float($0) }[...]).residual.map { -$0 }
      var p = r
      var square = r.reduce(0) { $0 + $1 * $1 }
      for _ in 0..<steps where square > 1e-12 {
        let q = image(p)
        let length = square / zip(p, q).reduce(0) { $0 + $1.0 * $1.1 }
        for k in 0..<factors {
          x[k] += length * p[k]
          r[k] -= length * q[k]
        }
        let next = r.reduce(0) { $0 + $1 * $1 }
        for k in 0..<factors { p[k] = r[k] + next / square * p[k] }
        square = next
      }
      let largest = x.map { abs($0) }.max() ?? 0
      for k in 0..<factors { #expect(abs(Double(ours[row * factors + k]) - x[k]) < 1e-3 * max(0.1, largest)) }
    }
  }

  @Test("the Gram matrix is the sum over all rows", arguments: KernelLevel.runnable, [0, 1, 1024, 2500])
  func gram(level: KernelLevel, rows: Int) {
    let factors = 19
    let packed = Self.random(rows * factors, scale: 1, seed: 3)
    let matrix = FactorRows(packed, factors: factors)
    let gram = matrix.gram(level: level, threads: 2)
    for i in 0..<matrix.width {
      for j in 0..<matrix.width {
        let sum =
          i < factors && j < factors
          ? (0..<rows).reduce(0.0) { $0 + Double(packed[$1 * factors + i]) * Double(packed[$1 * factors + j]) } : 0
        #expect(abs(Double(gram.base[i * matrix.width + j]) - sum) <= 1e-4 * Double(max(1, rows)).squareRoot())
      }
    }
  }

  @Test("factors do not depend on the number of threads, and hardly on the level")
  func threads() throws {
    let interest = Self.interest(rows: 3000, columns: 40, longest: 20, seed: 1)
    let als = ImplicitALS(factors: 10, regularisation: 1, alpha: 1, iterations: 2)
    let one = try als.factorise(interest, seed: 1, level: .best, threads: 1)
    for threads in 2...5 {
      let several = try als.factorise(interest, seed: 1, level: .best, threads: threads)
      #expect(one.x == several.x && one.y == several.y)
    }
    for level in KernelLevel.runnable {
      let other = try als.factorise(interest, seed: 1, level: level, threads: 1)
      for (a, b) in zip(one.x + one.y, other.x + other.y) { #expect(abs(a - b) < 1e-4) }
    }
  }

  @Test("a cancelled task's fit ends with `cancelled`")
  func cancelled() async {
    let interest = Self.interest(rows: 20, columns: 10, longest: 5, seed: 1)
    let als = ImplicitALS(factors: 4, regularisation: 1, alpha: 1, iterations: 2)
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try als.fit(interest, seed: 1)
    }
    await #expect(throws: LearningError.cancelled) { try await task.value }
  }

  @Test("once cancelled, a pass leaves the rows that it has not come to as they were")
  func cancelledWithin() {
    let interest = Self.interest(rows: 3000, columns: 40, longest: 20, seed: 1)
    let rows = FactorRows([Float](repeating: 7, count: 3000 * 3), factors: 3)
    let others = FactorRows(Self.random(40 * 3, scale: 1, seed: 2), factors: 3)
    var asked = 0
    NormalEquations(interest, regularisation: 1, alpha: 1, level: .best, threads: 1)
      .descend(rows, against: others, steps: 3) {
        asked += 1
        return asked > 1
      }
    let packed = rows.packed()
    #expect(asked > 2)
    #expect(packed.first != 7 && packed.last == 7)
  }
}
