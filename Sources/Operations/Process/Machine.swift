import Foundation

/// What this process may use of the machine: the kernel's limits on its group, and on those around it, count as the machine's.
public struct Machine: Hashable, Sendable {
  /// Processors, at least one.
  public let cores: Int
  /// Memory.
  public let memory: ByteCount

  /// A machine of these.
  public init(cores: Int, memory: ByteCount) {
    self.cores = cores
    self.memory = memory
  }

  /// The one that this process runs on.
  public static func present() -> Machine { present(groups: "/sys/fs/cgroup", membership: "/proc/self/cgroup") }

  static func present(groups: String, membership: String) -> Machine {
    let processInfo = ProcessInfo.processInfo
    var (cores, memory) = (processInfo.activeProcessorCount, processInfo.physicalMemory)
    for folder in folders(groups, membership) {
      let quota = words(of: "\(folder)/cpu.max")
      if quota.count == 2, let all = quota[0], let period = quota[1] { cores = min(cores, Int(all / max(period, 1))) }
      if let limit = words(of: "\(folder)/memory.max").first ?? nil { memory = min(memory, limit) }
    }
    return Machine(cores: max(1, cores), memory: ByteCount(memory))
  }

  /// Folders of the process's own group and of those around it. In a container its own group is the topmost that it sees;
  /// under systemd it is that of the unit.
  private static func folders(_ groups: String, _ membership: String) -> [String] {
    let lines = (try? String(contentsOfFile: membership, encoding: .utf8))?.split(separator: "\n") ?? []
    let own = lines.first { $0.hasPrefix("0::/") }?.dropFirst("0::/".count) ?? ""
    return own.split(separator: "/").reduce(into: [groups]) { folders, name in
      folders.append("\(folders[folders.count - 1])/\(name)")
    }
  }

  /// The numbers of one of a group's files, nil for "max"; none where there is no such file.
  private static func words(of file: String) -> [UInt64?] {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return [] }
    return text.split(whereSeparator: \.isWhitespace).map { UInt64($0) }
  }
}
