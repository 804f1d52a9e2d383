import CKernels

/// The normal equations (G + Zᵀ W Z + λI) x = Zᵀ (1 + w) of all rows of one side, solved by conjugate gradients.
///
/// G = YᵀY is shared by all rows; Z [n × f] holds the n factors that a row has interest in, W = diag(w) their α·r.
struct NormalEquations {
  /// r, [rows × rows of the other side].
  private let interest: SparseMatrix
  private let regularisation: Float
  private let alpha: Float
  private let level: KernelLevel
  private let threads: Int
  /// Rows that are taken at once: piece p is rows pieces[p] ..< pieces[p + 1].
  private let pieces: [Int]

  /// Non-zeros of a piece, each row counted as some more: milliseconds of work, after which to look for cancellation.
  private static let pieceCost = 1 << 15
  private static let rowCost = 32

  init(_ interest: SparseMatrix, regularisation: Double, alpha: Double, level: KernelLevel, threads: Int) {
    self.interest = interest
    self.regularisation = Float(regularisation)
    self.alpha = Float(alpha)
    self.level = level
    self.threads = threads
    var pieces = [0]
    var start = 0
    for row in 0..<interest.rows {
      let cost = interest.offsets[row + 1] + row * Self.rowCost
      if cost - start >= Self.pieceCost || row == interest.rows - 1 {
        pieces.append(row + 1)
        start = cost
      }
    }
    self.pieces = pieces
  }

  /// Takes up to `steps` steps with each row of `rows`, in place; rows without interest become 0.
  ///
  /// - Parameter isCancelled: asked on every thread before each piece; the rest stays as it was once it is true.
  func descend(
    _ rows: borrowing FactorRows, against other: borrowing FactorRows, steps: Int, unless isCancelled: () -> Bool
  ) {
    precondition(
      rows.rows == interest.rows && other.rows == interest.columns, "a row of factors for each row and column")
    precondition(rows.width == other.width, "both sides have as many factors")
    let gram = other.gram(level: level, threads: threads)
    let floats = nj_als_scratch(Int32(rows.width))
    let scratch = AlignedMemory<Float>(count: threads * floats)
    let (target, room) = (rows.base, scratch.base)
    var system = nj_als()
    system.other = UnsafePointer(other.base)
    system.gram = UnsafePointer(gram.base)
    system.alpha = alpha
    system.regularisation = regularisation
    system.width = Int32(rows.width)
    system.steps = Int32(steps)
    interest.withBuffers { offsets, indices, values in
      system.offsets = offsets.baseAddress
      system.indices = indices.baseAddress
      system.values = values.baseAddress
      withUnsafePointer(to: system) { system in
        Workers.share(pieces.count - 1, threads: threads) { piece, worker in
          guard !isCancelled() else { return }
          nj_als_solve(level.code, system, pieces[piece], pieces[piece + 1], target, room + worker * floats)
        }
      }
    }
  }
}
