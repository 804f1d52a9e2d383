import CoreMetrics
import Operations

/// Counts the ends that work comes to, for `/metrics`.
struct WorkEnds: Sendable {
  private let counters: [WorkRow.State: Counter]

  init(_ metrics: Metrics) {
    let name = "nightjar_control_work_total"
    metrics.describe(name, "Tenant-nights that have ended, by how.")
    let ends: [WorkRow.State] = [.done, .failed, .quarantined, .missed, .unchanged]
    counters = Dictionary(
      uniqueKeysWithValues: ends.map { end in
        (end, Counter(label: name, dimensions: [("end", "\(end)")], factory: metrics))
      })
  }

  func count(_ end: WorkRow.State) { counters[end]?.increment() }
}
