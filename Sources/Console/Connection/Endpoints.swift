import Foundation
import Transport

/// Where the services of a running `nightjar up` answer: the file `endpoints.json` of its folder.
public struct Endpoints: Codable, Sendable, Equatable {
  /// HOST:PORT of control.
  public var control: String
  /// HOST:PORT of ingest.
  public var ingest: String
  /// HOST:PORT of the ranker.
  public var ranker: String
  /// Folder of the certificates to call with.
  public var certificates: String

  static let file = "endpoints.json"

  /// Reads the file of `folder`.
  public init(folder: String) throws(ConsoleError) {
    let path = "\(folder)/\(Self.file)"
    guard let data = FileManager.default.contents(atPath: path) else {
      throw ConsoleError(
        """
        nothing runs in \(folder) (there is no \(path)). Start it with 'nightjar up --dir \(folder)', name another folder \
        with --dir, or give --control, --ingest or --ranker HOST:PORT with --certificates
        """)
    }
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch {
      throw ConsoleError("\(path) is not what 'nightjar up' writes: \(error)")
    }
  }

  /// All four places.
  public init(control: String, ingest: String, ranker: String, certificates: String) {
    self.control = control
    self.ingest = ingest
    self.ranker = ranker
    self.certificates = certificates
  }

  var addresses: [Role: String] { [.control: control, .ingest: ingest, .ranker: ranker] }

  /// Replaces the file of `folder` as a whole.
  func write(folder: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(fileURLWithPath: "\(folder)/\(Self.file)"), options: .atomic)
  }
}
