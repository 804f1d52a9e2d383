import Learning
import Messages

extension BoostedTrees {
  private static let maximumColumns: UInt32 = 10_000

  /// Reads the contract's message. Throws `champion` where a row could not be led through it to an end.
  init(validating view: View<Proto.Trees>) throws(TrainingError) {
    let sizes = try [UInt32](littleEndian: view.sizes)
    let column = try [Int32](littleEndian: view.column)
    let value = try [Float](littleEndian: view.value)
    let left = try [Int32](littleEndian: view.left)
    let right = try [Int32](littleEndian: view.right)
    let missing = try [Int32](littleEndian: view.missing)
    guard view.columns <= Self.maximumColumns,
      [value.count, left.count, right.count, missing.count].allSatisfy({ $0 == column.count }),
      sizes.reduce(0, { $0 + Int($1) }) == column.count, column.count <= Int(Int32.max)
    else { throw .champion("its trees' arrays do not belong together") }
    var roots: [Int32] = []
    var next = 0
    for size in sizes {
      roots.append(Int32(next))
      next += Int(size)
    }
    do throws(LearningError) {
      try self.init(
        columns: Int(view.columns),
        nodes: column.indices.map {
          Node(column: column[$0], value: value[$0], left: left[$0], right: right[$0], missing: missing[$0])
        }, roots: roots)
    } catch {
      throw .champion("\(error)")
    }
  }

  /// Writes the contract's message.
  func fill(_ draft: Draft<Proto.Trees>) {
    draft.columns = UInt32(columns)
    let ends = roots.dropFirst() + [Int32(nodes.count)]
    draft.sizes = zip(roots, ends).map { UInt32($1 - $0) }.littleEndianBytes
    draft.column = nodes.map(\.column).littleEndianBytes
    draft.value = nodes.map(\.value).littleEndianBytes
    draft.left = nodes.map(\.left).littleEndianBytes
    draft.right = nodes.map(\.right).littleEndianBytes
    draft.missing = nodes.map(\.missing).littleEndianBytes
  }
}
