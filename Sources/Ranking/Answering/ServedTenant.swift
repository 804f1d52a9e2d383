import Commerce
import Experimentation
import RankedLists

/// What one tenant's callers are answered from, until the next change: keeps the mapped lists, and its slot's memory.
final class ServedTenant: @unchecked Sendable {
  // Sendable, because nothing writes to the memory after init.
  let tenant: TenantID
  let slot: UnsafePointer<TenantSlot>
  private let arms: UnsafeMutableBufferPointer<ArmSlot>
  private let text: UnsafeMutableRawBufferPointer
  private let lists: [RankedLists]
  private let eligibilities: [Eligibility]
  private let wait: FirstWait?

  /// `adoption` = nil: the tenant is known and nothing is adopted yet.
  init(_ route: Route, _ adoption: Adoption?) {
    tenant = route.tenant
    let adopted = adoption?.arms ?? []
    wait = !route.arms.isEmpty && adoption == nil ? FirstWait() : nil
    lists = adopted.compactMap(\.artifact?.lists)
    eligibilities = adopted.compactMap(\.eligibility)
    var writer = TextWriter([tenant.rawValue] + adopted.flatMap { [$0.arm.id, $0.arm.model, $0.arm.bake] })
    let name = writer.next()
    arms = .allocate(capacity: adopted.count)
    for (index, adopted) in adopted.enumerated() {
      arms.initializeElement(
        at: index,
        to: ArmSlot(
          id: writer.next(), model: writer.next(), bake: writer.next(), weight: adopted.arm.weight,
          isDataFloor: adopted.artifact?.isDataFloor ?? false,
          bought: BoughtProducts(
            isAllowed: route.allowsRepurchase, isInLists: adopted.artifact?.listsBought ?? false),
          lists: adopted.artifact.map { Unmanaged.passUnretained($0.lists) },
          eligibility: adopted.eligibility.map { Unmanaged.passUnretained($0) }))
    }
    text = writer.memory
    let slot = UnsafeMutablePointer<TenantSlot>.allocate(capacity: 1)
    slot.initialize(
      to: TenantSlot(
        tenant: name, mode: route.mode, assignment: Assignment(salt: adoption?.salt ?? ""),
        businessOffset: route.businessOffset, wait: wait.map { Unmanaged.passUnretained($0) },
        arms: UnsafeBufferPointer(start: adopted.isEmpty ? nil : arms.baseAddress, count: adopted.count)))
    self.slot = UnsafePointer(slot)
  }

  deinit {
    UnsafeMutablePointer(mutating: slot).deallocate()
    arms.deallocate()
    text.deallocate()
  }
}

/// Lays texts end to end and hands out where each lies.
private struct TextWriter {
  let memory: UnsafeMutableRawBufferPointer
  private var lengths: ArraySlice<Int>
  private var offset = 0

  init(_ texts: [String]) {
    let bytes = texts.flatMap { Array($0.utf8) }
    memory = .allocate(byteCount: bytes.count, alignment: 1)
    memory.copyBytes(from: bytes)
    lengths = texts.map(\.utf8.count)[...]
  }

  mutating func next() -> UnsafeRawBufferPointer {
    let length = lengths.removeFirst()
    defer { offset += length }
    return UnsafeRawBufferPointer(rebasing: memory[offset..<(offset + length)])
  }
}
