import Foundation

/// What `nightjar evaluate` found, with the names that its JSON has.
struct EvaluationReport: Encodable {
  /// One recipe that was judged on slices of train.
  struct Trial: Encodable {
    let model: String
    let options: [String: Double]
    /// Mean over the slices.
    let validation: Double
    /// Each slice's figure, the latest first.
    let slices: [Double]
  }

  let task: String
  let model: String
  let options: [String: Double]
  /// "ndcg@10" and the like.
  var metrics: [String: Double?]
  /// Users or rows that the metrics are averaged over.
  let judged: Int
  let seed: UInt64
  let threads: Int
  let searchSeconds: Double
  let fitSeconds: Double
  let scoreSeconds: Double
  let peakMemoryBytes: Int
  let trials: [Trial]
  /// Why this model and no other; nil where there was no choice.
  var reason: String?

  /// One line of JSON; figures that do not exist are null.
  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    var report = self
    report.metrics = metrics.mapValues { figure in figure.flatMap { $0.isFinite ? $0 : nil } }
    return String(decoding: try encoder.encode(report), as: UTF8.self)
  }

  func show(on terminal: Terminal) {
    terminal.line("\(model) \(Self.text(options)), \(Format.count(judged)) judged")
    var table = Table("METRIC", ">VALUE")
    for (name, value) in metrics.sorted(by: { $0.key < $1.key }) { table.add(name, Format.decimals(value ?? .nan, 4)) }
    terminal.table(table)
    if let reason { terminal.line(reason) }
    terminal.line(
      """
      search \(Format.decimals(searchSeconds, 2)) s (\(trials.count) trials), fit \(Format.decimals(fitSeconds, 2)) s, \
      score \(Format.decimals(scoreSeconds, 2)) s, peak memory \(Format.count(peakMemoryBytes >> 20)) MiB
      """)
  }

  private static func text(_ options: [String: Double]) -> String {
    options.sorted { $0.key < $1.key }.map { "\($0.key)=\(Format.decimals($0.value, 3))" }.joined(separator: " ")
  }
}
