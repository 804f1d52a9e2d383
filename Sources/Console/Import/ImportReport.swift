import Messages
import NightjarClient

/// What became of the rows of one file.
struct ImportReport: Codable, Equatable, Sendable {
  /// A row that was not written.
  struct Problem: Codable, Equatable, Sendable {
    /// Line of the file, from 1, the header included.
    var line: Int
    var reason: String
  }

  /// Name of the file, or of what was written.
  let source: String
  /// Rows written.
  private(set) var accepted = 0
  /// Rows that were there already with the same content.
  private(set) var duplicates = 0
  /// Rows not written, for reasons of the file or of ingest.
  private(set) var rejected = 0
  /// The first of the rejected rows, in order of line.
  private(set) var problems: [Problem] = []

  /// Problems kept; the rest is only counted.
  static let maximumProblems = 1_000

  init(source: String) { self.source = source }

  /// All rows seen.
  var rows: Int { accepted + duplicates + rejected }

  mutating func reject(line: Int, _ reason: String) {
    rejected += 1
    if problems.count < Self.maximumProblems { problems.append(Problem(line: line, reason: reason)) }
  }

  /// Takes over ingest's answer to a batch whose rows stand on `lines`.
  mutating func add(_ response: View<Proto.WriteResponse>, lines: [Int]) throws(ConsoleError) {
    let verdicts = response.scalars(\.n_verdicts, \.verdicts)
    guard verdicts.count == lines.count else {
      throw ConsoleError("\(source): ingest answered \(verdicts.count) rows of a batch of \(lines.count)")
    }
    var reasons: [Int: String] = [:]
    for rejection in response.list(\.n_rejections, \.rejections) {
      reasons[Int(rejection.row)] = "\(rejection.field) \(rejection.reason)"
    }
    for (row, verdict) in verdicts.enumerated() {
      switch verdict {
      case .accepted: accepted += 1
      case .duplicate: duplicates += 1
      default: reject(line: lines[row], reasons[row] ?? "refused without a reason")
      }
    }
  }

  /// Adds what was rejected on another way, and puts the problems in order of line.
  mutating func merge(_ other: ImportReport) {
    accepted += other.accepted
    duplicates += other.duplicates
    rejected += other.rejected
    problems = Array((problems + other.problems).sorted { $0.line < $1.line }.prefix(Self.maximumProblems))
  }
}
