import Commerce
import Operations

extension ServedWriter {
  /// Shows what becomes of served records at `/metrics`.
  func show(in metrics: Metrics) {
    let (log, segments, figures) = (log, segments, figures)
    metrics.register("nightjar_ranker_served_records_total", .counter, help: "Answers that were written down.") {
      Double(log.records)
    }
    metrics.register(
      "nightjar_ranker_served_recovered_total", .counter, help: "Records found in the rings of an earlier process."
    ) {
      Double(figures.recovered)
    }
    metrics.register(
      "nightjar_ranker_served_shipped_total", .counter, help: "Records that ingest has on disk, by its own word."
    ) {
      Double(figures.shipped)
    }
    for loss in ServedFigures.Loss.allCases {
      metrics.register(
        "nightjar_ranker_served_dropped_total", .counter, help: "Records, or gaps of damage, that are lost, by why.",
        labels: [("reason", loss.label)]
      ) {
        Double(figures.count(of: loss))
      }
    }
    metrics.register("nightjar_ranker_served_pending_bytes", .gauge, help: "Records that wait for ingest.") {
      Double(segments.byteCount + log.pendingBytes)
    }
    metrics.register(
      "nightjar_ranker_served_oldest_seconds", .gauge, help: "Age of the oldest record that waits; 0 = none waits."
    ) {
      segments.oldest.map { max(0, Double(Timestamp.wallClock().microseconds - $0) / 1_000_000) } ?? 0
    }
  }
}
