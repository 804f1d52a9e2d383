import Console
import Foundation
import RPC
import Testing
import Transport

@Suite("A client in another language, written from PROTOCOL.md", .serialized, .timeLimit(.minutes(5)))
struct InteropTests {
  @Test("the Python client makes calls of every kind to the real services")
  func python() async throws {
    try await Cluster.run { cluster in
      try await cluster.startServices()
      try await cluster.startTrainer("node-1")
      let control = try cluster.channel(.control, as: "admin-cli")
      try await Shop.small.open("small", control: control, ingest: try cluster.channel(.ingest, as: "platform-cli"))
      try await night(Shop.asOf, control)
      let ranker = try cluster.channel(.ranker, as: "platform-cli")
      try await eventually("adoption") { (try? await recommend("small", "c1", ranker)) != nil }

      let protos = ["commerce", "control", "health", "ingest", "ranker", "reflection", "rpc"]
      let descriptors = "\(cluster.folder)/descriptors"
      let compiler = try ChildProcess(
        name: "protoc", executable: "/usr/bin/protoc",
        arguments: ["--include_imports", "--proto_path", Cluster.source("proto"), "--descriptor_set_out", descriptors]
          + protos.map { "nightjar/v1/\($0).proto" }, log: "\(cluster.folder)/protoc.log")
      #expect(await compiler.ended() == .exited(0), "\(cluster.log(of: "protoc"))")

      // Debian's own Python is the one that Debian's protobuf is for.
      let client = try ChildProcess(
        name: "python", executable: "/usr/bin/python3",
        arguments: [
          "-B", Cluster.source("Tests/Interop/check_services.py"), "\(cluster.folder)/certificates", descriptors,
          "small",
          cluster.address("ingest"), cluster.address("control"), cluster.address("ranker"),
        ], log: "\(cluster.folder)/python.log")
      #expect(await client.ended() == .exited(0), "\(cluster.log(of: "python"))")
    }
  }
}
