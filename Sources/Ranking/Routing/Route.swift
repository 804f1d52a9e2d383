import ArtifactStore
import Commerce
import Messages

/// What control says of one tenant: whether it is served, and from which artifacts.
struct Route: Sendable, Equatable {
  static let maximumArms = 16

  enum Mode: Sendable, Equatable { case on, frozen, off }

  /// One share of a tenant's customers.
  struct Arm: Sendable, Equatable {
    let id: String
    let model: String
    let bake: String
    /// Nil = these customers are recommended nothing.
    let digest: ArtifactDigest?
    /// Parts per million.
    let weight: UInt32
  }

  let tenant: TenantID
  let mode: Mode
  /// Empty before the first night; else the weights add up to a million.
  let arms: [Arm]
  let salt: String
  /// What may not be recommended; nil = anything may.
  let overlay: ArtifactDigest?
  /// Business time = wall clock + this, µs.
  let businessOffset: Int64
  /// Customers may be recommended what they have bought already.
  let allowsRepurchase: Bool
  /// The message it came as, to be kept on disk.
  let encoded: Encoded<Proto.Route>

  /// Whether it says nothing else than an earlier route of the tenant, but for the arms.
  func isSameButForArms(as old: Route) -> Bool {
    mode == old.mode && salt == old.salt && overlay == old.overlay && businessOffset == old.businessOffset
      && allowsRepurchase == old.allowsRepurchase
  }

  /// Checks a route; the error names the field.
  init(validating view: View<Proto.Route>) throws(InvalidField) {
    tenant = try TenantID(view.tenant)
    switch view.mode {
    case .on: mode = .on
    case .frozen: mode = .frozen
    case .off: mode = .off
    default: throw InvalidField(field: "mode", reason: "is \(view.mode.rawValue), which this build does not know")
    }
    let views = view.list(\.n_arms, \.arms)
    guard views.count <= Self.maximumArms else {
      throw InvalidField(field: "arms", reason: "has \(views.count) elements; at most \(Self.maximumArms) are admitted")
    }
    var arms: [Arm] = []
    for (index, view) in views.enumerated() {
      do throws(InvalidField) { arms.append(try Arm(validating: view)) } catch { throw error.inside("arms[\(index)]") }
    }
    let total = arms.reduce(0) { $0 + UInt64($1.weight) }
    guard arms.isEmpty || total == UInt64(Limits.armPoints) else {
      throw InvalidField(field: "arms", reason: "weigh \(total) ppm together, not \(Limits.armPoints)")
    }
    self.arms = arms
    salt = view.salt
    let digest = view.overlay_digest
    overlay = ArtifactDigest(hex: digest)
    guard digest.isEmpty || overlay != nil else {
      throw InvalidField(field: "overlay_digest", reason: "is '\(digest)'; 64 lower-case hex digits are needed")
    }
    businessOffset = view.business_offset_us
    guard businessOffset.magnitude <= Limits.largestBusinessOffset else {
      throw InvalidField(
        field: "business_offset_us",
        reason: "is \(businessOffset); at most \(Limits.largestBusinessOffset) either way are admitted")
    }
    switch view.repurchase {
    case .exclude: allowsRepurchase = false
    case .allow: allowsRepurchase = true
    default:
      throw InvalidField(
        field: "repurchase", reason: "is \(view.repurchase.rawValue), which this build does not know")
    }
    encoded = view.encoded()
  }

  /// Every artifact that the route needs.
  var digests: Set<ArtifactDigest> { Set(arms.compactMap(\.digest)) }
}

extension Route.Arm {
  init(validating view: View<Proto.Arm>) throws(InvalidField) {
    id = view.id
    model = view.model
    bake = view.bake
    weight = view.weight_ppm
    let text = view.manifest_digest
    digest = ArtifactDigest(hex: text)
    guard text.isEmpty || digest != nil else {
      throw InvalidField(field: "manifest_digest", reason: "is '\(text)'; 64 lower-case hex digits are needed")
    }
    let longest = max(id.utf8.count, model.utf8.count, bake.utf8.count)
    guard longest <= Limits.identifierBytes else {
      throw InvalidField(field: "id", reason: "or model or bake has more than \(Limits.identifierBytes) bytes")
    }
  }
}
