import Glibc
import Logging

/// Logs to standard error, one JSON object a line: `time`, `level`, `service`, `event` (the message), then the metadata
/// in order of key.
///
/// A line is written by one `write`, so lines of several threads do not mix. A metadata key that is one of the four
/// fixed ones gets a trailing underscore.
public struct JSONLogHandler: LogHandler {
  public var logLevel: Logger.Level
  public var metadata: Logger.Metadata = [:]
  public var metadataProvider: Logger.MetadataProvider?
  private let service: String
  private let output: @Sendable ([UInt8]) -> Void

  private static let fixedKeys: Set<String> = ["time", "level", "service", "event"]

  /// Logs as `service` to `output`, by default standard error.
  public init(
    service: String, level: Logger.Level,
    output: @escaping @Sendable ([UInt8]) -> Void = JSONLogHandler.standardError
  ) {
    self.service = service
    self.logLevel = level
    self.output = output
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var line = JSONLine()
    line.add("time", JSONLine.iso8601(now))
    line.add("level", event.level.rawValue)
    line.add("service", service)
    line.add("event", event.message.description)
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
    if let own = event.metadata { all.merge(own) { $1 } }
    if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
    for (key, value) in all.sorted(by: { $0.key < $1.key }) {
      line.add(Self.fixedKeys.contains(key) ? key + "_" : key, value.description)
    }
    line.finish()
    output(line.bytes)
  }

  /// Writes to descriptor 2. A log that cannot be written is lost: there is nobody left to tell.
  public static let standardError: @Sendable ([UInt8]) -> Void = { line in
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}
