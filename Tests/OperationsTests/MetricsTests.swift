import CoreMetrics
import Testing

@testable import Operations

@Suite("metrics")
struct MetricsTests {
  /// The exposition without what the kernel says of this process.
  private func exposition(_ metrics: Metrics) -> String {
    metrics.exposition().split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.contains("process_") }.joined(separator: "\n")
  }

  /// The text that Prometheus' own Python parser (prometheus_client 0.26) reads as one family of each kind.
  @Test("of every kind are shown in Prometheus' text format")
  func golden() {
    let metrics = Metrics()
    metrics.describe("nightjar.calls.total", "Calls,\nby \\ how.")
    let good = Counter(label: "nightjar.calls.total", dimensions: [("code", "OK")], factory: metrics)
    _ = Counter(label: "nightjar.calls.total", dimensions: [("code", "a\"b\\c\nd ü")], factory: metrics)
    good.increment(by: 3)
    FloatingPointCounter(label: "9lives", factory: metrics).increment(by: 1.5)
    let meter = Meter(label: "depth", dimensions: [("le", "x"), ("a-b", "1"), ("a.b", "2")], factory: metrics)
    meter.set(10)
    meter.increment(by: 0.5)
    meter.decrement(by: 4)
    Gauge(label: "last", factory: metrics).record(-0.25)
    let recorder = Recorder(label: "sizes_bytes", factory: metrics)
    recorder.record(100)
    recorder.record(20)
    metrics.register("limit", .gauge, help: "None.") { .infinity }
    let timer = CoreMetrics.Timer(label: "wait_seconds", dimensions: [("method", "M")], factory: metrics)
    timer.recordMicroseconds(10)
    timer.recordNanoseconds(10_001)
    timer.recordMilliseconds(700)
    timer.recordSeconds(60)
    #expect(exposition(metrics) == Self.expected)
  }

  private static let expected = """
    # HELP _9lives _9lives
    # TYPE _9lives counter
    _9lives 1.5
    # HELP depth depth
    # TYPE depth gauge
    depth{a_b="1",le_="x"} 6.5
    # HELP last last
    # TYPE last gauge
    last -0.25
    # HELP limit None.
    # TYPE limit gauge
    limit +Inf
    # HELP nightjar_calls_total Calls,\\nby \\\\ how.
    # TYPE nightjar_calls_total counter
    nightjar_calls_total{code="OK"} 3
    nightjar_calls_total{code="a\\"b\\\\c\\nd ü"} 0
    # HELP sizes_bytes sizes_bytes
    # TYPE sizes_bytes summary
    sizes_bytes_sum 120
    sizes_bytes_count 2
    # HELP wait_seconds wait_seconds
    # TYPE wait_seconds histogram
    wait_seconds_bucket{method="M",le="1e-05"} 1
    wait_seconds_bucket{method="M",le="2e-05"} 2
    wait_seconds_bucket{method="M",le="5e-05"} 2
    wait_seconds_bucket{method="M",le="0.0001"} 2
    wait_seconds_bucket{method="M",le="0.0002"} 2
    wait_seconds_bucket{method="M",le="0.0005"} 2
    wait_seconds_bucket{method="M",le="0.001"} 2
    wait_seconds_bucket{method="M",le="0.002"} 2
    wait_seconds_bucket{method="M",le="0.005"} 2
    wait_seconds_bucket{method="M",le="0.01"} 2
    wait_seconds_bucket{method="M",le="0.02"} 2
    wait_seconds_bucket{method="M",le="0.05"} 2
    wait_seconds_bucket{method="M",le="0.1"} 2
    wait_seconds_bucket{method="M",le="0.2"} 2
    wait_seconds_bucket{method="M",le="0.5"} 2
    wait_seconds_bucket{method="M",le="1"} 3
    wait_seconds_bucket{method="M",le="2"} 3
    wait_seconds_bucket{method="M",le="5"} 3
    wait_seconds_bucket{method="M",le="10"} 3
    wait_seconds_bucket{method="M",le="+Inf"} 4
    wait_seconds_sum{method="M"} 60.700020001
    wait_seconds_count{method="M"} 4

    """

  @Test("of the same name and labels are one, whatever order the labels have")
  func same() {
    let metrics = Metrics()
    Counter(label: "calls", dimensions: [("a", "1"), ("b", "2")], factory: metrics).increment()
    Counter(label: "calls", dimensions: [("b", "2"), ("a", "1")], factory: metrics).increment()
    #expect(exposition(metrics).contains("\ncalls{a=\"1\",b=\"2\"} 2\n"))
  }

  @Test("that were destroyed are shown no more")
  func destroyed() {
    let metrics = Metrics()
    let (one, other) = (
      Counter(label: "one", factory: metrics), CoreMetrics.Timer(label: "other", factory: metrics)
    )
    one.destroy()
    #expect(exposition(metrics).contains("other_count 0"))
    #expect(!exposition(metrics).contains("one"))
    other.destroy()
    #expect(exposition(metrics) == "")
  }

  @Test("lose nothing when many threads record at once")
  func threads() async {
    let metrics = Metrics()
    let (threads, rounds) = (4, 10_000)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<threads {
        group.addTask {
          let counter = Counter(label: "counter", factory: metrics)
          let meter = Meter(label: "meter", factory: metrics)
          let timer = CoreMetrics.Timer(label: "timer", factory: metrics)
          for _ in 0..<rounds {
            counter.increment()
            meter.increment(by: 2)
            meter.decrement(by: 1)
            timer.recordMicroseconds(30)
          }
        }
      }
    }
    let lines = exposition(metrics).split(separator: "\n")
    #expect(lines.contains("counter \(threads * rounds)"))
    #expect(lines.contains("meter \(threads * rounds)"))
    #expect(lines.contains("timer_bucket{le=\"2e-05\"} 0"))
    #expect(lines.contains("timer_bucket{le=\"5e-05\"} \(threads * rounds)"))
    #expect(lines.contains("timer_sum 1.2"))
  }

  @Test("take any duration", arguments: [Int64.min, -1, 0, .max])
  func durations(nanoseconds: Int64) {
    let metrics = Metrics()
    CoreMetrics.Timer(label: "timer", factory: metrics).recordNanoseconds(nanoseconds)
    #expect(exposition(metrics).contains("timer_bucket{le=\"+Inf\"} 1\n"))
    #expect(!exposition(metrics).contains("timer_sum -"))
  }

  @Test("tell the process's own memory, descriptors and CPU time")
  func process() throws {
    let text = Metrics().exposition()
    for name in ["process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"] {
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name + " ") })
      #expect(try #require(Double(line.dropFirst(name.count + 1))) > 0)
    }
  }
}
