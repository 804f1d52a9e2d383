/// Picks the best-scored products that may be listed, best first; equal scores in order of index.
public struct TopProducts {
  private let eligible: [Bool]
  private var allowed: [Bool]
  /// Room for a binary heap with the worst kept entry on top.
  private var room: [Entry]

  /// A selector for lists of up to `length` products.
  public init(length: Int, eligible: [Bool]) {
    precondition(length > 0, "a list has at least one place")
    self.eligible = eligible
    allowed = eligible
    room = [Entry](repeating: Entry(rank: 0), count: min(length, eligible.count))
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
    return Self.best(scores, allowed, in: &room)
  }

  /// Scores that are held against the bar at once: in a large catalogue nearly all stay below it.
  private typealias Block = SIMD16<Float>

  private static func best(
    _ scores: [Float], _ allowed: [Bool], in room: inout [Entry]
  ) -> [(product: Int32, score: Float)] {
    room.withUnsafeMutableBufferPointer { room in
      scores.withUnsafeBufferPointer { scores in
        let bytes = UnsafeRawBufferPointer(scores)
        var heap = Heap(room: room)
        var bar = -Float.infinity
        for start in stride(from: 0, to: scores.count, by: Block.scalarCount) {
          let end = min(start + Block.scalarCount, scores.count)
          if end == start + Block.scalarCount {
            let block = bytes.loadUnaligned(fromByteOffset: start * MemoryLayout<Float>.stride, as: Block.self)
            guard any(block .> bar) else { continue }
          }
          for product in start..<end where scores[product] > bar && scores[product] < .infinity && allowed[product] {
            heap.take(Entry(product, scores[product]))
            if heap.isFull { bar = scores[heap.worst.product] }
          }
        }
        heap.sortBestFirst()
        return room[..<heap.count].map { (Int32($0.product), scores[$0.product]) }
      }
    }
  }

  /// A product and its score as one number that is the greater the better: bits of the score that order as it does, then those
  /// of the product turned over.
  private struct Entry {
    let rank: UInt64

    init(rank: UInt64) { self.rank = rank }

    init(_ product: Int, _ score: Float) {
      // Adding 0 makes of -0 the 0 that it equals.
      let bits = (score + 0).bitPattern
      let ordered = bits >> 31 == 0 ? bits | 1 << 31 : ~bits
      rank = UInt64(ordered) << 32 | UInt64(~UInt32(truncatingIfNeeded: product))
    }

    var product: Int { Int(~UInt32(truncatingIfNeeded: rank)) }
  }

  /// A binary heap in borrowed room, the worst on top.
  private struct Heap {
    let room: UnsafeMutableBufferPointer<Entry>
    private(set) var count = 0

    init(room: UnsafeMutableBufferPointer<Entry>) { self.room = room }

    var worst: Entry { room[0] }

    var isFull: Bool { count == room.count }

    /// Takes up an entry, in a full heap for the worst.
    mutating func take(_ entry: Entry) {
      guard !isFull else { return sink(entry, within: count) }
      var place = count
      count += 1
      while place > 0, entry.rank < room[(place - 1) / 2].rank {
        room[place] = room[(place - 1) / 2]
        place = (place - 1) / 2
      }
      room[place] = entry
    }

    /// Takes the worst out, one after the other, and puts it behind those that are left.
    func sortBestFirst() {
      for last in stride(from: count - 1, to: 0, by: -1) {
        let entry = room[last]
        room[last] = room[0]
        sink(entry, within: last)
      }
    }

    /// Lets an entry sink from the top to where none below it is worse.
    private func sink(_ entry: Entry, within count: Int) {
      var place = 0
      while 2 * place + 1 < count {
        var child = 2 * place + 1
        if child + 1 < count, room[child + 1].rank < room[child].rank { child += 1 }
        guard room[child].rank < entry.rank else { break }
        room[place] = room[child]
        place = child
      }
      room[place] = entry
    }
  }
}
