/// Whom a fallback list is for: those of whom the file has no list of their own. Names are compared byte by byte.
public enum FallbackGroup: Hashable, Sendable {
  /// For everybody.
  case overall
  /// For customers of one segment.
  case segment(String)
  /// For customers of one region.
  case region(String)

  public static func == (a: FallbackGroup, b: FallbackGroup) -> Bool {
    a.kind == b.kind && a.name.utf8.elementsEqual(b.name.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    var name = name
    name.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }

  /// The code in the file.
  var kind: UInt8 {
    switch self {
    case .overall: 0
    case .segment: 1
    case .region: 2
    }
  }

  var name: String {
    switch self {
    case .overall: ""
    case .segment(let name), .region(let name): name
    }
  }

  init?(kind: UInt8, name: String) {
    switch (kind, name.isEmpty) {
    case (0, true): self = .overall
    case (1, false): self = .segment(name)
    case (2, false): self = .region(name)
    default: return nil
    }
  }

  /// The order of the lists in the file.
  func precedes(_ other: FallbackGroup) -> Bool {
    kind == other.kind ? name.utf8.lexicographicallyPrecedes(other.name.utf8) : kind < other.kind
  }
}
