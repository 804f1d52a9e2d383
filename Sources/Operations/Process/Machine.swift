import Foundation

/// What this process may use of the machine: the kernel's limits on its group count as the machine's.
public struct Machine: Sendable {
  /// Processors, at least one.
  public let cores: Int
  /// Memory.
  public let memory: ByteCount

  private static let group = "/sys/fs/cgroup"

  /// A machine of these.
  public init(cores: Int, memory: ByteCount) {
    self.cores = cores
    self.memory = memory
  }

  /// The one that this process runs on.
  public static func present() -> Machine {
    let processInfo = ProcessInfo.processInfo
    let (quota, limit) = (words(of: "cpu.max"), words(of: "memory.max"))
    let granted = quota.count == 2 ? quota[0].flatMap { all in quota[1].map { Int(all / max($0, 1)) } } : nil
    return Machine(
      cores: max(1, min(processInfo.activeProcessorCount, granted ?? .max)),
      memory: ByteCount(min(processInfo.physicalMemory, limit.first.flatMap { $0 } ?? .max)))
  }

  /// The numbers of one of the group's files, nil for "max"; none where there is no such file.
  private static func words(of file: String) -> [UInt64?] {
    guard let text = try? String(contentsOfFile: "\(group)/\(file)", encoding: .utf8) else { return [] }
    return text.split(whereSeparator: \.isWhitespace).map { UInt64($0) }
  }
}
