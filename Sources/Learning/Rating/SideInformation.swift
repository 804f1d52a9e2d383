/// Features of each user, or of each item: [entities × features], in groups that share a prior.
public struct SideInformation: Sendable {
  /// Number of users or items.
  public let entities: Int
  private let attributes: [[[(feature: Int, value: Double)]]]
  /// Start of each entity's features in `feature` and `value`.
  let offsets: [Int]
  let feature: [Int32]
  let value: [Float]
  /// Group of each feature: 0 = the entity itself, then one for each attribute.
  let group: [Int32]
  /// Number of groups.
  let groups: Int
  /// Features before those of whom ratings join.
  let ownFeatures: Int

  /// The features of entities that are only told apart: one feature each.
  public init(entities: Int) { self.init(entities: entities, attributes: []) }

  /// Features from attributes; each entity also has a feature of its own, in the first group.
  ///
  /// - Parameter attributes: for each attribute the (feature of the attribute, value) pairs of every entity.
  public init(entities: Int, attributes: [[[(feature: Int, value: Double)]]]) {
    self.init(entities: entities, attributes: attributes, ownFeatures: nil)
  }

  private init(entities: Int, attributes: [[[(feature: Int, value: Double)]]], ownFeatures: Int?) {
    var offsets = [0]
    var feature: [Int32] = []
    var value: [Float] = []
    var group = [Int32](repeating: 0, count: entities)
    var starts: [Int] = []
    for (index, attribute) in attributes.enumerated() {
      precondition(attribute.count == entities, "an attribute says something of each entity")
      starts.append(group.count)
      let features = (attribute.joined().map(\.feature).max() ?? -1) + 1
      group += [Int32](repeating: Int32(index + 1), count: features)
    }
    for entity in 0..<entities {
      feature.append(Int32(entity))
      value.append(1)
      for (start, attribute) in zip(starts, attributes) {
        for pair in attribute[entity] {
          feature.append(Int32(start + pair.feature))
          value.append(Float(pair.value))
        }
      }
      offsets.append(feature.count)
    }
    self.entities = entities
    self.attributes = attributes
    (self.offsets, self.feature, self.value, self.group) = (offsets, feature, value, group)
    groups = attributes.count + 1
    self.ownFeatures = ownFeatures ?? group.count
  }

  /// The same entities with one more group: whom of the other side each has a rating with, at 1 / √(their number).
  func adding(rated pairs: PairSets) -> SideInformation {
    let rated = (0..<entities).map { entity in
      let weight = 1 / Double(max(1, pairs[entity].count)).squareRoot()
      return pairs[entity].map { (feature: Int($0), value: weight) }
    }
    return SideInformation(entities: entities, attributes: attributes + [rated], ownFeatures: features)
  }

  /// Number of features.
  var features: Int { group.count }

  /// For each feature the entities that have it.
  func byFeature() -> (offsets: [Int], entity: [Int32], value: [Float]) {
    let starts = feature[...].offsets(rows: features)
    var next = starts
    var entity = [Int32](repeating: 0, count: feature.count)
    var values = [Float](repeating: 0, count: feature.count)
    for owner in 0..<entities {
      for position in offsets[owner]..<offsets[owner + 1] {
        let column = Int(feature[position])
        entity[next[column]] = Int32(owner)
        values[next[column]] = value[position]
        next[column] += 1
      }
    }
    return (starts, entity, values)
  }
}
