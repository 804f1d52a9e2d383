import Foundation
import Testing

@testable import Console

@Suite("evaluating on files")
struct EvaluationTests {
  private struct Report: Decodable {
    struct Trial: Decodable {
      let model: String
      let validation: Double
    }

    let model: String
    let options: [String: Double]
    let metrics: [String: Double]
    let judged: Int
    let searchSeconds: Double
    let fitSeconds: Double
    let scoreSeconds: Double
    let peakMemoryBytes: Int
    let trials: [Trial]
  }

  private static let header = "user\titem\tts\tvalue\n"

  private static let badTables: [(text: String, complaint: String)] = [
    ("", "is empty; a header is needed"),
    ("user\titem\tvalue\n", "line 1: the header must be 'user', 'item', 'ts', 'value'"),
    ("user\titem\tvalue\na\tb\t1\n", "there is no 'ts'"),
    (header, "has no rows below its header"),
    ("\(header)a\tb\t1\n", "line 2: 3 fields; 4 are needed: user, item, ts, value"),
    ("\(header)a\tb\t1\t3x\n", "line 2: value '3x' is not a finite number"),
    ("\(header)a\tb\t1\t3\na\tc\tnoon\t3\n", "line 3: ts 'noon' is not a finite number"),
    ("\(header)a\tb\t1\tNaN\n", "line 2: value 'NaN' is not a finite number"),
    ("\(header)a\tb\t1\t-inf\n", "line 2: value '-inf' is not a finite number"),
    ("\(header)a\tb\t1\t1e300\n", "line 2: value 1e+300 lies beyond ±"),
    ("\(header)a\t\t1\t3\n", "line 2: item is empty"),
    ("\(header)a\tb\t1\t" + String(repeating: "1", count: 2 << 20), "line 2: 2097158 bytes; 1048576 is the limit"),
  ]

  @Test("refuses what is not a table of ratings, naming line, field and limit", arguments: badTables)
  func badRatings(text: String, complaint: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("ratings.tsv", text)
    let error = #expect(throws: ConsoleError.self) { try ObservationTable(path: file) }
    #expect(error?.description.hasPrefix(file) == true)
    #expect(error?.description.contains(complaint) == true, "\(error?.description.suffix(200) ?? "")")
  }

  @Test("reads lines that end in CR LF, blank lines, and a last line without an end")
  func lineEnds() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("ratings.tsv", "user\titem\tts\tvalue\r\nä\tb\t1\t3\r\n\r\nä\tc\t2\t4.5")
    let table = try ObservationTable(path: file)
    #expect(table.user == ["ä", "ä"])
    #expect(table.value == [3, 4.5])
  }

  @Test("says which file cannot be read, and which line is not text")
  func unreadable() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ConsoleError("\(folder.path)/none.tsv cannot be read")) {
      try ObservationTable(path: "\(folder.path)/none.tsv")
    }
    let file = try folder.write("latin.tsv", Self.header)
    let bytes: [UInt8] = Array(Self.header.utf8) + [0xE9, 0x09, 0x62, 0x09, 0x31, 0x09, 0x33]
    try #require(FileManager.default.createFile(atPath: file, contents: Data(bytes)))
    #expect(throws: ConsoleError("\(file) line 2: not UTF-8 text; iconv converts it")) {
      try ObservationTable(path: file)
    }
  }

  private static let badSides: [(text: String, complaint: String)] = [
    ("", "is empty"), ("id\n1\n", "line 1: the header needs an id and at least one attribute"),
    ("id\tage\n1\t3\n", "id '2' has no row (1 of 2 have none)"),
    ("id\tage\n1\t3\n2\t4\n1\t5\n", "line 4: id '1' stands in line 2 too"),
    ("id\tage\n1\t3\n\t4\n", "line 3: id is empty"), ("id\tage\n1\n", "line 2: 1 fields; the header has 2"),
    ("id\tage\n1\t3\n2\tnan\n", "line 3: age 'nan' is not a finite number"),
    ("id\tage\n1\t3\n2\t1e99\n", "line 3: age 1e+99 lies beyond"),
  ]

  @Test("refuses side information that does not say who has it", arguments: badSides)
  func badAttributes(text: String, complaint: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("users.tsv", text)
    let error = #expect(throws: ConsoleError.self) { try AttributeTable.read(file, for: ["1": 0, "2": 1]) }
    #expect(error?.description.hasPrefix(file) == true)
    #expect(error?.description.contains(complaint) == true, "\(error?.description ?? "")")
  }

  @Test("judges ratings, strangers and attributes included, and says in JSON what it did")
  func ratings() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<120).map { "u\($0 % 10)\ti\($0 % 12)\t\($0)\t\(1 + ($0 * 7) % 5)\n" }
    let train = try folder.write("train.tsv", Self.header + rows.joined())
    let test = try folder.write("test.tsv", Self.header + "u1\ti2\t130\t3\nstranger\tnew\t131\t4\n")
    let users = try folder.write(
      "users.tsv",
      "user\tage\tsex\n" + (0..<10).map { "u\($0)\t\(20 + $0)\t\($0 % 2 == 0 ? "F" : "M")\n" }.joined()
        + "stranger\t\tF|M\n")
    for model in ["auto", "mf", "fm"] {
      var line = ["evaluate", "--task", "rating", "--model", model, "--train", train, "--test", test, "--json"]
      if model != "mf" { line += ["--users", users, "--option", "samples=10", "--option", "burn-in=5"] }
      let command = try #require(try NightjarCommand.parseAsRoot(line) as? EvaluateCommand)
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let report = try decoder.decode(Report.self, from: Data(try command.report().json().utf8))
      #expect(Set(report.metrics.keys) == ["rmse", "mae"])
      #expect(report.metrics.values.allSatisfy { $0 > 0 && $0 <= 4 })
      #expect(report.judged == 2)
      #expect(report.peakMemoryBytes > 0)
      #expect(report.trials.count == (model == "auto" ? 2 : 0))
      #expect(model == "auto" || report.model == model)
      #expect(report.options["factors"] != nil)
      #expect([report.searchSeconds, report.fitSeconds, report.scoreSeconds].allSatisfy { $0 >= 0 })
    }
  }

  @Test(
    "refuses models and options that ratings do not have",
    arguments: [
      "--model ease", "--model forest", "--model mf --users u.tsv", "--option factors", "--option factors=nan",
      "--option factors=2 --option factors=3", "--threads 0",
    ])
  func badLines(flags: String) {
    let line = "evaluate --task rating --train a --test b \(flags)"
    #expect(throws: (any Error).self) { try NightjarCommand.parseAsRoot(line.split(separator: " ").map(String.init)) }
  }

  @Test("names the range of an option that lies outside it")
  func badOption() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("ratings.tsv", Self.header + "a\tb\t1\t3\n")
    let line = "evaluate --model fm --train \(file) --test \(file) --option factors=5000"
    let command = try NightjarCommand.parseAsRoot(line.split(separator: " ").map(String.init)) as? EvaluateCommand
    #expect(throws: ConsoleError("option factors=5000.0 lies outside 1.0 to 1024.0")) { try command?.report() }
  }
}
