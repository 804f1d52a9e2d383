import CKernels

/// The best-scored products of many rows at once, scores being dot products of factors: lists for every customer.
///
/// Picks what `TopProducts` would pick of the same scores. A bias is one more factor that is 1 in every row.
public struct TopLists: ~Copyable {
  /// Lists of consecutive rows, each best first.
  public struct Lists: Sendable {
    /// First row that has a list here.
    public let firstRow: Int
    private let length: Int
    private let counts: [Int32]
    private let products: [Int32]
    private let scores: [Float]

    /// Number of lists.
    public var count: Int { counts.count }

    /// The list of a row: products and their scores, best first.
    public subscript(row: Int) -> (products: ArraySlice<Int32>, scores: ArraySlice<Float>) {
      let start = (row - firstRow) * length
      let range = start..<start + Int(counts[row - firstRow])
      return (products[range], scores[range])
    }

    fileprivate init(
      firstRow: Int, length: Int, counts: [Int32], products: [Int32], scores: [Float]
    ) {
      (self.firstRow, self.length, self.counts, self.products, self.scores) = (
        firstRow, length, counts, products, scores
      )
    }
  }

  private let factors: Int
  private let length: Int
  /// Products that may be listed, ascending.
  private let candidates: [Int32]
  /// Place among the candidates, by product; -1 = not one.
  private let positions: [Int32]
  /// The candidates' factors in the kernel's order.
  private let panels: AlignedMemory<Float>

  /// Rows that a thread takes at once.
  private static let pieceRows = 192

  /// A selector for lists of up to `length` products by factors Y [products × factors].
  public init(_ items: [Float], factors: Int, length: Int, eligible: [Bool]) {
    precondition(length > 0, "a list has at least one place")
    precondition(factors > 0 && items.count == eligible.count * factors, "each product has its factors")
    self.factors = factors
    self.length = length
    candidates = eligible.indices.filter { eligible[$0] }.map(Int32.init)
    var positions = [Int32](repeating: -1, count: eligible.count)
    for (position, product) in candidates.enumerated() { positions[Int(product)] = Int32(position) }
    self.positions = positions
    panels = AlignedMemory(count: nj_top_panels(candidates.count, Int32(factors)))
    nj_top_pack(items, candidates, candidates.count, Int32(factors), panels.base)
  }

  /// The lists of rows of X [all rows × factors], without what is excluded for each, on `LinearAlgebra.threads`.
  ///
  /// Scores that are not finite are never listed; equal scores stand in order of product. Throws `cancelled`, soon after
  /// the task is. Complexity: O(rows · candidates · factors). A night asks for some thousand rows at a time, to be bound in memory.
  public func lists(
    of range: Range<Int>, in rows: [Float], excluding excluded: PairSets
  ) throws(LearningError) -> Lists {
    try lists(of: range, in: rows, excluding: excluded, level: .best, threads: LinearAlgebra.threads)
  }

  func lists(
    of range: Range<Int>, in rows: [Float], excluding excluded: PairSets, level: KernelLevel, threads: Int
  ) throws(LearningError) -> Lists {
    precondition(rows.count == excluded.rows * factors, "each row has factors, and products that it may not get")
    precondition(range.lowerBound >= 0 && range.upperBound <= excluded.rows, "the range lies within the rows")
    precondition(
      range.allSatisfy { (excluded[$0].last ?? -1) < Int32(positions.count) },
      "what is excluded lies within the products")
    var products = [Int32](repeating: 0, count: range.count * length)
    var scores = [Float](repeating: 0, count: range.count * length)
    var counts = [Int32](repeating: 0, count: range.count)
    products.withUnsafeMutableBufferPointer { products in
      scores.withUnsafeMutableBufferPointer { scores in
        counts.withUnsafeMutableBufferPointer { counts in
          guard let products = products.baseAddress, let scores = scores.baseAddress, let counts = counts.baseAddress
          else { return }
          select(range, rows, excluded, level: level, threads: threads) { piece in
            (products + piece * length, scores + piece * length, counts + piece)
          }
        }
      }
    }
    if Task.isCancelled { throw .cancelled }
    return Lists(firstRow: range.lowerBound, length: length, counts: counts, products: products, scores: scores)
  }

  /// Where lists go, from some row on.
  private typealias Places = (UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Int32>)

  /// Writes the lists of a range; those of its row r from `places(r)` on.
  private func select(
    _ range: Range<Int>, _ rows: [Float], _ excluded: PairSets, level: KernelLevel, threads: Int,
    places: (Int) -> Places
  ) {
    let bytes = nj_top_scratch(Int32(factors), Int32(length))
    let scratch = AlignedMemory<UInt8>(count: threads * bytes)
    let (room, pieces) = (scratch.base, (range.count + Self.pieceRows - 1) / Self.pieceRows)
    withKernel(excluded) { top in
      rows.withUnsafeBufferPointer { rows in
        withUnsafeCurrentTask { task in
          Workers.share(pieces, threads: threads) { piece, worker in
            // As something that any task may be asked, this may be asked of the current one from other threads.
            guard task?.isCancelled != true else { return }
            let first = range.lowerBound + piece * Self.pieceRows
            let (products, scores, counts) = places(piece * Self.pieceRows)
            nj_top_select(
              level.code, top, rows.baseAddress, first, min(first + Self.pieceRows, range.upperBound),
              room + worker * bytes, products, scores, counts)
          }
        }
      }
    }
  }

  /// What the kernel takes, while `body` runs.
  private func withKernel(_ excluded: PairSets, _ body: (UnsafePointer<nj_top>) -> Void) {
    candidates.withUnsafeBufferPointer { candidates in
      positions.withUnsafeBufferPointer { positions in
        excluded.withBuffers { offsets, columns in
          var top = nj_top()
          top.panels = UnsafePointer(panels.base)
          top.candidates = candidates.baseAddress
          top.positions = positions.baseAddress
          top.count = candidates.count
          top.excluded_offsets = offsets.baseAddress
          top.excluded = columns.baseAddress
          top.factors = Int32(factors)
          top.length = Int32(length)
          withUnsafePointer(to: top, body)
        }
      }
    }
  }
}
