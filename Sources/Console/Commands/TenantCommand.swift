import ArgumentParser
import Messages
import NightjarClient
import RPC

struct TenantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tenant", abstract: "Makes tenants known, shows them, turns their engines on, frozen or off.",
    subcommands: [
      Create.self, List.self, Show.self, SetMode.self, SetRepurchase.self, TimeZone.self, Release.self,
    ])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Makes a tenant known; its engine is on.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Id: a DNS label, a-z, 0-9 and '-', at most 63.")
    var tenant: String
    @Option(help: "Name for people; the id where there is none.")
    var title = ""
    @Option(help: "Days of the judging window, 1 to 365.")
    var horizonDays: UInt32 = 28
    @Flag(help: "A better model waits for 'nightjar activate' instead of going live by itself.")
    var needsApproval = false
    @Option(help: "Whether customers are recommended what they have bought already: allow or exclude.")
    var repurchase = Repurchase.exclude
    @Option(help: "IANA name of its time zone, such as Europe/London: its nights end at 06:00 there.")
    var timeZone = "UTC"
    @Option(help: "Why, for the journal.")
    var reason = ""

    func validate() throws {
      guard (1...365).contains(horizonDays) else { throw ValidationError("--horizon-days goes from 1 to 365") }
    }

    func run() async throws {
      let view = try await connection.withClients { clients in
        try await clients.control.call(ControlService.createTenant) { draft in
          draft.id = tenant
          draft.name = title
          draft.horizon_days = horizonDays
          draft.needs_approval = needsApproval
          draft.repurchase = repurchase.proto
          draft.time_zone = timeZone
          draft.reason = reason
        }
      }
      TenantCommand.show(view, output)
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists all tenants.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let tenants = try await connection.withClients { try await ControlCalls.tenants(of: $0) }
      guard !output.json else { return Terminal.standard.lines(tenants.lazy.map(\.json)) }
      var table = Table("TENANT", "NAME", "MODE", "MODEL", "RECIPE", "BAKE", "AS OF", ">GENERATION", "HELD", "NIGHTS")
      for tenant in tenants {
        let live = tenant.live
        table.add(
          tenant.id, tenant.name, tenant.mode.word, Format.text(live?.model ?? ""), Format.text(live?.recipe ?? ""),
          Format.text(live?.bake ?? ""), Format.date(live?.as_of_us ?? 0), String(tenant.generation), tenant.hold.word,
          tenant.quarantine == nil ? Format.text(tenant.failures > 0 ? "\(tenant.failures) failed" : "") : "QUARANTINE")
      }
      Terminal.standard.table(table)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Shows one tenant, with what ingest knows of its data.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Id of the tenant.")
    var tenant: String

    func run() async throws {
      let (view, data) = try await connection.withClients { clients in
        (
          try await clients.control.call(ControlService.getTenant) { $0.id = tenant },
          try await clients.ingest.call(IngestService.describe) { $0.tenant = tenant }
        )
      }
      guard !output.json else { return Terminal.standard.line("{\"tenant\":\(view.json),\"data\":\(data.json)}") }
      TenantCommand.show(view, output)
      Terminal.standard.line(
        """
        data        \(Format.count(data.customers)) customers, \(Format.count(data.products)) products, \
        \(Format.count(data.offers)) offers, \(Format.count(data.events)) events
        events      \(Format.time(data.first_event_us)) to \(Format.time(data.last_event_us)), \
        last received \(Format.time(data.last_received_us))
        """)
    }
  }

  struct SetMode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "mode", abstract: "Turns a tenant's engine on, freezes it, or turns it off.",
      discussion: """
        on: retrained nightly and served. frozen: served and baked anew for fresh customers, not retrained. off: neither \
        retrained nor served; lookups answer OFF.
        """)

    enum Mode: String, CaseIterable, ExpressibleByArgument {
      case on, frozen, off

      var proto: Proto.Mode {
        switch self {
        case .on: .on
        case .frozen: .frozen
        case .off: .off
        }
      }
    }

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Id of the tenant.")
    var tenant: String
    @Argument(help: "on, frozen or off.")
    var mode: Mode
    @Option(help: "Refuse if the tenant's generation is another.")
    var generation: UInt64?
    @Option(help: "Why, for the journal.")
    var reason = ""

    func run() async throws {
      let view = try await connection.withClients { clients in
        try await clients.control.call(ControlService.setMode) { draft in
          draft.tenant = tenant
          draft.mode = mode.proto
          draft.expected_generation = generation ?? 0
          draft.reason = reason
        }
      }
      TenantCommand.show(view, output)
    }
  }

  enum Repurchase: String, CaseIterable, ExpressibleByArgument {
    case allow, exclude

    var proto: Proto.Repurchase {
      switch self {
      case .allow: .allow
      case .exclude: .exclude
      }
    }
  }

  struct SetRepurchase: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "repurchase", abstract: "Says whether customers are recommended what they have bought already.",
      discussion: """
        exclude: what was bought as of the bake is left out, at every connected ranker within a second. allow: for tenants \
        that sell what is bought again and again; in calls at once, in lists from the next night.
        """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Id of the tenant.")
    var tenant: String
    @Argument(help: "allow or exclude.")
    var repurchase: Repurchase
    @Option(help: "Refuse if the tenant's generation is another.")
    var generation: UInt64?
    @Option(help: "Why, for the journal.")
    var reason = ""

    func run() async throws {
      let view = try await connection.withClients { clients in
        try await clients.control.call(ControlService.setRepurchase) { draft in
          draft.tenant = tenant
          draft.repurchase = repurchase.proto
          draft.expected_generation = generation ?? 0
          draft.reason = reason
        }
      }
      TenantCommand.show(view, output)
    }
  }

  /// Prints one tenant.
  static func show(_ tenant: View<Proto.Tenant>, _ output: OutputOptions) {
    let terminal = Terminal.standard
    guard !output.json else { return terminal.line(tenant.json) }
    terminal.line("tenant      \(tenant.id) (\(tenant.name)), known since \(Format.time(tenant.created_at_us))")
    terminal.line("mode        \(tenant.mode.word), generation \(tenant.generation)")
    terminal.line(
      "judging     \(tenant.horizon_days) days" + (tenant.needs_approval ? ", promotions wait for approval" : ""))
    terminal.line("bought      products are \(tenant.repurchase == .allow ? "recommended again" : "left out")")
    if let live = tenant.live {
      terminal.line(
        "live        bake \(live.bake) of model \(live.model) (\(live.recipe)), as of \(Format.date(live.as_of_us))")
      terminal.line("held        \(tenant.hold.word)")
    } else {
      terminal.line("live        nothing yet: run 'nightjar night'")
    }
    terminal.lines(nights(tenant))
  }
}
