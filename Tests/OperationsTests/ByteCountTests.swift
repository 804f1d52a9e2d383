import Foundation
import Testing

@testable import Operations

@Suite("Amounts of memory")
struct ByteCountTests {
  @Test(
    "are read as people write them",
    arguments: [("1", 1), ("16GiB", 16 << 30), ("512MiB", 512 << 20), ("2TiB", 2 << 40)] as [(String, UInt64)])
  func read(text: String, bytes: UInt64) {
    #expect(ByteCount(text)?.bytes == bytes)
  }

  @Test(
    "are refused otherwise",
    arguments: ["", "0", "-1", "1.5GiB", "GiB", "16 GiB", "16GB", "16gib", "18446744073709551616", "99999999TiB"])
  func refused(text: String) {
    #expect(ByteCount(text) == nil)
  }

  @Test(
    "are shown with one decimal",
    arguments: [(1_023, "1023 bytes"), (1 << 20, "1.0 MiB"), (13_421_772_800, "12.5 GiB"), (3 << 39, "1.5 TiB")]
      as [(UInt64, String)])
  func shown(bytes: UInt64, text: String) {
    #expect("\(ByteCount(bytes))" == text)
  }

  @Test("this machine has a core and some memory")
  func machine() {
    let machine = Machine.present()
    #expect(machine.cores >= 1 && machine.memory.bytes > 64 << 20)
  }

  @Test("the limits of the process's own group count, and those of the groups around it")
  func groups() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-groups-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let unit = "system.slice/nightjar-trainer@a.service"
    try FileManager.default.createDirectory(atPath: "\(folder)/\(unit)", withIntermediateDirectories: true)
    func present() -> Machine { .present(groups: folder, membership: "\(folder)/membership") }
    func write(_ text: String, _ file: String) throws {
      try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
    }
    let whole = present()
    try write("1:name=systemd:/elsewhere\n0::/\(unit)\n", "membership")
    #expect(present() == whole)
    try write("max\n", "\(unit)/memory.max")
    try write("max 100000\n", "\(unit)/cpu.max")
    #expect(present() == whole)
    try write("50000 100000\n", "\(unit)/cpu.max")
    try write("33554432\n", "system.slice/memory.max")
    #expect(present() == Machine(cores: 1, memory: ByteCount(32 << 20)))
    try write("16777216\n", "memory.max")
    #expect(present().memory == ByteCount(16 << 20))
  }
}
