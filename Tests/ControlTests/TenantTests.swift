import Commerce
import Messages
import RPC
import Testing

@testable import Control

@Suite("Tenants")
struct TenantTests {
  @Test("a new tenant is on, at generation 1, with the defaults that the contract names")
  func create() async throws {
    let desk = try Desk()
    let tenant = try await desk.create("uk")
    #expect(tenant.name == "uk")
    #expect(tenant.mode == .on)
    #expect(tenant.generation == 1)
    #expect(tenant.horizon_days == 28)
    #expect(!tenant.needs_approval)
    #expect(tenant.live == nil)
    #expect(tenant.hold == .none)
    #expect(tenant.created_at_us == desk.time.wall.microseconds)
    #expect(try await desk.tenant("uk").name == "uk")
  }

  @Test("a tenant is made once")
  func duplicate() async throws {
    let desk = try Desk()
    try await desk.create("uk", name: "first")
    await expectRefusal(.alreadyExists, "'uk'") { try await desk.create("uk", name: "second") }
    #expect(try await desk.tenant("uk").name == "first")
    #expect(try await desk.kinds("uk") == ["tenant.created"])
  }

  @Test(
    "an id that could not be a server name and a folder is refused",
    arguments: ["", "UK", "-uk", "uk-", "u k", "../uk", "a.b", "ü", String(repeating: "a", count: 64)])
  func badID(id: String) async throws {
    let desk = try Desk()
    await expectRefusal(.invalidArgument, "id") { try await desk.create(id) }
  }

  @Test("every field is held to its limit")
  func limits() async throws {
    let desk = try Desk()
    let long = String(repeating: "ü", count: 64)
    try await desk.create("a", name: long, horizonDays: 365, reason: String(repeating: "r", count: 256))
    #expect(try await desk.tenant("a").name == long)
    await expectRefusal(.invalidArgument, "name: takes 1 to 128 bytes, not 129") {
      try await desk.create("b", name: long + "x")
    }
    await expectRefusal(.invalidArgument, "name: holds a control character") {
      try await desk.create("b", name: "uk\u{1b}[2J")
    }
    await expectRefusal(.invalidArgument, "horizon_days: goes from 1 to 365, it is 366") {
      try await desk.create("b", horizonDays: 366)
    }
    await expectRefusal(.invalidArgument, "reason") {
      try await desk.create("b", reason: String(repeating: "r", count: 257))
    }
    await expectRefusal(.notFound, "'b'") { _ = try await desk.tenant("b") }
  }

  @Test("pages name every tenant once, in order", arguments: [1, 2, 3, 5, 7, 1_000])
  func paging(size: UInt32) async throws {
    let desk = try Desk()
    let names = ["at", "be", "ch", "de", "fr", "uk"]
    for name in names.shuffled() { try await desk.create(name) }
    var seen: [String] = []
    var token = ""
    repeat {
      let request = try Desk.request(Proto.ListTenantsRequest.self) { draft in
        draft.page_size = size
        draft.page_token = token
      }
      let page = try await desk.core.listTenants(request).decode()
      #expect(page.list(\.n_tenants, \.tenants).count <= Int(size))
      seen += page.list(\.n_tenants, \.tenants).map(\.id)
      token = page.next_page_token
    } while !token.isEmpty && seen.count <= names.count
    #expect(seen == names)
  }

  @Test("a page of more than 1,000 is refused")
  func pageSize() async throws {
    let desk = try Desk()
    await expectRefusal(.invalidArgument, "page_size: goes from 1 to 1000") {
      _ = try await desk.core.listTenants(Desk.request(Proto.ListTenantsRequest.self) { $0.page_size = 1_001 })
    }
  }

  @Test("a mode is set with its reason, and setting it again is no decision")
  func mode() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    let frozen = try await desk.setMode("uk", .frozen, reason: "stocktaking")
    #expect(frozen.mode == .frozen)
    #expect(frozen.generation == 2)
    #expect(try await desk.setMode("uk", .frozen).generation == 2)
    #expect(try await desk.kinds("uk") == ["tenant.created", "mode.set"])
    let entry = try await desk.journal("uk").list(\.n_entries, \.entries)[0]
    #expect(entry.actor == "admin/cli")
    #expect(entry.reason == "stocktaking")
    #expect(entry.detail.contains(#""from":"on""#))
  }

  @Test("a change decided on an older generation is ABORTED and changes nothing")
  func generation() async throws {
    let desk = try Desk()
    let first = try await desk.create("uk")
    try await desk.setMode("uk", .frozen, expected: first.generation)
    await expectRefusal(.aborted, "at generation 2, not 1") {
      try await desk.setMode("uk", .off, expected: first.generation)
    }
    #expect(try await desk.tenant("uk").mode == .frozen)
  }

  @Test("a mode that nobody knows is refused", arguments: [0, 4, UInt32.max])
  func unknownMode(raw: UInt32) async throws {
    let desk = try Desk()
    try await desk.create("uk")
    await expectRefusal(.invalidArgument, "mode: is none of ON, FROZEN, OFF") {
      try await desk.setMode("uk", Proto.Mode(rawValue: raw))
    }
  }

  @Test("a tenant that nobody made is NOT_FOUND")
  func unknownTenant() async throws {
    let desk = try Desk()
    await expectRefusal(.notFound) { _ = try await desk.tenant("uk") }
    await expectRefusal(.notFound) { try await desk.setMode("uk", .off) }
    await expectRefusal(.notFound) { try await desk.runNight(["uk"]) }
    await expectRefusal(.notFound) { _ = try await desk.versions("uk") }
    await expectRefusal(.notFound) { _ = try await desk.journal("uk") }
    await expectRefusal(.notFound) { try await desk.release("uk") }
  }
}
