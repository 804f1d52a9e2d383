import Foundation
import Synchronization

/// A server under measurement: started on chosen processors, gone with its owner.
public final class ServerProcess {
  private let process = Process()
  private let input = Pipe()
  /// What it is called in messages.
  public let name: String
  /// Where it shows its metrics.
  private let adminPort: UInt16?

  /// Starts `command` on the processors of `cpus` (as taskset names them), its output appended to `log`.
  public init(
    _ name: String, _ command: [String], cpus: String, environment: [String: String] = [:], log: String,
    adminPort: UInt16? = nil
  ) throws {
    self.name = name
    self.adminPort = adminPort
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/taskset")
    process.arguments = ["-c", cpus] + command
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = input
    process.standardOutput = FileHandle(forWritingAtPath: log)
    process.standardError = process.standardOutput
    try process.run()
    _ = Self.running.withLock { $0.insert(process.processIdentifier) }
  }

  /// Servers that a benchmark which ends by an error takes with it.
  private static let running = Mutex<Set<Int32>>([])

  static func killAll() { running.withLock { for pid in $0 { kill(pid, SIGKILL) } } }

  deinit { stop() }

  /// Stands still from now on, except while something is run by `whileRunning`.
  public func pause() { kill(pid, SIGSTOP) }

  /// Lets it go on for as long as `body` takes: what its threads do besides answering falls on its own time.
  public func whileRunning<R>(_ body: () throws -> R) rethrows -> R {
    kill(pid, SIGCONT)
    defer { pause() }
    return try body()
  }

  /// Ends it.
  public func stop() {
    guard process.isRunning else { return }
    process.terminate()
    kill(pid, SIGCONT)
    process.waitUntilExit()
    _ = Self.running.withLock { $0.remove(process.processIdentifier) }
  }

  /// Its process id: what starts it becomes the command.
  public var pid: Int32 { process.processIdentifier }

  /// Bytes of memory that are its own: neither shared nor files of the disk that it only reads.
  public var privateBytes: Int { bytes("Anonymous:") }

  /// Bytes of memory that it has resident, mapped files included.
  public var residentBytes: Int { bytes("Rss:") }

  /// The sum of a metric over its labels, as it shows it.
  public func metric(_ name: String) -> Double {
    guard let adminPort else { preconditionFailure("\(self.name) shows no metrics") }
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    var address = loopback(adminPort)
    guard withUnsafePointer(to: &address, { connectSocket(descriptor, $0) }) == 0 else {
      fail("\(self.name) does not listen on its admin port")
    }
    file.write(Data("GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n".utf8))
    let lines = String(decoding: file.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
    let values = lines.filter { $0.hasPrefix("\(name) ") || $0.hasPrefix("\(name){") }.map { line in
      Double(line.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: " ").last ?? "") ?? .nan
    }
    guard !values.isEmpty else { fail("\(self.name) shows no \(name)") }
    return values.reduce(0, +)
  }

  private func bytes(_ row: String) -> Int {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/smaps_rollup", encoding: .utf8)) ?? ""
    let lines = text.split(separator: "\n").filter { $0.hasPrefix(row) }
    return lines.reduce(0) { $0 + (Int($1.split(separator: " ")[1]) ?? 0) * 1024 }
  }

  /// Seconds of processor time so far.
  public var cpuSeconds: Double {
    let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return 0 }
    return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// Waits until somebody listens on the port; ends the benchmark when nobody does.
  public func awaitPort(_ port: UInt16, seconds: Double = 30) {
    let end = Date() + seconds
    while Date() < end, process.isRunning {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      var address = loopback(port)
      if withUnsafePointer(to: &address, { connectSocket(descriptor, $0) }) == 0 { return }
      usleep(10_000)
    }
    fail("\(name) does not listen on port \(port)")
  }
}

/// A port of the loopback interface that nobody listens on.
public func freePort() -> UInt16 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(descriptor) }
  var address = loopback(0)
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  return withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      precondition(bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0, "no free port")
    }
    return UInt16(bigEndian: $0.pointee.sin_port)
  }
}

func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return address
}

func connectSocket(_ descriptor: Int32, _ address: UnsafePointer<sockaddr_in>) -> Int32 {
  UnsafeRawPointer(address).withMemoryRebound(to: sockaddr.self, capacity: 1) {
    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
  }
}
