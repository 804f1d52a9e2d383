import Commerce

/// What control last said of every tenant, and up to where in its history.
struct RoutingTable: Sendable {
  private(set) var routes: [TenantID: Route] = [:]
  /// Where to resume; nil until a table was whole. Inside a table it does not move, lest a cut lose the rest of it.
  private(set) var revision: RoutingRevision?
  /// Tenants named since the stream began; nil once its table has ended.
  private var named: Set<TenantID>? = []

  /// Nothing is known yet.
  init() {}

  /// A whole table as it was kept.
  init(routes: [Route], revision: RoutingRevision) {
    self.routes = Dictionary(routes.map { ($0.tenant, $0) }) { $1 }
    self.revision = revision
  }

  /// Whether the table names every tenant that there is.
  var isWhole: Bool { revision != nil }

  /// A new stream begins: what follows, up to the end mark, is a table or the changes missed.
  mutating func beginStream() {
    named = []
  }

  /// All that the message would change of the table is a tenant's arms, as new lists do.
  func changesArmsAlone(_ update: RoutingUpdate) -> Bool {
    guard isWhole, case .route(let route) = update.change, let old = routes[route.tenant] else { return false }
    return route.isSameButForArms(as: old)
  }

  /// Takes one message in. The tenants of which something changed.
  mutating func apply(_ update: RoutingUpdate) -> Set<TenantID> {
    var changed: Set<TenantID> = []
    switch update.change {
    case .route(let route):
      named?.insert(route.tenant)
      if routes.updateValue(route, forKey: route.tenant) != route { changed = [route.tenant] }
    case .unreadable(let tenant, _):
      named?.insert(tenant)
    case .tombstone(let tenant):
      named?.remove(tenant)
      if routes.removeValue(forKey: tenant) != nil { changed = [tenant] }
    case .tableEnd(let isWhole):
      if isWhole, let named {
        changed = Set(routes.keys).subtracting(named)
        for tenant in changed { routes[tenant] = nil }
      }
      named = nil
    }
    if named == nil { revision = update.revision }
    return changed
  }
}
