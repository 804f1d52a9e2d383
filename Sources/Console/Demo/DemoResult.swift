import Messages

/// The table at the end of the demo, a row for each tenant, the largest first.
struct DemoResult {
  private var rows: [(events: UInt64, add: (inout Table) -> Void)] = []

  mutating func add(
    _ tenant: View<Proto.Tenant>, _ data: View<Proto.DescribeResponse>, _ evaluation: View<Proto.Evaluation>?,
    _ tally: Scoreboard.Tally
  ) {
    let figures = Figures(evaluation)
    let isJudged = tally.customers.count >= Scoreboard.minimumCustomers
    rows.append(
      (
        data.events,
        { table in
          table.add(
            tenant.id, tenant.mode.word, Format.count(data.customers), Format.count(data.products),
            Format.count(data.events), Format.text(tenant.live?.model ?? ""),
            Format.text(tenant.live?.bake ?? ""), figures.pair(4) { $0.rmse }, figures.pair(4) { $0.ndcg_at_10 },
            isJudged ? Format.percent(tally.hitRate) : "too few", isJudged ? Format.percent(tally.popularHitRate) : "–",
            "\(Format.count(tally.customers.count))", Format.count(tally.lists))
        }
      ))
  }

  func show(on terminal: Terminal) {
    var table = Table(
      "TENANT", "MODE", ">CUSTOMERS", ">PRODUCTS", ">EVENTS", "MODEL", "BAKE", ">RMSE", ">NDCG@10",
      ">LIVE HIT@10",
      ">POPULAR HIT@10", ">JUDGED", ">LISTS")
    for row in rows.sorted(by: { $0.events > $1.events }) { row.add(&table) }
    terminal.line()
    terminal.table(table)
    terminal.line()
    terminal.line(
      """
      RMSE, NDCG@10: champion → challenger in the last night that judged them. HIT@10: share of the lists of ten that \
      were live after a night and held something that the customer bought for the first time in the following \
      \(Scoreboard.windowDays) days; popularity's lists (what sold best lately and the customer had not bought) on the same \
      customers and nights. JUDGED: customers with such a purchase; fewer than \(Scoreboard.minimumCustomers) cannot be \
      judged. LISTS: the same, counted each night.
      """)
  }
}
