import Experimentation
import RankedLists

/// One tenant as a lookup sees it: plain memory, so that reading it touches no reference count.
struct TenantSlot {
  let tenant: UnsafeRawBufferPointer
  let mode: Route.Mode
  let assignment: Assignment
  /// Empty as long as nothing is adopted.
  let arms: UnsafeBufferPointer<ArmSlot>

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
  /// Nil = the arm recommends nothing. Kept alive by the `ServedTenant` that this slot belongs to.
  let lists: Unmanaged<RankedLists>?
}
