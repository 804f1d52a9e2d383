import CKernels

/// What the inner loops are compiled for; every level gives the same figures but for the rounding of products.
public enum KernelLevel: CaseIterable, Sendable {
  /// What every processor of the architecture has.
  case baseline
  /// x86-64 with AVX2 and FMA.
  case avx2
  /// x86-64 with AVX-512F.
  case avx512

  /// The highest level that this processor runs.
  public static let best = runnable.last ?? .baseline

  /// The levels that this processor runs, ascending.
  static var runnable: [KernelLevel] { allCases.filter { nj_level_runs($0.code) } }

  /// The level's number in C.
  var code: nj_level {
    switch self {
    case .baseline: NJ_BASELINE
    case .avx2: NJ_AVX2
    case .avx512: NJ_AVX512
    }
  }
}
