import Glibc
import RankedLists

/// Every tenant that this ranker answers for, found by name without touching a reference count; never changed.
final class AnswerTable: @unchecked Sendable {
  // Sendable, because nothing writes to the memory after init.
  /// Control's whole table is known, so that a tenant missing here is missing everywhere.
  let isWhole: Bool
  private let tenants: [ServedTenant]
  private let hash: SipHash
  private let places: UnsafeMutableBufferPointer<UnsafePointer<TenantSlot>?>

  /// Complexity: O(tenants).
  init(_ tenants: [ServedTenant], isWhole: Bool) {
    self.tenants = tenants
    self.isWhole = isWhole
    // Unknown to anybody outside, so that nobody can choose names that collide.
    hash = SipHash(k0: .random(in: .min ... .max), k1: .random(in: .min ... .max))
    var capacity = 2
    while capacity < 2 * tenants.count { capacity *= 2 }
    places = .allocate(capacity: capacity)
    places.initialize(repeating: nil)
    for tenant in tenants {
      var place = start(of: tenant.slot.pointee.tenant)
      while places[place] != nil { place = (place + 1) & (places.count - 1) }
      places[place] = tenant.slot
    }
  }

  deinit {
    places.deallocate()
  }

  /// The tenant's slot, which lives as long as the table. Complexity: O(bytes of the name); half the places are empty.
  func find(_ tenant: UnsafeRawBufferPointer) -> UnsafePointer<TenantSlot>? {
    var place = start(of: tenant)
    while let slot = places[place] {
      if Self.equal(slot.pointee.tenant, tenant) { return slot }
      place = (place + 1) & (places.count - 1)
    }
    return nil
  }

  private func start(of tenant: UnsafeRawBufferPointer) -> Int {
    Int(truncatingIfNeeded: hash.hash(tenant)) & (places.count - 1)
  }

  private static func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    guard a.count == b.count, let left = a.baseAddress, let right = b.baseAddress else { return a.count == b.count }
    return memcmp(left, right, a.count) == 0
  }
}
