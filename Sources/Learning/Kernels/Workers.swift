import Dispatch
import Synchronization

/// Shares out numbered pieces of work over threads.
enum Workers {
  /// Calls `body` once for each piece, with the number of the thread that takes it, below `threads`.
  ///
  /// Each thread takes the next piece when it is done with one, so the pieces may be of unequal size. With one thread, or
  /// one piece, the caller's own does it all.
  static func share(_ pieces: Int, threads: Int, _ body: (_ piece: Int, _ worker: Int) -> Void) {
    let threads = min(threads, pieces)
    guard threads > 1 else {
      for piece in 0..<pieces { body(piece, 0) }
      return
    }
    // Taking a number also orders memory: every piece sees what was written before, what follows sees what pieces wrote.
    let next = Atomic<Int>(0)
    next.store(0, ordering: .releasing)
    withoutActuallyEscaping(body) { body in
      // Every call has a piece to itself, and all calls end before this one does.
      nonisolated(unsafe) let body = body
      DispatchQueue.concurrentPerform(iterations: threads) { worker in
        while true {
          let piece = next.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue
          guard piece < pieces else { return }
          body(piece, worker)
        }
      }
    }
    _ = next.load(ordering: .acquiring)
  }
}
