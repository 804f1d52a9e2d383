import CKernels

/// Factors row by row in the kernels' layout: each row padded with zeros to whole lane groups, on cache lines.
struct FactorRows: ~Copyable {
  let rows: Int
  let factors: Int
  /// Floats from one row to the next.
  let width: Int
  private let memory: AlignedMemory<Float>

  var base: UnsafeMutablePointer<Float> { memory.base }

  /// Rows of zeros.
  init(rows: Int, factors: Int) {
    self.rows = rows
    self.factors = factors
    width = (factors + Int(NJ_LANES) - 1) / Int(NJ_LANES) * Int(NJ_LANES)
    memory = AlignedMemory(count: rows * width)
    memory.base.initialize(repeating: 0, count: rows * width)
  }

  /// A copy of rows without gaps, [rows × factors].
  init(_ packed: [Float], factors: Int) {
    self.init(rows: packed.count / factors, factors: factors)
    packed.withUnsafeBufferPointer { packed in
      guard let source = packed.baseAddress else { return }
      for row in 0..<rows { (base + row * width).update(from: source + row * factors, count: factors) }
    }
  }

  /// The rows without gaps, [rows × factors].
  func packed() -> [Float] {
    [Float](unsafeUninitializedCapacity: rows * factors) { packed, count in
      count = rows * factors
      guard let target = packed.baseAddress else { return }
      for row in 0..<rows { (target + row * factors).initialize(from: base + row * width, count: factors) }
    }
  }

  /// Blocks of rows whose products are summed apart: a fixed number of them, so that sums do not depend on the threads.
  private static let gramBlocks = 16
  /// Rows that are summed in registers before they are added to their block's sum, which keeps f32's errors small.
  private static let gramRows = 1024

  /// The factors transposed times themselves, [width × width].
  func gram(level: KernelLevel, threads: Int) -> AlignedMemory<Float> {
    let size = width * width
    let chunks = (rows + Self.gramRows - 1) / Self.gramRows
    let blocks = max(1, min(Self.gramBlocks, chunks))
    let sums = AlignedMemory<Float>(count: blocks * size)
    sums.base.initialize(repeating: 0, count: blocks * size)
    let (rows, width, base, target) = (rows, width, base, sums.base)
    Workers.share(blocks, threads: threads) { block, _ in
      for chunk in block * chunks / blocks..<(block + 1) * chunks / blocks {
        let first = chunk * Self.gramRows
        nj_gram_add(
          level.code, base + first * width, min(Self.gramRows, rows - first), Int32(width), target + block * size)
      }
    }
    for block in stride(from: 1, to: blocks, by: 1) {
      for index in 0..<size { target[index] += target[block * size + index] }
    }
    nj_gram_mirror(target, Int32(width))
    return sums
  }
}
