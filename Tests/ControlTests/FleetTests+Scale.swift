import Commerce
import Foundation
import GRDB
import Messages
import RPC
import Testing

@testable import Control

extension FleetTests {
  @Test("what is asked for each lease is answered from an index, whatever the number of tenants")
  func plans() async throws {
    let desk = try Desk()
    let plans = try await desk.core.write { db in
      var statements: [String] = []
      db.trace { if case .statement(let statement) = $0 { statements.append(statement.expandedSQL) } }
      let now = Timestamp(microseconds: 1)
      _ = try WorkRow.toLease(at: now, memory: 0, limit: 1, db)
      _ = try WorkRow.toMeasure(limit: 1, db)
      _ = try WorkRow.leased(db)
      _ = try WorkRow.nextDeadline(db)
      _ = try WorkRow.open(atDeadline: now, db)
      _ = try WorkRow.open(of: "uk", db)
      try ControlCore.finish(1, at: now, db)
      #expect(throws: RPCError.self) {
        try ControlCore.held("uk", Control.Fence(epoch: 1, number: 1), by: Desk.trainer("node-1"), db)
      }
      db.trace(options: [])
      return try statements.map { sql in
        try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(sql)").map { $0["detail"] as String }.joined(separator: "; ")
      }
    }
    #expect(plans.count == 8)
    for plan in plans {
      #expect(plan.contains("INDEX"), "\(plan)")
      #expect(!plan.contains("TEMP B-TREE"), "\(plan)")
    }
  }

  @Test("a night of 4,000 tenants: each is leased once, the largest first")
  func wholeFleet() async throws {
    let tenants = 4_000
    let desk = try Desk()
    try await desk.core.database.queue.writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA synchronous = OFF")
      try db.inTransaction {
        for index in 0..<tenants {
          try db.execute(
            sql: """
              INSERT INTO tenants (id, name, mode, generation, created_at, horizon_days, needs_approval, hold, models, bakes,
                revision) VALUES (?, 'x', 1, 1, 0, 28, 0, 0, 0, 0, ?)
              """,
            arguments: ["t-\(index)", index])
        }
        return .commit
      }
    }
    for index in 0..<tenants { desk.ingest.set("t-\(index)", events: Int64(index * 7_919 % tenants)) }
    try await desk.runNight()
    let began = ContinuousClock.now
    var sizes: [UInt64] = []
    var seen: Set<String> = []
    while let lease = try await desk.lease(by: "node-\(sizes.count % 8)") {
      seen.insert(lease.tenant)
      sizes.append(lease.events)
      let trainer = "node-\((sizes.count - 1) % 8)"
      try await desk.complete(lease, desk.report(lease, by: trainer), by: trainer)
      try await desk.core.expireLeases()
      try await desk.core.closeMissed()
    }
    let took = ContinuousClock.now - began
    print("a night of \(tenants) tenants in \(took): \(Double(tenants) / (took / .seconds(1))) leases a second")
    #expect(seen.count == tenants && sizes.count == tenants)
    // Until all are measured, some at each lease, the largest of those that are goes first.
    let measured = tenants / 64 + 1
    #expect(Array(sizes.dropFirst(measured)) == sizes.dropFirst(measured).sorted(by: >))
    #expect(try await progress(desk).done == UInt32(tenants))
    #expect(try await desk.night().finished_at_us > 0)
  }
}
