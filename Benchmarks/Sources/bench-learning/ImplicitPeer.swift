import Foundation

/// PyPI's implicit in a process of its own, told what to do line by line.
final class ImplicitPeer {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private let folder: URL

  /// Gives it a matrix. Its OpenBLAS has one thread, as implicit asks for, and picks its kernels by itself.
  init(_ matrix: GeneratedMatrix, peers: String) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-learning-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try matrix.write(to: folder)
    process.executableURL = URL(filePath: peers).appending(path: "bin/python")
    process.arguments = ["implicit_peer.py", folder.path]
    var environment = ProcessInfo.processInfo.environment
    environment["OPENBLAS_CORETYPE"] = nil
    environment["OPENBLAS_L2_SIZE"] = nil
    environment["OPENBLAS_NUM_THREADS"] = "1"
    process.environment = environment
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    say("implicit 0.7.3: \(try line())")
  }

  deinit {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Seconds of a fit.
  func fit(factors: Int, regularisation: Double, iterations: Int, threads: Int) throws -> Double {
    try seconds("fit \(factors) \(regularisation) \(iterations) \(threads)")
  }

  /// Seconds of every customer's list.
  func recommend(length: Int, threads: Int) throws -> Double { try seconds("recommend \(length) \(threads)") }

  /// X and Y of the latest fit.
  func factors() throws -> (x: [Float], y: [Float]) { (try floats("x"), try floats("y")) }

  private func floats(_ name: String) throws -> [Float] {
    let data = try Data(contentsOf: folder.appending(path: name))
    return [Float](unsafeUninitializedCapacity: data.count / MemoryLayout<Float>.size) { floats, count in
      count = data.copyBytes(to: floats) / MemoryLayout<Float>.size
    }
  }

  private func seconds(_ command: String) throws -> Double {
    try input.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
    let answer = try line()
    guard let seconds = Double(answer) else { throw PeerError(answer: answer) }
    return seconds
  }

  private func line() throws -> String {
    var bytes: [UInt8] = []
    while let byte = try output.fileHandleForReading.read(upToCount: 1)?.first, byte != UInt8(ascii: "\n") {
      bytes.append(byte)
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

struct PeerError: Error, CustomStringConvertible {
  let answer: String
  var description: String { "implicit_peer.py answered '\(answer)'; run Benchmarks/install-peers.sh" }
}
