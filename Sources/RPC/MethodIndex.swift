/// Something for each method, found by the method's id in a few steps: open addressing, at most half full. The ids are
/// hashes already, of names that nobody outside can choose.
struct MethodIndex<Value: Sendable>: Sendable {
  private let slots: [(id: UInt32, value: Value)?]

  /// A table of these values.
  init(_ values: [UInt32: Value]) {
    var size = 2
    while size < 2 * values.count { size *= 2 }
    var slots = [(id: UInt32, value: Value)?](repeating: nil, count: size)
    for (id, value) in values {
      var slot = Int(id) & (size - 1)
      while slots[slot] != nil { slot = (slot + 1) & (size - 1) }
      slots[slot] = (id, value)
    }
    self.slots = slots
  }

  /// The method's value; nil where there is none.
  subscript(id: UInt32) -> Value? {
    var slot = Int(id) & (slots.count - 1)
    while let entry = slots[slot] {
      if entry.id == id { return entry.value }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }
}
