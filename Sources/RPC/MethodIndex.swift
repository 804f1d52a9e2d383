/// Something for each method, found by the method's id in a few steps: open addressing, at most half full. The ids are
/// hashes already, of names that nobody outside can choose.
final class MethodIndex<Value: AnyObject & Sendable>: @unchecked Sendable {
  // Sendable, because nothing writes to the memory after init.
  private let slots: UnsafeMutableBufferPointer<(id: UInt32, value: Unmanaged<Value>)?>

  /// A table of these values.
  init(_ values: [UInt32: Value]) {
    var size = 2
    while size < 2 * values.count { size *= 2 }
    slots = .allocate(capacity: size)
    slots.initialize(repeating: nil)
    for (id, value) in values {
      var slot = Int(id) & (size - 1)
      while slots[slot] != nil { slot = (slot + 1) & (size - 1) }
      slots[slot] = (id, .passRetained(value))
    }
  }

  deinit {
    for slot in slots { slot?.value.release() }
    slots.deallocate()
  }

  /// The method's value, which lives as long as the table; nil where there is none. It counts no reference, for that is
  /// dear to a call as short as a lookup.
  subscript(id: UInt32) -> Unmanaged<Value>? {
    var slot = Int(id) & (slots.count - 1)
    while let entry = slots[slot] {
      if entry.id == id { return entry.value }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }
}
