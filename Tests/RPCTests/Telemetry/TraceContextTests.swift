import Logging
import Testing
import Tracing

@testable import RPC

@Suite("traceparent")
struct TraceContextTests {
  private static let sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @Test(
    "is read and written as in the specification's examples",
    arguments: [sampled, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"])
  func examples(text: String) throws {
    let context = try #require(TraceContext(parsing: text))
    #expect(context.traceIDText == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(context.parentID == 0x00f0_67aa_0ba9_02b7)
    #expect(context.isSampled == text.hasSuffix("01"))
    #expect(context.description == text)
  }

  @Test("keeps no flag but the first")
  func flags() throws {
    let context = try #require(TraceContext(parsing: Self.sampled.dropLast(2) + "ff"))
    #expect(context.description == Self.sampled)
    #expect(try #require(TraceContext(parsing: Self.sampled.dropLast(2) + "fe")).isSampled == false)
  }

  @Test("of a later version is read as far as it is known", arguments: ["cc", "01", "fe"])
  func laterVersions(version: String) throws {
    let base = version + Self.sampled.dropFirst(2)
    #expect(try #require(TraceContext(parsing: base)).description == Self.sampled)
    #expect(try #require(TraceContext(parsing: base + "-what-the-future-will-be-like")).description == Self.sampled)
    #expect(TraceContext(parsing: base + ".what-the-future-will-be-like") == nil)
    #expect(TraceContext(parsing: base + "0") == nil)
    #expect(TraceContext(parsing: base + "-" + String(repeating: "x", count: TraceContext.maximumBytes)) == nil)
  }

  @Test(
    "that is wrong is no traceparent",
    arguments: [
      "", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00F067AA0BA902B7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
      "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7--01",
      "0-04bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e473.-00f067aa0ba902b7-01",
      " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
      "00-4bf92f3577b34da6a3ce929d0e0e473ü-00f067aa0ba902b7-01",
    ])
  func wrong(text: String) {
    #expect(TraceContext(parsing: text) == nil)
  }

  @Test("survives writing and reading for any ids")
  func roundTrip() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<1_000 {
      let (trace, parent) = (UInt128.random(in: 1 ... .max, using: &random) >> random.next() % 120, random.next() | 1)
      let context = try #require(
        TraceContext(traceID: trace | 1, parentID: parent, isSampled: random.next() & 1 == 0))
      #expect(TraceContext(parsing: context.description) == context)
      #expect(context.description.utf8.count == TraceContext.byteCount)
    }
  }

  @Test("is handed on and logged within its call, and nowhere else")
  func current() throws {
    let incoming = try #require(TraceContext(parsing: Self.sampled))
    #expect(TraceContext.current == nil)
    #expect(Logger.MetadataProvider.trace.get().isEmpty)
    ServiceContext.withValue(ServiceContext(from: incoming, extractedBy: NoOpInstrument())) {
      #expect(TraceContext.current == incoming)
      #expect(Logger.MetadataProvider.trace.get() == ["trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"])
    }
  }
}
