import Messages
import Operations
import Testing

@testable import Training

@Suite("A trainer's share of the machine")
struct MachineShareTests {
  private let machine = Machine(cores: 8, memory: ByteCount(64 << 30))

  @Test("cores and memory are shared out among the trainers", arguments: [(1, 8), (2, 4), (3, 2), (8, 1)])
  func automatic(trainers: Int, threads: Int) throws {
    let share = try MachineShare(of: machine, trainers: trainers, threads: nil, memory: nil)
    #expect(share.threads == threads)
    #expect(share.memory.bytes <= (64 << 30) * 8 / 10 / UInt64(trainers))
    #expect(share.memory.bytes > (63 << 30) * 8 / 10 / UInt64(trainers))
  }

  @Test("shares that add up to more than there is are refused, with what would fit")
  func tooMuch() throws {
    func refusal(_ trainers: Int, _ threads: Int?, _ memory: ByteCount?) -> String? {
      do {
        _ = try MachineShare(of: machine, trainers: trainers, threads: threads, memory: memory)
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(refusal(2, 4, ByteCount(32 << 30)) == nil)
    #expect(refusal(2, 5, nil)?.contains("from 1 to 4") == true)
    #expect(refusal(2, 0, nil)?.contains("from 1 to 4") == true)
    #expect(refusal(9, nil, nil)?.contains("at most 8") == true)
    #expect(refusal(0, nil, nil)?.contains("--trainers") == true)
    #expect(refusal(2, nil, ByteCount(33 << 30))?.contains("at most 32.0 GiB") == true)
  }

  @Test("the estimate grows with the tenant, and never over its brim")
  func estimate() throws {
    let large = MemoryEstimate(customers: 1_000_000, products: 20_000, events: 50_000_000)
    #expect(large.bytes > 8 << 30 && large.bytes < 16 << 30)
    #expect(MemoryEstimate(customers: .max, products: 1, events: .max).bytes == .max)
    #expect(throws: TrainingError.self) { try large.check(within: ByteCount(4 << 30)) }
    try large.check(within: ByteCount(16 << 30))
  }
}
