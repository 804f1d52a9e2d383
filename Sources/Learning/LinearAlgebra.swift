import COpenBLAS

/// How the dense algebra of this room runs.
public enum LinearAlgebra {
  /// Threads of the decompositions of large matrices; each answer stays the same for a given number.
  public static func setThreads(_ threads: Int) { openblas_set_num_threads(Int32(threads)) }
}
