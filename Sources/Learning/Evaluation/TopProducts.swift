/// Picks the best-scored products that may be listed, best first; equal scores in order of index.
public struct TopProducts {
  private let length: Int
  private let eligible: [Bool]
  private var allowed: [Bool]
  /// Binary heap with the worst kept entry on top.
  private var heap: [(product: Int32, score: Float)] = []

  /// A selector for lists of up to `length` products.
  public init(length: Int, eligible: [Bool]) {
    precondition(length > 0, "a list has at least one place")
    self.length = length
    self.eligible = eligible
    allowed = eligible
    heap.reserveCapacity(length + 1)
  }

  /// The list for one customer. Scores that are not finite are never listed.
  ///
  /// Complexity: O(products + listed · log length).
  public mutating func select(
    _ scores: [Float], excluding bought: ArraySlice<Int32>
  ) -> [(product: Int32, score: Float)] {
    precondition(scores.count == eligible.count, "a score for each product is needed")
    for product in bought { allowed[Int(product)] = false }
    defer { for product in bought { allowed[Int(product)] = eligible[Int(product)] } }
    heap.removeAll(keepingCapacity: true)
    for product in scores.indices where allowed[product] {
      let score = scores[product]
      if heap.count == length {
        guard score > heap[0].score && score < .infinity else { continue }
        heap[0] = (Int32(product), score)
        siftDown()
      } else if score.isFinite {
        heap.append((Int32(product), score))
        siftUp()
      }
    }
    return heap.sorted { Self.isBetter($0, than: $1) }
  }

  private static func isBetter(_ a: (product: Int32, score: Float), than b: (product: Int32, score: Float)) -> Bool {
    a.score != b.score ? a.score > b.score : a.product < b.product
  }

  private mutating func siftUp() {
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.isBetter(heap[parent], than: heap[child]) else { return }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func siftDown() {
    var parent = 0
    while true {
      var worst = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if Self.isBetter(heap[worst], than: heap[child]) { worst = child }
      }
      if worst == parent { return }
      heap.swapAt(parent, worst)
      parent = worst
    }
  }
}
