import ArgumentParser
import Messages
import NightjarClient

struct VersionsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "versions", abstract: "Lists a tenant's versions, newest first.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Option(name: .shortAndLong, help: "Most versions to show, 1 to 1000000.")
  var n = 20

  func validate() throws {
    guard (1...1_000_000).contains(n) else { throw ValidationError("-n goes from 1 to 1000000") }
  }

  func run() async throws {
    let versions = try await connection.withClients { try await ControlCalls.versions(of: tenant, limit: n, from: $0) }
    guard !output.json else { return Terminal.standard.lines(versions.lazy.map(\.json)) }
    var table = Table("BAKE", "STATE", "MODEL", "RECIPE", "AS OF", ">NIGHT", ">CUSTOMERS", ">CANDIDATES", "MADE")
    for version in versions {
      table.add(
        version.bake, version.state.word, version.model, version.recipe, Format.date(version.as_of_us),
        String(version.night), Format.count(version.customers), Format.count(version.candidates),
        Format.time(version.created_at_us))
    }
    Terminal.standard.table(table)
  }
}

struct ActivateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate", abstract: "Makes a version live by hand, such as an older one to roll back.",
    discussion: """
      The version is held against promotions until the next night or until 'nightjar release'. What was live after it \
      counts as rolled back and returns only by hand.
      """)

  enum Hold: String, CaseIterable, ExpressibleByArgument {
    case nextNight = "next-night"
    case released
  }

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Option(help: "Id of the bake, from 'nightjar versions'; one that is not removed.")
  var bake: String
  @Option(help: "How long it is held: next-night or released.")
  var until = Hold.released
  @Option(help: "Refuse if the tenant's generation is another; that of now where there is none.")
  var generation: UInt64?
  @Option(help: "Why, for the journal.")
  var reason = ""

  func run() async throws {
    let view = try await connection.withClients { clients in
      let expected = try await GenerationOption.resolve(generation, of: tenant, from: clients)
      return try await clients.control.call(ControlService.activate) { draft in
        draft.tenant = tenant
        draft.bake = bake
        draft.expected_generation = expected
        draft.hold = until == .released ? .untilReleased : .untilNextNight
        draft.reason = reason
      }
    }
    TenantCommand.show(view, output)
  }
}

struct ReleaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "release", abstract: "Lets the nights decide again about a tenant whose version is held.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions
  @Option(help: "Id of the tenant.")
  var tenant: String
  @Option(help: "Refuse if the tenant's generation is another; that of now where there is none.")
  var generation: UInt64?
  @Option(help: "Why, for the journal.")
  var reason = ""

  func run() async throws {
    let view = try await connection.withClients { clients in
      let expected = try await GenerationOption.resolve(generation, of: tenant, from: clients)
      return try await clients.control.call(ControlService.releaseHold) { draft in
        draft.tenant = tenant
        draft.expected_generation = expected
        draft.reason = reason
      }
    }
    TenantCommand.show(view, output)
  }
}

/// The generation that a change is to meet.
private enum GenerationOption {
  static func resolve(_ given: UInt64?, of tenant: String, from clients: Clients) async throws -> UInt64 {
    if let given { return given }
    return try await clients.control.call(ControlService.getTenant) { $0.id = tenant }.generation
  }
}
