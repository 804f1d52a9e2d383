import ArgumentParser
import Foundation
import Learning

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Fits a model to one file and judges it on another, without any service.",
    discussion: """
      Files are tab-separated with the header 'user item ts value', ts in seconds. Test is looked at once, at the end.

      Ranking: relevant are test items that the user has not in train; candidates are all items of train that the user \
      has not in train. What no --option sets is chosen on train alone, on three slices of it that follow each other in \
      time: a fit sees 80% of the rows up to its slice's end. Twelve combinations of each family start on the latest \
      slice, the better half goes on to two, half of those to three, the best then climbs step by step. 'auto' races \
      popular, knn, ease and als in this way, then lets the stack join: boosted trees over the candidates of the best of \
      each, learned on earlier slices. The best mean NDCG@10 over the slices wins; --json lists every trial.

      Rating: value is the rating to predict. Options that are not given have defaults; 'auto' takes mf or fm, whichever \
      does better on a random fifth of train. fm predicts as it samples: its fit seconds hold that. Both compute on one \
      thread. --users and --items need a row for each user and item of train and test.
      """)

  enum Task: String, ExpressibleByArgument, CaseIterable { case ranking, rating }
  enum Model: String, ExpressibleByArgument, CaseIterable { case auto, popular, als, ease, knn, stack, mf, fm }

  @OptionGroup var output: OutputOptions
  @Option(help: "TSV file to learn from.")
  var train: String
  @Option(help: "TSV file to judge on.")
  var test: String
  @Option(
    help: "TSV file with a header: the user's id, then attributes; text is categorical, '|' parts several values.")
  var users: String?
  @Option(help: "The same for items.")
  var items: String?
  @Option(help: "Model to fit: \(Model.allCases.map(\.rawValue).joined(separator: ", ")).")
  var model = Model.auto
  @Option(help: "ranking or rating.")
  var task: Task?
  @Option(name: .customLong("option"), help: "An option of the model as name=number; may be repeated.")
  var settings: [String] = []
  @Option(help: "Threads to compute with, 1 to 256.")
  var threads = 1
  @Option(help: "Seed of every random choice.")
  var seed: UInt64 = 1
  @Option(help: "Ranking: seconds that the choice may take; the best so far wins then. Unset: all that it needs.")
  var seconds: Double?

  private var isRating: Bool { task.map { $0 == .rating } ?? (model == .mf || model == .fm) }

  func validate() throws {
    guard (1...256).contains(threads) else { throw ValidationError("--threads goes from 1 to 256") }
    if let seconds, !(seconds > 0 && seconds <= 3_000_000) {
      throw ValidationError("--seconds goes from above 0 to 3000000")
    }
    _ = try fixedOptions()
    let ratingModels: [Model] = [.auto, .mf, .fm]
    let rankingModels: [Model] = [.auto, .popular, .als, .ease, .knn, .stack]
    guard (isRating ? ratingModels : rankingModels).contains(model) else {
      let fitting = (isRating ? ratingModels : rankingModels).map(\.rawValue).joined(separator: ", ")
      throw ValidationError(
        "--model \(model.rawValue) does not do \(isRating ? "ratings" : "ranking"); these do: \(fitting)")
    }
    if (!isRating || model == .mf) && (users != nil || items != nil) {
      throw ValidationError("--users and --items serve --model fm alone")
    }
  }

  func run() throws {
    let report = try self.report()
    if output.json { Terminal.standard.line(try report.json()) } else { report.show(on: .standard) }
  }

  /// Reads, chooses, fits and judges.
  func report() throws -> EvaluationReport {
    let options = try fixedOptions()
    let tables = ObservationTable.numbered(
      train: try ObservationTable(path: train), test: try ObservationTable(path: test))
    LinearAlgebra.setThreads(threads)
    do {
      guard isRating else { return try rank(train: tables.train, test: tables.test, options) }
      return try rate(
        train: tables.train, test: tables.test, options,
        users: users.map { try AttributeTable.read($0, for: tables.users) },
        items: items.map { try AttributeTable.read($0, for: tables.items) })
    } catch let error as LearningError {
      throw ConsoleError("\(error)")
    }
  }

  private func fixedOptions() throws -> [String: Double] {
    var options: [String: Double] = [:]
    for setting in settings {
      let parts = setting.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, let value = Double(parts[1]), value.isFinite else {
        throw ValidationError("--option '\(setting)' is not of the form name=number")
      }
      guard options.updateValue(value, forKey: String(parts[0])) == nil else {
        throw ValidationError("--option \(parts[0]) is given twice")
      }
    }
    return options
  }
}
