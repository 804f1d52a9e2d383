import CoreMetrics
import Synchronization

/// The numbers that a process shows at `/metrics`: a backend of swift-metrics, and what is read only when somebody asks.
///
/// Recording through a handle takes one or two atomic instructions, neither a lock nor an allocation. Handles of the same
/// name and labels are the same. A name is of one kind in a process: to use it as another is a fault of the program and
/// stops it.
public final class Metrics: Sendable {
  /// How Prometheus is to read a number.
  public enum Kind: String, Sendable { case counter, gauge }

  private struct Family: Sendable {
    let type: String
    var series: [String: any Series] = [:]
  }

  private struct State: Sendable {
    var families: [String: Family] = [:]
    var help: [String: String] = [:]
  }

  private let state = Mutex(State())

  /// Starts with what the kernel knows of this process.
  public init() {
    register("process_resident_memory_bytes", .gauge, help: "Resident memory.") { ProcessFigures.residentBytes() }
    register("process_open_fds", .gauge, help: "Open file descriptors.") { ProcessFigures.openDescriptors() }
    register("process_cpu_seconds_total", .counter, help: "User and system CPU time.") { ProcessFigures.cpuSeconds() }
  }

  /// Says what a number is that is recorded through swift-metrics, which has no words for that.
  public func describe(_ name: String, _ help: String) {
    state.withLock { $0.help[Exposition.metricName(name)] = help }
  }

  /// Shows what `read` returns, each time somebody asks; it is called on the admin port's thread and must not block.
  ///
  /// - Parameter name: with the unit at its end, as Prometheus recommends.
  public func register(
    _ name: String, _ kind: Kind, help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
  ) {
    describe(name, help)
    _ = series(name, kind.rawValue, labels) { Reading(read: read) }
  }

  /// Everything in Prometheus' text format, version 0.0.4. Complexity: O(series × log series).
  public func exposition() -> String {
    let now = state.withLock { $0 }
    var text = Exposition()
    for (name, family) in now.families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
      text.begin(name, type: family.type, help: now.help[name] ?? name)
      for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
        series.write(name, labels, to: &text)
      }
    }
    return text.text
  }

  /// The series of that name and labels, made where there is none yet.
  private func series<S: Series>(
    _ label: String, _ type: String, _ labels: [(String, String)], _ make: () -> S
  ) -> S {
    let (name, key) = (Exposition.metricName(label), Exposition.labels(labels))
    return state.withLock { state in
      var family = state.families[name] ?? Family(type: type)
      guard family.type == type, let found = (family.series[key] ?? make()) as? S else {
        preconditionFailure("the metric \(name) is a \(family.type) already")
      }
      family.series[key] = found
      state.families[name] = family
      return found
    }
  }

  private func remove(_ handler: AnyObject) {
    state.withLock { state in
      for (name, family) in state.families {
        for (key, series) in family.series where series as AnyObject === handler {
          state.families[name]?.series[key] = nil
        }
      }
    }
  }
}

extension Metrics: MetricsFactory {
  public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, "counter", dimensions) { Count() }
  }

  public func makeFloatingPointCounter(
    label: String, dimensions: [(String, String)]
  ) -> any FloatingPointCounterHandler {
    series(label, "counter", dimensions) { Amount() }
  }

  public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, "gauge", dimensions) { Level() }
  }

  /// One that aggregates shows the sum and the number of its values, another the last one.
  public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    aggregate
      ? series(label, "summary", dimensions) { Total() } : series(label, "gauge", dimensions) { Level() }
  }

  /// A histogram in seconds.
  public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label, "histogram", dimensions) { Latencies() }
  }

  public func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
  public func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  public func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  public func destroyTimer(_ handler: any TimerHandler) { remove(handler) }
}
