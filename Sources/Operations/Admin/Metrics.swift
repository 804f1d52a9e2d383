import Glibc
import Synchronization

/// The numbers that a service shows at `/metrics`.
public final class Metrics: Sendable {
  /// How Prometheus is to read a number.
  public enum Kind: String, Sendable { case counter, gauge }

  private struct Series: Sendable {
    let labels: String
    let read: @Sendable () -> Double
  }

  private struct Family: Sendable {
    let kind: Kind
    let help: String
    var series: [Series] = []
  }

  private let families = Mutex<[String: Family]>([:])

  /// Starts with what the kernel knows of this process.
  public init() {
    register("process_resident_memory_bytes", .gauge, help: "Resident memory.") { ProcessFigures.residentBytes() }
    register("process_open_fds", .gauge, help: "Open file descriptors.") { ProcessFigures.openDescriptors() }
    register("process_cpu_seconds_total", .counter, help: "User and system CPU time.") { ProcessFigures.cpuSeconds() }
  }

  /// Shows what `read` returns, each time somebody asks; it is called on the admin port's thread and must not block.
  ///
  /// - Parameter name: letters, digits and `_`, with the unit at its end, as Prometheus recommends.
  public func register(
    _ name: String, _ kind: Kind, help: String, labels: [(String, String)] = [], read: @escaping @Sendable () -> Double
  ) {
    let text = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    families.withLock {
      $0[name, default: Family(kind: kind, help: help)].series.append(Series(labels: text, read: read))
    }
  }

  /// A counter that starts at zero.
  public func counter(_ name: String, help: String, labels: [(String, String)] = []) -> Counter {
    let counter = Counter()
    register(name, .counter, help: help, labels: labels) { Double(counter.value) }
    return counter
  }

  /// Everything in Prometheus' text format, version 0.0.4. Complexity: O(series).
  public func exposition() -> String {
    var text = ""
    for (name, family) in families.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
      for series in family.series {
        text += series.labels.isEmpty ? name : "\(name){\(series.labels)}"
        text += " \(Self.number(series.read()))\n"
      }
    }
    return text
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  private static func number(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : String(value)
  }
}

/// A number that only grows; adding takes one atomic instruction.
public final class Counter: Sendable {
  private let count = Atomic<UInt64>(0)

  /// What was added so far.
  public var value: UInt64 { count.load(ordering: .relaxed) }

  /// Adds to it, from any thread.
  public func add(_ amount: UInt64 = 1) { count.wrappingAdd(amount, ordering: .relaxed) }
}

/// What `/proc/self` and `getrusage` say.
private enum ProcessFigures {
  static func residentBytes() -> Double {
    guard let file = fopen("/proc/self/statm", "re") else { return .nan }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, Int32(line.count), file) != nil else { return .nan }
    let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
      separator: " ")
    guard fields.count > 1, let pages = Double(fields[1]) else { return .nan }
    return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
  }

  static func openDescriptors() -> Double {
    guard let folder = opendir("/proc/self/fd") else { return .nan }
    defer { closedir(folder) }
    var entries = 0
    while readdir(folder) != nil { entries += 1 }
    return Double(entries - 3)  // ".", ".." and the descriptor of the folder itself
  }

  static func cpuSeconds() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return seconds(usage.ru_utime) + seconds(usage.ru_stime)
  }
}
