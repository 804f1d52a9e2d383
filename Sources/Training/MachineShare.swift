import Operations

/// The part of a machine that one trainer takes. All trainers of the machine together never have more threads at work than
/// there are cores, nor more memory than there is.
public struct MachineShare: Sendable {
  /// Part of the memory, in per cent, that is shared out unless somebody decides otherwise: the rest is the system's.
  private static let sharedPercent: UInt64 = 80

  /// Threads of a computation.
  public let threads: Int
  /// What a tenant-night may take.
  public let memory: ByteCount

  /// - Parameters:
  ///   - trainers: how many trainers share the machine, this one included.
  ///   - threads: nil = this trainer's part of the cores.
  ///   - memory: nil = this trainer's part of 80% of the memory.
  ///
  /// Throws `share`, with what would fit, for parts that add up to more than the whole.
  public init(of machine: Machine, trainers: Int, threads: Int?, memory: ByteCount?) throws(TrainingError) {
    guard trainers > 0 else { throw .share("--trainers goes from 1, it is \(trainers)") }
    let most = machine.cores / trainers
    guard most > 0 else {
      throw .share("\(trainers) trainers on \(machine.cores) cores: start at most \(machine.cores) on this machine")
    }
    let asked = threads ?? most
    guard (1...most).contains(asked) else {
      throw .share(
        "--threads \(asked) in each of \(trainers) trainers is not for \(machine.cores) cores: it goes from 1 to \(most)"
      )
    }
    let part = ByteCount(machine.memory.bytes / UInt64(trainers))
    self.threads = asked
    self.memory = memory ?? ByteCount(part.bytes / 100 * Self.sharedPercent)
    guard self.memory.bytes <= part.bytes else {
      throw .share(
        "--memory \(self.memory) in each of \(trainers) trainers is more than the \(machine.memory) that there are: "
          + "at most \(part) each")
    }
  }
}
