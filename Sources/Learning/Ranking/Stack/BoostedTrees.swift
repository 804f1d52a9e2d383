import CXGBoost
import Foundation

/// Trees whose leaves' sum is a row's score: learned by XGBoost, then a plain value.
///
/// Sources: Chen, Guestrin, "XGBoost: a scalable tree boosting system", KDD 2016; for learning from pairs: Burges, "From
/// RankNet to LambdaRank to LambdaMART", MSR-TR-2010-82.
public struct BoostedTrees: Hashable, Sendable {
  /// How trees are grown.
  public struct Settings: Hashable, Sendable {
    /// Number of trees.
    public let trees: Int
    /// Splits on the way to a leaf at most.
    public let depth: Int
    /// Part of each tree's answer that is added.
    public let learningRate: Double
    /// Whether pairs within a group are learned from, instead of each row's probability.
    public let isPairwise: Bool

    /// Settings of one's own; all are above 0.
    public init(trees: Int, depth: Int, learningRate: Double, isPairwise: Bool) {
      precondition(trees > 0 && depth > 0 && learningRate > 0, "parameters outside their ranges")
      self.trees = trees
      self.depth = depth
      self.learningRate = learningRate
      self.isPairwise = isPairwise
    }
  }

  /// A node of a tree: a question to a row, or an answer.
  public struct Node: Hashable, Sendable {
    /// Column that decides; -1 = a leaf, whose score is `value`.
    public let column: Int32
    /// The row goes left where its value lies below.
    public let value: Float
    /// Place among all nodes; 0 in a leaf.
    public let left: Int32
    /// Likewise.
    public let right: Int32
    /// Where a row without a value goes: left or right.
    public let missing: Int32

    /// A node with its particulars.
    public init(column: Int32, value: Float, left: Int32, right: Int32, missing: Int32) {
      (self.column, self.value, self.left, self.right, self.missing) = (column, value, left, right, missing)
    }
  }

  /// Values of a row.
  public let columns: Int
  /// All trees' nodes, tree after tree; a node's children stand behind it in its own tree.
  public let nodes: [Node]
  /// Where each tree's nodes begin, its root first.
  public let roots: [Int32]
  /// The nodes as a row walks them: from a leaf every way leads back to it.
  private let steps: [Node]
  /// Splits on the longest way to a leaf.
  private let depth: Int

  private static let minimumChildWeight = 5
  private static let rowShare = 0.8
  private static let columnShare = 0.8

  /// Learns from rows [labels × columns], NaN = not known; `groups` holds the number of successive rows of each group.
  ///
  /// One thread, so that the same seed gives the same trees. Throws `malformedFit` with XGBoost's own words.
  init(
    rows: [Float], columns: Int, labels: [Float], groups: [UInt32], settings: Settings, seed: UInt64
  ) throws(LearningError) {
    precondition(rows.count == labels.count * columns, "a row for each label")
    let telling = Self.telling(rows, columns: columns)
    let matrix = try Matrix(
      rows: Self.only(telling, of: rows, columns: columns), columns: telling.count, labels: labels, groups: groups)
    let booster = try Booster(matrix, settings, seed: seed)
    var (nodes, roots): ([Node], [Int32]) = ([], [])
    for tree in try booster.dump() {
      roots.append(Int32(nodes.count))
      nodes += try Self.nodes(tree, from: Int32(nodes.count), columns: telling)
    }
    try self.init(columns: columns, nodes: nodes, roots: roots)
  }

  /// Columns that do not say the same in every row; the first where all do. The others split nothing, and cost as much.
  private static func telling(_ rows: [Float], columns: Int) -> [Int] {
    var isTelling = [Bool](repeating: false, count: columns)
    for start in stride(from: columns, to: rows.count, by: columns) {
      for column in 0..<columns where rows[start + column].bitPattern != rows[column].bitPattern {
        isTelling[column] = true
      }
    }
    let telling = isTelling.indices.filter { isTelling[$0] }
    return telling.isEmpty ? [0] : telling
  }

  private static func only(_ chosen: [Int], of rows: [Float], columns: Int) -> [Float] {
    var kept: [Float] = []
    kept.reserveCapacity(rows.count / columns * chosen.count)
    for start in stride(from: 0, to: rows.count, by: columns) {
      for column in chosen { kept.append(rows[start + column]) }
    }
    return kept
  }

  /// Takes up trees that were kept elsewhere. Throws `malformedFit` for what a row could not be led through to an end.
  public init(columns: Int, nodes: [Node], roots: [Int32]) throws(LearningError) {
    guard columns > 0, nodes.count <= Int(Int32.max), nodes.allSatisfy({ $0.value.isFinite }) else {
      throw .malformedFit("its trees have no columns, too many nodes or a value that is not finite")
    }
    guard (roots.first ?? 0) == 0, roots.isEmpty == nodes.isEmpty else {
      throw .malformedFit("its trees do not begin with their first node")
    }
    for (tree, root) in roots.enumerated() {
      let end = tree + 1 < roots.count ? roots[tree + 1] : Int32(nodes.count)
      guard root < end else { throw .malformedFit("one of its trees has no nodes") }
      for place in root..<end {
        let node = nodes[Int(place)]
        let isLeaf = node.column == -1
        let isSplit = node.column >= 0 && Int(node.column) < columns
        let inside = place + 1..<max(end, place + 1)
        guard
          isLeaf
            || isSplit && inside.contains(node.left) && inside.contains(node.right)
              && (node.missing == node.left || node.missing == node.right)
        else { throw .malformedFit("a node of its trees leads nowhere") }
      }
    }
    (self.columns, self.nodes, self.roots) = (columns, nodes, roots)
    steps = nodes.enumerated().map { place, node in
      guard node.column == -1 else { return node }
      return Node(column: 0, value: 0, left: Int32(place), right: Int32(place), missing: Int32(place))
    }
    var depths = [Int](repeating: 0, count: nodes.count)
    for (place, node) in nodes.enumerated() where node.column >= 0 {
      for child in [Int(node.left), Int(node.right)] { depths[child] = max(depths[child], depths[place] + 1) }
    }
    depth = depths.max() ?? 0
  }

  /// The scores of rows [n × columns], [n]. Complexity: O(n × trees × depth).
  func scores(_ rows: [Float]) -> [Float] {
    precondition(rows.count.isMultiple(of: columns), "whole rows")
    return rows.withUnsafeBufferPointer { rows in
      nodes.withUnsafeBufferPointer { nodes in
        steps.withUnsafeBufferPointer { steps in
          stride(from: 0, to: rows.count, by: columns).map { start in
            roots.reduce(0) { sum, root in
              // As many steps for every row and no branches: the processor guesses none wrongly, and walks several trees at once.
              var place = root
              for _ in 0..<depth {
                let step = steps[Int(place)]
                let value = rows[start &+ Int(step.column)]
                let known = value < step.value ? step.left : step.right
                // Not a number is what equals nothing; asked so, it takes no branch either.
                place = value == value ? known : step.missing
              }
              return sum + nodes[Int(place)].value
            }
          }
        }
      }
    }
  }

  /// A node as XGBoost writes it.
  private struct Written: Decodable {
    let nodeid: Int32
    let split: String?
    let condition: Float?
    let yes: Int32?
    let no: Int32?
    let missing: Int32?
    let leaf: Float?
    let children: [Written]?

    enum CodingKeys: String, CodingKey {
      case nodeid, split, yes, no, missing, leaf, children
      case condition = "split_condition"
    }
  }

  private static func nodes(
    _ json: String, from first: Int32, columns: [Int]
  ) throws(LearningError) -> [Node] {
    guard let root = try? JSONDecoder().decode(Written.self, from: Data(json.utf8)) else {
      throw .malformedFit("XGBoost wrote a tree that cannot be read")
    }
    var open = [root]
    var nodes: [Int32: Node] = [:]
    while let next = open.popLast() {
      if let leaf = next.leaf {
        nodes[next.nodeid] = Node(column: -1, value: leaf, left: 0, right: 0, missing: 0)
      } else if let split = next.split, let number = Int(split.dropFirst()), columns.indices.contains(number),
        let value = next.condition,
        let left = next.yes, let right = next.no, let missing = next.missing, let children = next.children
      {
        nodes[next.nodeid] = Node(
          column: Int32(columns[number]), value: value, left: left, right: right, missing: missing)
        open += children
      } else {
        throw .malformedFit("XGBoost wrote a node that cannot be read")
      }
    }
    // Pruned trees skip numbers: number the nodes anew, in their order.
    let order = nodes.keys.sorted()
    let number = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, first + Int32($0)) })
    return order.compactMap { id in
      nodes[id].map {
        $0.column < 0
          ? $0
          : Node(
            column: $0.column, value: $0.value, left: number[$0.left] ?? 0, right: number[$0.right] ?? 0,
            missing: number[$0.missing] ?? 0)
      }
    }
  }

  /// XGBoost's DMatrix.
  private final class Matrix {
    let handle: DMatrixHandle

    init(rows: [Float], columns: Int, labels: [Float], groups: [UInt32]) throws(LearningError) {
      var handle: DMatrixHandle?
      try check(
        XGDMatrixCreateFromMat_omp(rows, UInt64(labels.count), UInt64(columns), .nan, &handle, 1))
      guard let handle else { throw .malformedFit("XGBoost made no matrix") }
      self.handle = handle
      try check(XGDMatrixSetFloatInfo(handle, "label", labels, UInt64(labels.count)))
      try check(XGDMatrixSetUIntInfo(handle, "group", groups, UInt64(groups.count)))
    }

    deinit { XGDMatrixFree(handle) }
  }

  /// XGBoost's Booster, boosted.
  private final class Booster {
    let handle: BoosterHandle

    init(_ matrix: Matrix, _ settings: Settings, seed: UInt64) throws(LearningError) {
      var handle: BoosterHandle?
      let matrices: [DMatrixHandle?] = [matrix.handle]
      try check(XGBoosterCreate(matrices, 1, &handle))
      guard let handle else { throw .malformedFit("XGBoost made no booster") }
      self.handle = handle
      let parameters: [(String, String)] = [
        ("verbosity", "0"), ("nthread", "1"), ("tree_method", "hist"), ("max_bin", "64"),
        ("objective", settings.isPairwise ? "rank:pairwise" : "binary:logistic"),
        ("max_depth", "\(settings.depth)"), ("eta", "\(settings.learningRate)"), ("base_score", "0.5"),
        ("min_child_weight", "\(BoostedTrees.minimumChildWeight)"), ("subsample", "\(BoostedTrees.rowShare)"),
        ("colsample_bytree", "\(BoostedTrees.columnShare)"), ("seed", "\(seed & 0x7FFF_FFFF)"),
      ]
      for (name, value) in parameters { try check(XGBoosterSetParam(handle, name, value)) }
      for round in 0..<settings.trees {
        if Task.isCancelled { throw .cancelled }
        try check(XGBoosterUpdateOneIter(handle, Int32(round), matrix.handle))
      }
    }

    deinit { XGBoosterFree(handle) }

    /// Each tree as JSON.
    func dump() throws(LearningError) -> [String] {
      var count: UInt64 = 0
      var texts: UnsafeMutablePointer<UnsafePointer<CChar>?>?
      try check(XGBoosterDumpModelEx(handle, "", 0, "json", &count, &texts))
      return (0..<Int(count)).compactMap { number in texts?[number].map { String(cString: $0) } }
    }
  }

  private static func check(_ status: Int32) throws(LearningError) {
    guard status == 0 else { throw .malformedFit("XGBoost: " + String(cString: XGBGetLastError())) }
  }
}
