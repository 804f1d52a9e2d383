import Commerce
import Dispatch

/// Runs work that blocks on the disk on threads of its own, what concerns one tenant in order.
struct FileQueues: Sendable {
  private let queues: [DispatchQueue]

  init(count: Int) {
    queues = (0..<count).map { DispatchQueue(label: "nightjar.files-\($0)", qos: .utility) }
  }

  func run<T: Sendable>(for tenant: TenantID, _ body: @escaping @Sendable () throws -> T) async throws -> T {
    let queue = queues[Int(UInt(bitPattern: tenant.hashValue) % UInt(queues.count))]
    return try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: body)) }
    }
  }

  /// What concerns no tenant.
  func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
      queues[0].async { continuation.resume(with: Result(catching: body)) }
    }
  }
}
