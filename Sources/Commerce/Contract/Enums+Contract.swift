import Messages

extension Gender {
  /// Reads the contract's enum; nil = not known.
  public static func read(_ proto: Proto.Gender) throws(InvalidField) -> Gender? {
    switch proto {
    case .unknown: nil
    case .female: .female
    case .male: .male
    case .other: .other
    default: throw InvalidField(field: "gender", reason: "is \(proto.rawValue); 0 to 3 are known")
    }
  }

  /// The contract's enum.
  public var proto: Proto.Gender {
    switch self {
    case .female: .female
    case .male: .male
    case .other: .other
    }
  }
}

extension SalesChannel {
  /// Reads the contract's enum; nil = not known.
  public static func read(_ proto: Proto.SalesChannel) throws(InvalidField) -> SalesChannel? {
    switch proto {
    case .unknown: nil
    case .push: .push
    case .pull: .pull
    default: throw InvalidField(field: "channel", reason: "is \(proto.rawValue); 0 to 2 are known")
    }
  }

  /// The contract's enum.
  public var proto: Proto.SalesChannel {
    switch self {
    case .push: .push
    case .pull: .pull
    }
  }
}

extension EventKind {
  /// Reads the contract's enum, of which 0 is refused.
  public init(validating proto: Proto.EventKind) throws(InvalidField) {
    guard let byte = UInt8(exactly: proto.rawValue), let kind = EventKind(rawValue: byte) else {
      throw InvalidField(field: "kind", reason: "is \(proto.rawValue); 1 to \(Self.allCases.count) are known")
    }
    self = kind
  }

  /// The contract's enum.
  public var proto: Proto.EventKind { Proto.EventKind(rawValue: UInt32(rawValue)) }
}
