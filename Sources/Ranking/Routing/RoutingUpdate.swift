import Commerce
import Messages

/// A point in control's history of routes; grows, also over a restored backup.
struct RoutingRevision: Sendable, Equatable, Comparable {
  let epoch: UInt64
  let number: UInt64

  static func < (a: RoutingRevision, b: RoutingRevision) -> Bool {
    (a.epoch, a.number) < (b.epoch, b.number)
  }

  init(epoch: UInt64, number: UInt64) {
    self.epoch = epoch
    self.number = number
  }

  init(_ view: View<Proto.Fence>) {
    self.init(epoch: view.epoch, number: view.number)
  }

  func fill(_ draft: Draft<Proto.Fence>) {
    draft.epoch = epoch
    draft.number = number
  }
}

/// One message of the routing stream.
struct RoutingUpdate: Sendable {
  enum Change: Sendable {
    case route(Route)
    /// A route that cannot be followed; the tenant keeps the one it has.
    case unreadable(TenantID, InvalidField)
    case tombstone(TenantID)
    /// `isWhole`: what came since the stream began was the whole table.
    case tableEnd(isWhole: Bool)
  }

  let revision: RoutingRevision
  let change: Change

  init(revision: RoutingRevision, change: Change) {
    self.revision = revision
    self.change = change
  }

  /// Checks a message; throws where not even the tenant can be read.
  init(validating view: View<Proto.RoutingUpdate>) throws(InvalidField) {
    guard let fence = view.revision else { throw InvalidField(field: "revision", reason: "is absent") }
    revision = RoutingRevision(fence)
    switch view.change_case {
    case .route:
      guard let route = view.route else { throw InvalidField(field: "route", reason: "is absent") }
      change = try Self.change(to: route)
    case .tombstone:
      change = .tombstone(try TenantID(view.tombstone))
    case .tableEnd:
      change = .tableEnd(isWhole: view.table_end?.whole ?? false)
    default:
      throw InvalidField(field: "change", reason: "is none that this build knows")
    }
  }

  private static func change(to view: View<Proto.Route>) throws(InvalidField) -> Change {
    let tenant = try TenantID(view.tenant)
    do throws(InvalidField) {
      return .route(try Route(validating: view))
    } catch {
      return .unreadable(tenant, error)
    }
  }
}
