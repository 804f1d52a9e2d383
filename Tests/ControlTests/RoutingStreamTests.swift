import Messages
import NightjarClient
import RPC
import Testing

@testable import Control

@Suite("The routing stream", .timeLimit(.minutes(2)))
struct RoutingStreamTests {
  @Test("a ranker is told the whole table, its end, and then each change")
  func wholeTable() async throws {
    try await Site.run { site in
      for tenant in ["a", "b"] { try await site.create(tenant) }
      var watch = try await site.watch(site.channel("ranker/a"))
      #expect(
        try await watch.table() == [.route("a", .on, bake: ""), .route("b", .on, bake: ""), .end(isWhole: true)])
      try await site.setMode("a", .frozen)
      #expect(try await watch.next() == .route("a", .frozen, bake: ""))
      try await site.create("c")
      #expect(try await watch.next() == .route("c", .on, bake: ""))
    }
  }

  @Test("no route of a table that is not whole yet is a point to resume from")
  func revisions() async throws {
    try await Site.run { site in
      for tenant in ["a", "b", "c"] { try await site.create(tenant) }
      try await site.setMode("a", .frozen)
      var watch = try await site.watch(site.channel("ranker/a"))
      for _ in 0..<3 {
        _ = try await watch.next()
        #expect(watch.revision.number == 0)
      }
      #expect(try await watch.next() == .end(isWhole: true))
      let end = watch.revision
      #expect(end.number == 4)
      try await site.setMode("b", .frozen)
      _ = try await watch.next()
      #expect(watch.revision == Fence(epoch: end.epoch, number: end.number + 1))
    }
  }

  @Test("a ranker that resumes is told what changed meanwhile and nothing else")
  func resume() async throws {
    try await Site.run { site in
      for tenant in ["a", "b", "c"] { try await site.create(tenant) }
      let ranker = try site.channel("ranker/a")
      var first = try await site.watch(ranker)
      _ = try await first.table()
      first.cancel()
      try await site.setMode("b", .off)
      var second = try await site.watch(ranker, resume: first.revision)
      #expect(try await second.table() == [.route("b", .off, bake: ""), .end(isWhole: false)])
      second.cancel()
      var third = try await site.watch(ranker, resume: second.revision)
      #expect(try await third.table() == [.end(isWhole: false)])
      try await site.setMode("b", .on)
      #expect(try await third.next() == .route("b", .on, bake: ""))
    }
  }

  @Test("after a restart of control a ranker is told the whole table again")
  func restart() async throws {
    let scratch = try Scratch()
    var told = Fence(epoch: 0, number: 0)
    try await Site.run(scratch) { site in
      try await site.create("a")
      var watch = try await site.watch(site.channel("ranker/a"))
      _ = try await watch.table()
      told = watch.revision
    }
    try await Site.run(scratch) { [told] site in
      var watch = try await site.watch(site.channel("ranker/a"), resume: told)
      #expect(try await watch.table() == [.route("a", .on, bake: ""), .end(isWhole: true)])
      #expect(watch.revision.epoch > told.epoch)
    }
  }

  @Test("a ranker that reads slowly is told the last of many changes, and costs no memory for the others")
  func slowRanker() async throws {
    let tenants = 5_000
    try await Site.run { site in
      // More than a stream's credit holds, so that control has to wait for the reader in the middle of the table.
      try await site.core.database.queue.write { db in
        for index in 1...tenants {
          try db.execute(
            sql: """
              INSERT INTO tenants (id, name, mode, generation, created_at, horizon_days, needs_approval, hold, models, bakes,
                revision) VALUES (?, 'x', 1, 1, 0, 28, 0, 0, 0, 0, ?)
              """,
            arguments: ["\(String(repeating: "t", count: 57))-\(10_000 + index)", try Meta.revision.next(db)])
        }
      }
      try await site.create("a")
      var watch = try await site.watch(site.channel("ranker/a"))
      _ = try await watch.next()
      for mode in [Proto.Mode.frozen, .off, .on, .off] { try await site.setMode("a", mode) }
      var last = try await watch.table()
      #expect(last.count == tenants + 1)
      #expect(last.removeLast() == .end(isWhole: true))
      #expect(last.removeLast() == .route("a", .on, bake: ""))
      #expect(try await watch.next() == .route("a", .off, bake: ""))
      try await site.create("b")
      #expect(try await watch.next() == .route("b", .on, bake: ""))
    }
  }

  @Test("a revision of another epoch is no point to resume from, not even of a later one")
  func otherEpoch() async throws {
    try await Site.run { site in
      try await site.create("a")
      for epoch in [site.core.database.epoch - 1, site.core.database.epoch + 1] {
        var watch = try await site.watch(site.channel("ranker/a"), resume: Fence(epoch: epoch, number: 1))
        #expect(try await watch.table() == [.route("a", .on, bake: ""), .end(isWhole: true)])
        #expect(watch.revision.epoch == site.core.database.epoch)
      }
    }
  }

  @Test("many rankers are told the same")
  func manyRankers() async throws {
    try await Site.run { site in
      try await site.create("a")
      let ranker = try site.channel("ranker/a")
      var watches: [Watch] = []
      for _ in 0..<20 {
        var watch = try await site.watch(ranker)
        _ = try await watch.table()
        watches.append(watch)
      }
      try await site.setMode("a", .frozen)
      for index in watches.indices { #expect(try await watches[index].next() == .route("a", .frozen, bake: "")) }
    }
  }

  @Test("a stop does not wait for rankers that watch, nor for trainers that wait for work")
  func stop() async throws {
    let site = try Site(Scratch())
    try await site.create("a")
    var watch = try await site.watch(site.channel("ranker/a"))
    _ = try await watch.table()
    let trainer = try site.channel("trainer/node-1")
    async let waiting = trainer.call(ControlService.leaseWork) { $0.wait_ms = 30_000 }
    // Far longer than the suite may take.
    await site.stop(grace: .seconds(600))
    await expectRefusal(.unavailable) { _ = try await watch.next() }
    // The call was either answered or came too late to be taken.
    if let answer = try? await waiting { #expect(answer.lease == nil) }
  }
}
