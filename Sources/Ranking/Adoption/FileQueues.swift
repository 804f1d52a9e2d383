import Commerce
import RPC
import Synchronization
import Transport

/// Runs work that blocks on the disk or takes the processor for long on threads that give way to the reactors: what concerns
/// one tenant one at a time and in order, and first what somebody waits for.
final class FileQueues: Sendable {
  private struct Job {
    /// Nil = what concerns no tenant, in order too.
    let tenant: TenantID?
    let body: @Sendable () -> Void
  }

  private struct State {
    var waiting: [Job] = []
    var busy: Set<TenantID?> = []
    var wanted: Set<TenantID?> = []
  }

  private let pool: BlockingPool
  private let state = Mutex(State())

  /// `width`: jobs at once.
  init(width: Int) throws(TransportError) {
    pool = try BlockingPool(giveWay: "files", width: width, maximumCalls: width)
  }

  /// Jobs that have not begun.
  var waiting: Int { state.withLock { $0.waiting.count } }

  /// Puts what is to be done for the tenant before everything that nobody waits for.
  func prefer(_ tenant: TenantID) { state.withLock { _ = $0.wanted.insert(tenant) } }

  /// Runs `body` later, and waits for it without blocking.
  func run<T: Sendable>(for tenant: TenantID? = nil, _ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      let job = Job(tenant: tenant) { continuation.resume(with: Result(catching: body)) }
      state.withLock { $0.waiting.append(job) }
      pool.execute { self.work() }
    }
  }

  /// Does whatever may be done now. A job that has to wait for another of its tenant is left to the thread that does that.
  private func work() {
    while let job = next() {
      job.body()
      state.withLock { _ = $0.busy.remove(job.tenant) }
    }
  }

  /// Complexity: O(jobs that wait) where one is wanted, else O(threads).
  private func next() -> Job? {
    state.withLock { state in
      let (busy, preferred) = (state.busy, state.wanted.subtracting(state.busy))
      let index =
        preferred.isEmpty ? nil : state.waiting.firstIndex { preferred.contains($0.tenant) }
      guard let index = index ?? state.waiting.firstIndex(where: { !busy.contains($0.tenant) }) else { return nil }
      let job = state.waiting.remove(at: index)
      state.busy.insert(job.tenant)
      state.wanted.remove(job.tenant)
      return job
    }
  }
}
