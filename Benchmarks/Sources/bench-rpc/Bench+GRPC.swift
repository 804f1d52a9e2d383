import Foundation
import Load

extension Bench {
  /// Calls a second of C++ gRPC that answers fixed bytes, beside the ranker's and Redis's. `peer`: executable of grpc-peer.
  func grpc(peer: String) throws {
    let peers = try Peers(self)
    let port = freePort()
    let server = try ServerProcess(
      "grpc-peer", [peer, "serve", "127.0.0.1:\(port)", world.certificates, "\(peers.answerBytes)"],
      cpus: Self.serverCPU, log: "\(world.folder)/grpc.log")
    defer { server.stop() }
    server.awaitPort(port)
    print("\nrequests/s, closed loop, medians of \(rounds) rounds of \(seconds) s")
    print("connections × each      C++ gRPC     gRPC/Redis  ranker/gRPC")
    for shape in Self.shapes where !shape.isPipelined {
      let ranker = peers.ranker.generator(client, connections: shape.connections)
      let redis = peers.redis.generator(client, connections: shape.connections)
      var rounds: [(grpc: Double, redis: Double, ranker: Double)] = []
      for _ in 0..<self.rounds {
        let grpc = try rate(of: peer, port, shape)
        let pair = peers.inTurn(rounds.count, ranker: { run(shape, ranker) }, redis: { run(shape, redis) })
        rounds.append((grpc, pair.redis.rate, pair.ranker.rate))
      }
      print(
        shape.description.padding(toLength: 20, withPad: " ", startingAt: 0)
          + median(rounds.map(\.grpc)).text(0, width: 12) + median(rounds.map { $0.grpc / $0.redis }).text(2, width: 15)
          + median(rounds.map { $0.ranker / $0.grpc }).text(1, width: 13))
    }
  }

  /// What grpc-peer's own load comes to; it is pinned as this process is.
  private func rate(of peer: String, _ port: UInt16, _ shape: Shape) throws -> Double {
    let (process, output) = (Process(), Pipe())
    process.executableURL = URL(fileURLWithPath: peer)
    process.arguments = [
      "load", "127.0.0.1:\(port)", world.certificates, "\(shape.connections)", "\(shape.inFlight)", "\(seconds)",
    ]
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0, let rate = Double(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      fail("grpc-peer's load failed with status \(process.terminationStatus)")
    }
    return rate
  }
}
