import Messages
import RPC
import Testing

@testable import Control

@Suite("Overlays")
struct OverlayTests {
  @discardableResult
  private func set(
    _ desk: Desk, _ tenant: String = "uk", expected: UInt64 = 0, _ build: (Draft<Proto.Overlay>) -> Void
  ) async throws -> View<Proto.SetOverlayResponse> {
    let request = try Desk.request(Proto.SetOverlayRequest.self) { draft in
      draft.tenant = tenant
      draft.expected_generation = expected
      draft.reason = "because"
      draft.message(\.overlay) { build($0) }
    }
    return try await desk.core.setOverlay(request, by: Desk.caller(Desk.admin)).decode()
  }

  private func get(_ desk: Desk, digest: String = "") async throws -> View<Proto.GetOverlayResponse> {
    try await desk.core.getOverlay(
      try Desk.request(Proto.GetOverlayRequest.self) {
        $0.tenant = "uk"
        $0.digest = digest
      }
    ).decode()
  }

  @Test("an overlay is kept with its digest, replaced, and journalled by counts alone")
  func replace() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    #expect(try await get(desk).digest.isEmpty)
    let first = try await set(desk) { draft in
      draft.list(\.n_blocks, \.blocks, of: ["12347"]) { block, customer in
        block.customer = customer
        block.strings(\.n_categories, \.categories, ["wine"])
      }
    }
    #expect(first.revision == 1 && first.digest.utf8.count == 64 && first.generation == 2)
    let kept = try await get(desk, digest: first.digest)
    #expect(sha256(kept.overlay).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == first.digest)
    let overlay = try Encoded<Proto.Overlay>(unchecked: kept.overlay).decode()
    #expect(overlay.list(\.n_blocks, \.blocks).first?.customer == "12347")

    let second = try await set(desk, expected: 2) { $0.strings(\.n_withdrawn, \.withdrawn, ["a"]) }
    #expect(second.revision == 2 && second.digest != first.digest)
    await expectRefusal(.notFound, "another overlay") { _ = try await get(desk, digest: first.digest) }
    await expectRefusal(.aborted, "generation") { try await set(desk, expected: 2) { _ in } }
    // The same again is no change.
    let again = try await set(desk) { $0.strings(\.n_withdrawn, \.withdrawn, ["a"]) }
    #expect(again.revision == 2 && again.generation == second.generation)
    let empty = try await set(desk) { _ in }
    #expect(empty.revision == 3 && empty.digest.isEmpty)
    #expect(try await desk.kinds("uk") == ["tenant.created", "overlay.set", "overlay.set", "overlay.set"])
    let journal = try await desk.journal("uk").list(\.n_entries, \.entries)
    #expect(!journal.contains { $0.detail.contains("12347") || $0.detail.contains("wine") })
  }

  private static let wrong: [(field: String, build: @Sendable (Draft<Proto.Overlay>) -> Void)] = [
    ("overlay.withdrawn[0]", { $0.strings(\.n_withdrawn, \.withdrawn, [""]) }),
    ("overlay.withdrawn", { $0.strings(\.n_withdrawn, \.withdrawn, Array(repeating: "p", count: 100_001)) }),
    ("overlay.products[1].product", { $0.list(\.n_products, \.products, of: ["p", "p"]) { $0.product = $1 } }),
    (
      "overlay.products[0].available_until_us",
      {
        $0.list(\.n_products, \.products, of: ["p"]) { rule, id in
          rule.product = id
          rule.available_from_us = 7
          rule.available_until_us = 7
        }
      }
    ),
    ("overlay.blocks[0].products", { $0.list(\.n_blocks, \.blocks, of: ["c"]) { $0.customer = $1 } }),
    (
      "overlay.blocks[0].customer",
      {
        $0.list(\.n_blocks, \.blocks, of: ["c"]) { block, id in
          block.customer = id
          block.segment = id
          block.strings(\.n_products, \.products, ["p"])
        }
      }
    ),
    (
      "overlay.blocks[0].categories[1]",
      {
        $0.list(\.n_blocks, \.blocks, of: ["c"]) { block, id in
          block.segment = id
          block.strings(\.n_categories, \.categories, ["x", "a\u{7}"])
        }
      }
    ),
  ]

  @Test("an overlay over a limit is refused by the field, and the one there is stays")
  func limits() async throws {
    let desk = try Desk()
    try await desk.create("uk")
    let stays = try await set(desk) { $0.strings(\.n_withdrawn, \.withdrawn, ["a"]) }
    for (field, build) in Self.wrong {
      let error = await #expect(throws: RPCError.self) { try await set(desk, "uk", build) }
      #expect(error?.code == .invalidArgument && error?.violations.first?.field == field)
    }
    #expect(try await get(desk).digest == stays.digest)
    await expectRefusal(.notFound, "'fr'") { try await set(desk, "fr") { _ in } }
  }
}
