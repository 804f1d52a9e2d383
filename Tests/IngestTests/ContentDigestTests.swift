import Commerce
import Testing

@testable import Ingest

@Suite("Ingest: the content digest")
struct ContentDigestTests {
  private func digest(_ writes: [Rows]) async throws -> ContentDigest {
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let intake = try scratch.intake()
    for write in writes { _ = try await intake.write(write) }
    return try await intake.state().content
  }

  @Test("it moves with the content, not with the number of rows")
  func content() async throws {
    let (gbp, other) = (try Make.event("e1"), try Make.event("e1", quantity: 2))
    let first = try await digest([.events([gbp])])
    #expect(try await digest([.events([other])]) != first)
    #expect(try await digest([.events([try Make.event("e2")])]) != first)
    #expect(try await digest([.customers([try Make.customer("e1")])]) != first)
    #expect(first != ContentDigest() && first.hex.count == 32)
  }

  @Test("rows written again do not move it, nor does their order, nor a change that is taken back")
  func sameContent() async throws {
    let events = try (0..<20).map { try Make.event("e\($0)") }
    let product = try Make.product("p1", name: "lamp")
    let plain = try await digest([.events(events), .products([product])])
    #expect(try await digest([.products([product]), .events(events.reversed())]) == plain)
    #expect(
      try await digest([.events(events), .products([product]), .events(events), .products([product])]) == plain)
    let renamed = try Make.product("p1", name: "lantern")
    #expect(try await digest([.events(events), .products([product, renamed])]) != plain)
    #expect(try await digest([.events(events), .products([product, renamed, product])]) == plain)
  }

  @Test("rows that are rejected do not move it")
  func rejected() async throws {
    let event = try Make.event("e1")
    let plain = try await digest([.events([event])])
    #expect(try await digest([.events([event, try Make.event("e1", quantity: 2)])]) == plain)
  }

  @Test("it survives a restart")
  func restart() async throws {
    let scratch = try Scratch()
    let before = try await digest([.events([try Make.event("e1")])])
    do {
      let intake = try scratch.intake()
      _ = try await intake.write(.events([try Make.event("e1")]))
      intake.close()
    }
    #expect(try await scratch.intake().state().content == before)
  }
}
