import ArgumentParser
import Foundation

/// Whole nights of many tenants with the real services over TLS, and where their time goes.
@main
struct BenchNight: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench-night",
    abstract: "Measures nights: lease, snapshot, tries, gate, refit, prebake, publish, adopt.",
    discussion: """
      Generated tenants are written through ingest; then control, two trainers and a ranker run two nights a week apart: in \
      the first nothing is live, in the second every tenant has a champion to judge. A night ends when the ranker answers \
      from every tenant's new lists. Its rate is projected to 4,000 tenants.
      """)

  @Option(help: "Tenants.")
  var tenants = 200

  @Option(help: "Customers of each.")
  var customers = 2_000

  @Option(help: "Products of each.")
  var products = 300

  @Option(help: "Events of each.")
  var events = 40_000

  @Option(help: "Trainers, each with one thread.")
  var trainers = 2

  @Option(help: "Folder of Nightjar's release build.")
  var executables = "../.build/release"

  func validate() throws {
    guard tenants > 0, customers > 0, products > 1, events > 0, trainers > 0 else {
      throw ValidationError("--tenants, --customers, --events and --trainers must be above 0, --products above 1")
    }
  }

  func run() async throws {
    let site = try Site(executables: executables, repository: "..", trainers: trainers)
    let shop = GeneratedShop(customers: customers, products: products, events: events)
    let names = (0..<tenants).map { "t\($0)" }
    let imported = try await site.time { try await site.open(names, shop) }
    print(
      "\(tenants) tenants of \(customers) customers × \(products) products × \(events) events written in "
        + "\(imported.text(1)) s, \((Double(tenants * events) / imported).text(0)) events/s")
    try site.startTrainers()
    for (number, day) in [GeneratedShop.days - 7, GeneratedShop.days].enumerated() {
      let before = try await site.usage()
      var verdicts: [String: Int] = [:]
      let trained = try await site.time { verdicts = try await site.night(asOf: shop.time(day: day)) }
      let adopted = try await site.time { try await site.awaitAdoption(of: names, shop, asOf: shop.time(day: day)) }
      let seconds = trained + adopted
      print(
        "\nnight \(number + 1): \(seconds.text(1)) s, of which \(adopted.text(2)) s after the last trainer's report; "
          + "\((Double(tenants) / seconds).text(2)) tenants/s; 4,000 tenants: "
          + "\((4_000 * seconds / Double(tenants) / 60).text(1)) minutes")
      print(verdicts.sorted { $0.key < $1.key }.map { "\($1) \($0)" }.joined(separator: ", "))
      show(try await site.usage().since(before))
    }
    site.stop()
  }

  /// Milliseconds a tenant.
  private func show(_ usage: Usage) {
    let tenants = Double(tenants)
    print("ms a tenant in the trainers, which run side by side:")
    var phases = usage.phases
    phases["publish", default: 0] -= phases["bake"] ?? 0
    for (phase, seconds) in phases.sorted(by: { $0.value > $1.value }) {
      print(
        "  \(phase.padding(toLength: 12, withPad: " ", startingAt: 0))\((seconds / tenants * 1_000).text(1, width: 8))")
    }
    print("processor ms a tenant:")
    for (process, seconds) in usage.processors.sorted(by: { $0.value > $1.value }) {
      print(
        "  \(process.padding(toLength: 12, withPad: " ", startingAt: 0))\((seconds / tenants * 1_000).text(1, width: 8))"
      )
    }
  }
}
