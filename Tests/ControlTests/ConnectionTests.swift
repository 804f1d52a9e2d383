import Messages
import NightjarClient
import RPC
import Testing
import Transport

@testable import Control

@Suite("Over connections")
struct ConnectionTests {
  @Test("a trainer that waits for work has it as soon as a night begins")
  func longPoll() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    try await withControl(desk) { control in
      let trainer = try control.channel(.trainer)
      // The clock of leases stands still, so that nothing but the night can end the wait.
      async let answer = trainer.call(ControlService.leaseWork) { $0.wait_ms = 30_000 }
      let admin = try control.channel(.admin)
      _ = try await admin.call(ControlService.runNight) { $0.as_of_us = Desk.asOf.microseconds }
      let lease = try #require(try await answer.lease)
      #expect(lease.tenant == "uk")
      let night = try await admin.call(ControlService.getNight) { _ in }
      #expect(night.list(\.n_work, \.work).map(\.trainer) == ["trainer/a"])
    }
  }

  @Test("of many trainers that wait, each piece of work goes to one")
  func contention() async throws {
    let desk = try Desk()
    for number in 0..<8 { try await desk.create("t\(number)") }
    try await withControl(desk) { control in
      let trainer = try control.channel(.trainer)
      let tenants = try await withThrowingTaskGroup(of: String?.self) { group in
        for _ in 0..<8 {
          group.addTask { try await trainer.call(ControlService.leaseWork) { $0.wait_ms = 30_000 }.lease?.tenant }
        }
        try await desk.runNight()
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(tenants.compactMap { $0 }.sorted() == (0..<8).map { "t\($0)" })
    }
  }

  /// A call that fails on an empty request for everybody who may make it, and for others before it is looked at.
  struct Call: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let role: Role
    let make: @Sendable (Channel) async throws -> Void

    init<Q, R>(_ method: Method<Q, R>, _ role: Role) {
      testDescription = method.name
      self.role = role
      make = { channel in _ = try await channel.call(method) { _ in } }
    }
  }

  @Test(
    "each method serves the one role that it is for, and refuses every other",
    arguments: [
      Call(ControlService.createTenant, .admin), Call(ControlService.getTenant, .admin),
      Call(ControlService.listTenants, .admin), Call(ControlService.setMode, .admin),
      Call(ControlService.runNight, .admin), Call(ControlService.getNight, .admin),
      Call(ControlService.leaseWork, .trainer), Call(ControlService.renewLease, .trainer),
      Call(ControlService.reportEvaluation, .trainer), Call(ControlService.completeWork, .trainer),
      Call(ControlService.failWork, .trainer), Call(ControlService.listVersions, .admin),
      Call(ControlService.activate, .admin), Call(ControlService.releaseHold, .admin),
      Call(ControlService.reportServing, .ranker), Call(ControlService.readJournal, .admin),
    ])
  func roles(call: Call) async throws {
    try await withControl(Desk()) { control in
      for role in Role.allCases {
        do {
          try await call.make(control.channel(role))
          #expect(role == call.role)
        } catch let error as RPCError {
          #expect((error.code == .permissionDenied) == (role != call.role), "\(role): \(error)")
        }
      }
    }
  }

  @Test("nobody but a ranker watches the routes", arguments: Role.allCases.filter { $0 != .ranker })
  func watchers(role: Role) async throws {
    try await withControl(Desk()) { control in
      await expectRefusal(.permissionDenied) {
        let call = try await control.channel(role).stream(ControlService.watchRouting)
        try await call.send { _ in }
        try await call.finish()
        for try await _ in call.responses {}
      }
    }
  }

  @Test("an error says what is wrong with which field")
  func violations() async throws {
    try await withControl(Desk()) { control in
      let error = await #expect(throws: RPCError.self) {
        _ = try await control.channel(.admin).call(ControlService.createTenant) { $0.id = "U K" }
      }
      #expect(error?.code == .invalidArgument)
      #expect(error?.violations.map(\.field) == ["id"])
    }
  }
}
