import ArgumentParser
import Messages
import Testing

@testable import Console

@Suite("the command line")
struct CommandLineTests {
  private func parse<C>(_ line: String, as _: C.Type) throws -> C {
    try #require(try NightjarCommand.parseAsRoot(line.split(separator: " ").map(String.init)) as? C)
  }

  @Test("reads an import")
  func importing() throws {
    let command = try parse(
      "import --tenant uk --customers c.csv --events e.csv --json --dir /x", as: ImportCommand.self)
    #expect(command.tenant == "uk")
    #expect(command.customers == "c.csv")
    #expect(command.products == nil)
    #expect(command.events == "e.csv")
    #expect(command.output.json)
    #expect(command.connection.dir == "/x")
  }

  @Test("reads a night with its time in microseconds")
  func night() throws {
    let command = try parse("night --as-of 2011-09-30 --tenant uk germany", as: NightCommand.self)
    #expect(command.asOf == 1_317_340_800_000_000)
    #expect(command.tenant == ["uk", "germany"])
    let watch = try parse("night --watch --night 3 --json", as: NightCommand.self)
    #expect(watch.asOf == nil && watch.night == 3 && watch.watch)
    let until = try parse(
      "night --as-of 2011-09-30 --deadline 2011-09-30T05:00:00Z --retrain --watch", as: NightCommand.self)
    #expect(until.deadline == 1_317_358_800_000_000 && until.retrain)
  }

  @Test("reads modes, holds and places")
  func others() throws {
    #expect(try parse("tenant mode uk frozen", as: TenantCommand.SetMode.self).mode.proto == .frozen)
    #expect(
      try parse("activate --tenant uk --bake b-1 --until next-night", as: ActivateCommand.self).until == .nextNight)
    let journal = try parse("journal --tenant uk --at 2026-01-02T03:04:05Z -n 7", as: JournalCommand.self)
    #expect(journal.at == 1_767_323_045_000_000)
    #expect(journal.n == 7)
    let recommend = try parse(
      "recommend --tenant uk --customer 12347 -n 50 --ranker h:1 --certificates /c", as: RecommendCommand.self)
    #expect(recommend.connection.ranker == "h:1")
    #expect(recommend.n == 50)
    #expect(recommend.channel == nil)
    #expect(
      try parse("recommend --tenant uk --customer c --channel push", as: RecommendCommand.self).channel?.proto == .push)
    #expect(try parse("export --tenant uk --channel pull", as: ExportCommand.self).channel?.proto == .pull)
    #expect(try parse("tenant repurchase uk allow", as: TenantCommand.SetRepurchase.self).repurchase.proto == .allow)
    #expect(try parse("tenant create uk", as: TenantCommand.Create.self).repurchase.proto == .exclude)
  }

  @Test("an exported line says at its end whether the tenant is frozen, and whether the list stands in for a model's")
  func exported() throws {
    let list = try Encoded<Proto.ExportedList> { draft in
      draft.customer = "c,1"
      draft.bake = "b-1"
      draft.frozen = true
      draft.fallback = .dataFloor
      draft.list(\.n_items, \.items, of: ["p1"]) { item, product in
        item.product = product
        item.offer = "spring"
        item.name = "Mug"
      }
    }.decode()
    for names in [false, true] {
      let line = try #require(ExportCommand.csv([list], names: names).first)
      #expect(line == "\"c,1\",,,,b-1,,1,p1,spring,0.0,\(names ? "Mug," : "")frozen,data floor")
      #expect(ExportCommand.header(names: names).split(separator: ",").count == (names ? 13 : 12))
    }
  }

  @Test(
    "refuses what makes no sense, with the status of a wrong command line",
    arguments: [
      "", "fly", "import --tenant uk", "import --tenant U.K --events e.csv", "night", "night --as-of yesterday",
      "night --watch --tenant uk", "night --as-of 2011-09-30 --night 3", "night --night 3", "tenant release",
      "recommend --tenant uk --customer c -n 0", "recommend --tenant uk --customer c -n 51", "tenant mode uk sleepy",
      "tenant repurchase uk perhaps",
      "journal -n 1001", "versions --tenant uk -n 0", "versions --tenant uk -n 5000000000",
      "evaluate --train a --test b --seconds 1e30",
      "tenant create uk --horizon-days 0", "activate --tenant uk --bake b --until never",
      "recommend --tenant uk",
    ].filter { !$0.isEmpty })
  func refusals(line: String) {
    let error = #expect(throws: (any Error).self) {
      try NightjarCommand.parseAsRoot(line.split(separator: " ").map(String.init))
    }
    #expect(error.map { NightjarCommand.exitCode(for: $0) } == .validationFailure)
  }

  @Test("explains every command and option")
  func help() {
    let commands =
      NightjarCommand.configuration.subcommands + TenantCommand.configuration.subcommands
      + OverlayCommand.configuration.subcommands
    #expect(commands.count == 26)
    for command in commands {
      #expect(!command.configuration.abstract.isEmpty, "\(command)")
      // What is said of an option stands beside it or, where it is long, on the lines below.
      let lines = command.helpMessage(columns: 80).split(separator: "\n").map(String.init)
      for (line, next) in zip(lines, lines.dropFirst()) where line.hasPrefix("  --") || line.hasPrefix("  <") {
        #expect(
          line.dropFirst(2).contains("  ") || next.hasPrefix("          ") || line.split(separator: " ").count > 2,
          "\(command): \(line)")
      }
    }
  }
}

@Suite("endpoints")
struct EndpointsTests {
  @Test("are read as they were written")
  func roundTrip() throws {
    let folder = try TemporaryFolder()
    let endpoints = Endpoints(control: "a:1", ingest: "b:2", ranker: "c:3", certificates: "/d")
    try endpoints.write(folder: folder.path)
    #expect(try Endpoints(folder: folder.path) == endpoints)
  }

  @Test("say what to do when nothing runs")
  func absent() throws {
    let folder = try TemporaryFolder()
    let error = #expect(throws: ConsoleError.self) { _ = try Endpoints(folder: folder.path) }
    #expect(try #require(error).description.contains("nightjar up --dir \(folder.path)"))
  }

  @Test("name the file that is damaged")
  func damaged() throws {
    let folder = try TemporaryFolder()
    try folder.write("endpoints.json", "{\"control\": 5")
    let error = #expect(throws: ConsoleError.self) { _ = try Endpoints(folder: folder.path) }
    #expect(try #require(error).description.contains("\(folder.path)/endpoints.json"))
  }

  @Test("a service without an address is named when it is called")
  func notGiven() async throws {
    let clients = try Clients([:], certificates: "/nowhere", name: "cli")
    let error = #expect(throws: ConsoleError.self) { _ = try clients.ranker }
    #expect(try #require(error).description.contains("--ranker"))
  }
}
