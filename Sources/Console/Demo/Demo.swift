import Commerce
import Foundation
import Messages
import NightjarClient
import RPC

/// Two months of a wholesaler's trade, played week by week against running services.
struct Demo {
  private let clients: Clients
  private let terminal: Terminal
  private let live: LiveLists
  private var markets: [Market]
  private var lastFigures: [String: View<Proto.Evaluation>] = [:]

  /// One tenant's side of the demo.
  struct Market {
    let shop: OnlineRetail.Shop
    var importing: ShopImport
    var scoreboard: Scoreboard
    var id: String { shop.tenant.rawValue }
  }

  /// The night after everything up to here was imported is the first.
  private static let start = "2011-09-30"
  /// Weeks played after it, to the end of November.
  private static let weeks = 9
  /// The last day with orders is 2011-12-09: later windows are not whole.
  private static let endOfData = "2011-12-09"
  /// Shops that are imported at the same time.
  private static let importsAtOnce = 3
  /// The tenant whose live lists must beat popularity's.
  private static let judgedTenant = "uk"

  /// What a person does to tenants in the course of it, by week; before that week's night, or after it.
  private static let frozen = (tenant: "germany", week: 3)
  private static let off = (tenant: "france", from: 4, until: 5)
  private static let rolledBack = (tenant: "spain", week: 6)

  init(_ data: OnlineRetail, clients: Clients, terminal: Terminal) throws {
    self.clients = clients
    self.terminal = terminal
    live = LiveLists(ranker: try clients.ranker)
    let ingest = try clients.ingest
    markets = data.shops.map { shop in
      Market(shop: shop, importing: ShopImport(shop, into: ingest), scoreboard: Scoreboard(shop))
    }
  }

  /// Plays it all. Returns whether the judged tenant's live lists hit more than popularity's.
  mutating func play() async throws -> Bool {
    let start = try Timestamp(iso8601: Self.start)
    for market in markets { try await createTenant(market.shop) }
    try await importOrders(through: start)
    try await night(asOf: start)
    try await showLookups()
    for week in 1...Self.weeks {
      let asOf = start.adding(days: 7 * week)
      try await changeModes(before: week)
      try await importOrders(through: asOf)
      try await night(asOf: asOf)
      if week == Self.rolledBack.week { try await rollBack() }
    }
    return try await showResult()
  }

  private func createTenant(_ shop: OnlineRetail.Shop) async throws {
    _ = try await clients.control.call(ControlService.createTenant) { draft in
      draft.id = shop.tenant.rawValue
      draft.name = shop.country
      draft.reason = "demo"
    }
  }

  /// Brings every shop up to `end`, a few at a time, the largest first.
  private mutating func importOrders(through end: Timestamp) async throws {
    let began = ContinuousClock.now
    let pending = markets.indices.sorted { markets[$0].shop.lines.count > markets[$1].shop.lines.count }
    let imports = markets.map(\.importing)
    var bar = ProgressBar("importing", on: terminal)
    var (shops, orders) = (0, 0)
    try await withThrowingTaskGroup(of: (Int, ShopImport, Int).self) { group in
      var rest = pending[...]
      func importNext() {
        guard let index = rest.popFirst() else { return }
        group.addTask {
          var importing = imports[index]
          let lines = try await importing.write(through: end)
          return (index, importing, lines)
        }
      }
      for _ in 0..<Self.importsAtOnce { importNext() }
      while let (index, importing, lines) = try await group.next() {
        markets[index].importing = importing
        shops += 1
        orders += lines
        bar.show(shops, of: markets.count, "\(Format.count(orders)) orders")
        importNext()
      }
    }
    bar.clear()
    terminal.line()
    terminal.line(
      """
      imported \(Format.count(orders)) order lines up to \(Format.date(end.microseconds)) in \
      \(Format.seconds(ContinuousClock.now - began)), each acknowledged on disk
      """)
  }

  /// Runs a night, waits until the ranker serves what it decided, asks for everybody's list and judges the lists.
  private mutating func night(asOf: Timestamp) async throws {
    var line = NightLine(on: terminal, json: false, isAsked: false)
    let id = try await ControlCalls.startNight(
      asOf: asOf.microseconds, tenants: [], deadline: nil, retrain: false, reason: "demo", by: clients)
    let night = try await ControlCalls.night(id, from: clients) { line.show($0) }
    line.clear()
    for work in night.list(\.n_work, \.work) {
      guard work.state == .done || work.state == .unchanged else {
        throw ConsoleError("the night as of \(asOf) failed for \(work.tenant): \(work.failure)")
      }
      if let evaluation = work.evaluation, evaluation.list(\.n_candidates, \.candidates).count > 0 {
        lastFigures[work.tenant] = evaluation
      }
    }
    NightReport(night).summarise(on: terminal)

    for tenant in try await ControlCalls.tenants(of: clients) where tenant.mode != .off {
      try await live.waitUntilServed(tenant.id, bake: tenant.live?.bake ?? "")
    }
    let began = ContinuousClock.now
    let isWhole = asOf.adding(days: Scoreboard.windowDays) <= (try Timestamp(iso8601: Self.endOfData))
    var asked = 0
    for index in markets.indices {
      let customers = markets[index].scoreboard.customers(at: asOf)
      let lists = try await live.lists(of: markets[index].shop, for: customers)
      asked += customers.count
      if isWhole { markets[index].scoreboard.judge(lists, asOf: asOf) }
    }
    terminal.line(
      """
      asked the ranker for \(Format.count(asked)) customers' lists in \(Format.seconds(ContinuousClock.now - began)), \
      over mutually authenticated TLS
      """)
  }

  /// Shows what a caller gets: a few customers with the longest history, and one whom nobody knows.
  private func showLookups() async throws {
    for tenant in [Self.judgedTenant, Self.frozen.tenant] {
      guard let market = markets.first(where: { $0.id == tenant }) else { continue }
      let lines = market.shop.lines(after: .epoch, through: market.importing.through)
      let mostActive = Dictionary(grouping: lines, by: \.customer).max {
        ($0.value.count, $1.key) < ($1.value.count, $0.key)
      }
      let known = mostActive.map { market.shop.customers[Int($0.key)] } ?? ""
      for customer in [known, "somebody-new"] {
        terminal.line()
        terminal.line("nightjar recommend --tenant \(tenant) --customer \(customer) -n 3")
        RecommendCommand.show(try await live.ask(tenant, customer, limit: 3), on: terminal, indent: 2)
      }
    }
  }

  /// What a person does before the night of a week.
  private func changeModes(before week: Int) async throws {
    if week == Self.frozen.week {
      try await setMode(Self.frozen.tenant, .frozen, "baked anew every night, not retrained")
    }
    if week == Self.off.from {
      try await setMode(Self.off.tenant, .off, "no lists until it is on again")
      try await live.waitUntilServed(Self.off.tenant, bake: "")
      terminal.line("  \(Self.off.tenant) now answers \(Proto.Outcome.off.word)")
    }
    if week == Self.off.until { try await setMode(Self.off.tenant, .on, "the next night trains it again") }
  }

  private func setMode(_ tenant: String, _ mode: Proto.Mode, _ reason: String) async throws {
    _ = try await clients.control.call(ControlService.setMode) { draft in
      draft.tenant = tenant
      draft.mode = mode
      draft.reason = reason
    }
    terminal.line()
    terminal.line("nightjar tenant mode \(tenant) \(mode.word)    (\(reason))")
  }

  /// Makes the version before the live one live again, and shows the decision and the fact.
  private func rollBack() async throws {
    let id = Self.rolledBack.tenant
    let tenant = try await clients.control.call(ControlService.getTenant) { $0.id = id }
    let versions = try await ControlCalls.versions(of: id, limit: 10, from: clients)
    guard let live = tenant.live, let earlier = versions.first(where: { $0.state == .retired && $0.night < live.night })
    else { throw ConsoleError("\(id) has no earlier version to go back to") }
    _ = try await clients.control.call(ControlService.activate) { draft in
      draft.tenant = id
      draft.bake = earlier.bake
      draft.expected_generation = tenant.generation
      draft.hold = .untilNextNight
      draft.reason = "shows rolling back"
    }
    try await self.live.waitUntilServed(id, bake: earlier.bake)
    terminal.line()
    terminal.line("nightjar activate --tenant \(id) --bake \(earlier.bake) --until next-night    (rolled back)")
    terminal.line("nightjar journal --tenant \(id) -n 5")
    let journal = try await clients.control.call(ControlService.readJournal) { draft in
      draft.tenant = id
      draft.page_size = 5
    }
    JournalCommand.show(journal, on: terminal)
  }

  /// The table at the end.
  private func showResult() async throws -> Bool {
    var result = DemoResult()
    for market in markets {
      let tenant = try await clients.control.call(ControlService.getTenant) { $0.id = market.id }
      let data = try await clients.ingest.call(IngestService.describe) { $0.tenant = market.id }
      result.add(tenant, data, lastFigures[market.id], market.scoreboard.tally)
    }
    result.show(on: terminal)
    guard let judged = markets.first(where: { $0.id == Self.judgedTenant })?.scoreboard.tally,
      let hitRate = judged.hitRate, let popularHitRate = judged.popularHitRate
    else { throw ConsoleError("nobody in \(Self.judgedTenant) was judged") }
    let isBetter = hitRate > popularHitRate
    terminal.line()
    terminal.line(
      """
      \(Self.judgedTenant): the lists that were live hit \(Format.percent(hitRate)), popularity's \
      \(Format.percent(popularHitRate)): \(isBetter ? "better" : "NOT better")
      """)
    return isBetter
  }
}
