import CoreMetrics
import Foundation
import Operations

/// The steps of a tenant-night: what each phase takes, and where a test may end the process.
struct Stages: Sendable {
  /// Where the time goes.
  enum Phase: String, CaseIterable, Sendable {
    /// The snapshot streamed and put together.
    case snapshot
    /// Rows drawn to calibrate and to judge on.
    case features
    /// Recipes tried on the validation slice.
    case tries
    /// Judged fits, and what they are asked.
    case judging
    /// Control's verdict.
    case verdict
    /// Served fits.
    case refit
    /// Lists written, a part of `publish`.
    case bake
    /// Lists and model written, made durable and visible in the store.
    case publish
    /// Control told.
    case completion
  }

  /// Moments at which a trainer may die.
  enum Point: String, CaseIterable, Sendable {
    case leased, snapshotRead, searched, judged, ordered, refitted, listsWritten, modelWritten, published, completed
  }

  /// Names the point at which a trainer's process kills itself, for tests.
  static let faultVariable = "NIGHTJAR_TEST_FAULT"

  private let seconds: [Phase: FloatingPointCounter]
  private let onReach: @Sendable (Point) -> Void

  /// Counts into `metrics`; `onReach` runs at every point.
  init(_ metrics: Metrics, onReach: @escaping @Sendable (Point) -> Void = Stages.killIfTold) {
    let name = "nightjar_trainer_phase_seconds_total"
    metrics.describe(name, "Seconds that tenant-nights have spent, by phase.")
    seconds = Dictionary(
      uniqueKeysWithValues: Phase.allCases.map {
        ($0, FloatingPointCounter(label: name, dimensions: [("phase", $0.rawValue)], factory: metrics))
      })
    self.onReach = onReach
  }

  /// Says that a point has been reached.
  func reach(_ point: Point) { onReach(point) }

  /// Runs a part of a phase and counts its time, also when it fails.
  func time<T, E: Error>(_ phase: Phase, _ body: () throws(E) -> T) throws(E) -> T {
    let start = ContinuousClock.now
    defer { count(phase, since: start) }
    return try body()
  }

  /// The same for a part that waits.
  func time<T>(
    _ phase: Phase, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
  ) async throws -> T {
    let start = ContinuousClock.now
    defer { count(phase, since: start) }
    return try await body()
  }

  private func count(_ phase: Phase, since start: ContinuousClock.Instant) {
    seconds[phase]?.increment(by: start.duration(to: .now) / .seconds(1))
  }

  @Sendable private static func killIfTold(_ point: Point) {
    if ProcessInfo.processInfo.environment[faultVariable] == point.rawValue { kill(getpid(), SIGKILL) }
  }
}
