import COpenBLAS
import Synchronization

/// How the dense algebra of this room runs.
public enum LinearAlgebra {
  /// Set when first looked at: OpenBLAS would take every processor.
  private static let chosen: Chosen = {
    openblas_set_num_threads(1)
    return Chosen()
  }()

  private final class Chosen: Sendable { let threads = Atomic<Int>(1) }

  /// Threads that a fit, a fold-in or a batch of lists takes, and the decompositions of large matrices; 1 until set.
  public static var threads: Int { chosen.threads.load(ordering: .relaxed) }

  /// Sets the threads of what begins from now on.
  ///
  /// Factors and lists do not depend on it; decompositions give the same answer for a given number.
  public static func setThreads(_ threads: Int) {
    precondition(threads > 0, "work needs a thread")
    chosen.threads.store(threads, ordering: .relaxed)
    openblas_set_num_threads(Int32(threads))
  }
}
