import Experimentation
import Glibc
import RankedLists
import Synchronization

/// A tenant's wait for its first lists, which somebody may ask for meanwhile.
final class FirstWait: Sendable {
  private let isAskedFor = Atomic<Bool>(false)

  /// True for the first who asks.
  func ask() -> Bool { !isAskedFor.exchange(true, ordering: .relaxed) }
}

/// One tenant as a lookup sees it: plain memory, so that reading it touches no reference count.
struct TenantSlot {
  let tenant: UnsafeRawBufferPointer
  let mode: Route.Mode
  let assignment: Assignment
  /// Business time = wall clock + this, µs.
  let businessOffset: Int64
  /// Control has ordered lists, and none are adopted yet; nil otherwise. Kept alive by the `ServedTenant`.
  let wait: Unmanaged<FirstWait>?
  /// Empty as long as nothing is adopted.
  let arms: UnsafeBufferPointer<ArmSlot>

  /// Business time, µs; a clock that lags some milliseconds is good enough for it, and costs less.
  func businessTime() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000 &+ businessOffset
  }

  /// The arm of a customer; nil if there is none. Complexity: O(bytes of the id + arms).
  func arm(of customer: UnsafeRawBufferPointer) -> UnsafePointer<ArmSlot>? {
    guard let first = arms.baseAddress else { return nil }
    guard arms.count > 1 else { return first }
    let point = assignment.point(of: customer)
    guard let index = Assignment.arm(at: point, weights: arms.lazy.map(\.weight)) else { return nil }
    return first + index
  }
}

/// One arm as a lookup sees it.
struct ArmSlot {
  let id: UnsafeRawBufferPointer
  let model: UnsafeRawBufferPointer
  let bake: UnsafeRawBufferPointer
  let weight: UInt32
  /// The lists stand in for a model.
  let isDataFloor: Bool
  let bought: BoughtProducts
  /// Nil = the arm recommends nothing. Kept alive by the `ServedTenant` that this slot belongs to.
  let lists: Unmanaged<RankedLists>?
  /// Nil = nothing of the lists is limited. Kept alive likewise.
  let eligibility: Unmanaged<Eligibility>?
}
