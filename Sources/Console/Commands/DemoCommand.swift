import ArgumentParser
import UnixSignals

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Plays two months of a real wholesaler's orders against the real services.",
    discussion: """
      The orders are UCI Online Retail (CC BY 4.0), one tenant for each of its 37 countries. The exit status is 0 only \
      when the lists that were live in the United Kingdom hit more of what customers went on to buy than popularity's.
      """)

  @Option(help: "Folder for data, certificates and logs; what a demo left there is removed first.")
  var dir = ".nightjar"

  @Option(help: "Folder with the orders; data/online-retail of the source tree by default.")
  var data: String?

  func run() async throws {
    let terminal = Terminal.standard
    let began = ContinuousClock.now
    let executables = try Installation.executables()
    let orders = try OnlineRetail(folder: data ?? Installation.find("data/online-retail", from: executables))
    terminal.line(
      """
      \(Format.count(orders.shops.reduce(0) { $0 + $1.lines.count })) order lines of \(orders.shops.count) countries \
      (\(Format.count(orders.serviceLines)) that book services left out)
      """)
    let stop = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    let fleet = try await Fleet.start(folder: dir, executables: executables, data: .removed)
    terminal.line("started \(fleet.children.map(\.name).joined(separator: ", ")), each a process of its own")
    let isBetter: Bool
    do {
      isBetter = try await Self.play(orders, on: fleet, until: stop, terminal)
    } catch {
      await fleet.stop()
      throw error
    }
    await fleet.stop()
    terminal.line(
      "took \(Format.seconds(ContinuousClock.now - began)); 'make up' starts the same system again, with this data")
    if !isBetter { throw ExitCode.failure }
  }

  /// Plays, unless a signal or the end of a service comes first.
  private static func play(
    _ orders: OnlineRetail, on fleet: Fleet, until stop: UnixSignalsSequence, _ terminal: Terminal
  ) async throws -> Bool {
    let clients = try Clients(fleet.endpoints, name: "cli")
    let (outcomes, continuation) = AsyncStream.makeStream(of: Result<Bool, any Error>.self)
    let playing = Task {
      do {
        var demo = try Demo(orders, clients: clients, terminal: terminal)
        continuation.yield(.success(try await demo.play()))
      } catch {
        continuation.yield(.failure(error))
      }
    }
    let watching = Task {
      guard let (child, end) = await fleet.firstEnd() else { return }
      continuation.yield(.failure(ConsoleError("\(child.name) \(end). Its log is \(child.log)")))
    }
    let listening = Task {
      for await _ in stop { continuation.yield(.failure(ConsoleError("stopped by a signal"))) }
    }
    defer { for task in [playing, watching, listening] { task.cancel() } }
    let outcome = await outcomes.first { _ in true }
    playing.cancel()
    await clients.close()
    guard let outcome else { throw CancellationError() }
    return try outcome.get()
  }
}
