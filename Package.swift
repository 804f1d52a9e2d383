// swift-tools-version: 6.1
import PackageDescription

/// The rooms of the map in ARCHITECTURE.md, ground floor first: a target imports lower floors only.
let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny"), .enableExperimentalFeature("Lifetimes")]

func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func service(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies + [argumentParser], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies, exclude: exclude, swiftSettings: strict)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let metrics: Target.Dependency = .product(name: "CoreMetrics", package: "swift-metrics")
let tracesInMemory: Target.Dependency = .product(name: "InMemoryTracing", package: "swift-distributed-tracing")
let tracing: Target.Dependency = .product(name: "Tracing", package: "swift-distributed-tracing")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let sqlite: Target.Dependency = .product(name: "GRDBSQLite", package: "GRDB.swift")

let package = Package(
  name: "nightjar",
  products: [
    .library(name: "NightjarClient", targets: ["NightjarClient", "Commerce", "RPC", "Transport"]),
    .library(name: "ArtifactStore", targets: ["ArtifactStore"]),
    .library(name: "Learning", targets: ["Learning"]),
    .library(name: "RankedLists", targets: ["RankedLists"]),
    .executable(name: "nightjar", targets: ["nightjar"]),
    .executable(name: "nightjar-ingest", targets: ["nightjar-ingest"]),
    .executable(name: "nightjar-trainer", targets: ["nightjar-trainer"]),
    .executable(name: "nightjar-ranker", targets: ["nightjar-ranker"]),
    .executable(name: "nightjar-control", targets: ["nightjar-control"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    // Floor 0: C.
    .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]),
    .systemLibrary(name: "CXGBoost", pkgConfig: "xgboost", providers: [.apt(["libxgboost-dev"])]),
    .target(name: "CThreads"),
    .target(name: "CTransport", dependencies: ["COpenSSL", "CThreads"]),
    // Optimised in debug builds too, as tests fit models. SwiftPM then lets packages have `Learning` by path only.
    .target(name: "CKernels", cSettings: [.unsafeFlags(["-O3"])]),
    .target(name: "CNightjarProto", dependencies: ["CProtobufC"]),

    // Floor 1.
    room("Messages", ["CProtobufC", "CNightjarProto"]),
    room("Transport", ["CThreads", "CTransport", "COpenSSL"]),
    .target(
      name: "RankedLists", dependencies: ["COpenSSL", "CThreads"], exclude: ["FORMAT.md"], swiftSettings: strict),

    // Floor 2.
    room("RPC", ["Messages", "Transport", logging, metrics, tracing]),
    room("Commerce", ["Messages"]),

    // Floor 3.
    room("NightjarClient", ["Commerce", "Messages", "RPC", "Transport", logging]),
    room("Operations", ["RPC", "Transport", argumentParser, logging, lifecycle, metrics, signals, tracing]),
    room("ArtifactStore", ["Commerce", "Messages", "RankedLists"]),
    room("Learning", ["CKernels", "COpenBLAS", "CXGBoost"]),
    room("Experimentation", []),

    // Floor 4.
    room(
      "Ingest",
      [
        "COpenSSL", "Commerce", "Messages", "NightjarClient", "Operations", "RPC", "Transport", grdb, lifecycle,
        logging, sqlite,
      ]),
    room(
      "Training",
      [
        "ArtifactStore", "Commerce", "Learning", "Messages", "NightjarClient", "Operations", "RankedLists", "RPC",
        lifecycle, logging, metrics,
      ]),
    .target(
      name: "Ranking",
      dependencies: [
        "ArtifactStore", "CKernels", "CThreads", "Commerce", "Experimentation", "Messages", "NightjarClient",
        "Operations", "RankedLists", "RPC", "Transport", lifecycle, logging,
      ], exclude: ["Served/FORMAT.md"], swiftSettings: strict),
    room(
      "Control",
      [
        "COpenSSL", "Commerce", "Messages", "NightjarClient", "Operations", "RPC", "Transport", grdb, lifecycle,
        logging, metrics,
      ]),
    room(
      "Console",
      [
        "Commerce", "Learning", "Messages", "NightjarClient", "Operations", "RPC", "RankedLists", "Transport",
        argumentParser, logging, signals,
      ]),

    // Floor 5.
    service("nightjar-ingest", ["Commerce", "Ingest", "Operations", "Transport"]),
    service("nightjar-trainer", ["Operations", "RPC", "Training", "Transport"]),
    service("nightjar-ranker", ["Commerce", "Operations", "RPC", "Ranking", "Transport"]),
    service("nightjar-control", ["Control", "Messages", "NightjarClient", "Operations", "RPC", "Transport"]),
    service("nightjar", ["Console", "Operations"]),

    tests("Messages", ["CNightjarProto"]),
    tests("Transport", ["COpenSSL"]),
    tests("RankedLists", []),
    tests("RPC", ["CNightjarProto", tracesInMemory], exclude: ["Recordings"]),
    tests("Commerce", []),
    tests("NightjarClient", ["CNightjarProto", logging]),
    tests("Operations", ["RPC", metrics]),
    tests("ArtifactStore", []),
    tests("Learning", ["CKernels"], exclude: ["Fixtures"]),
    tests("Experimentation", []),
    tests("Ingest", ["NightjarClient", "Operations", "RPC", "Transport", grdb]),
    tests("Training", []),
    tests("Ranking", []),
    tests("Control", ["NightjarClient", grdb, logging]),
    tests("Console", [argumentParser, "CNightjarProto", logging]),
    .testTarget(
      name: "SystemTests",
      dependencies: [
        "ArtifactStore", "Commerce", "Console", "Messages", "NightjarClient", "Operations", "RPC", "Transport", logging,
        "nightjar",
        "nightjar-ingest", "nightjar-trainer", "nightjar-ranker", "nightjar-control",
      ], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// What only fuzzing needs (`make fuzz`): libFuzzer brings the `main`.
if Context.environment["NIGHTJAR_FUZZ"] != nil {
  let fuzzers: [(String, [Target.Dependency])] = [
    ("fuzz-frames", ["RPC"]), ("fuzz-session", ["Messages", "RPC"]), ("fuzz-messages", ["Messages", "NightjarClient"]),
    ("fuzz-json", ["Messages", "NightjarClient"]), ("fuzz-lists", ["RankedLists"]), ("fuzz-served", ["Ranking"]),
  ]
  package.targets += fuzzers.map { name, dependencies in
    .executableTarget(
      name: name, dependencies: dependencies, path: "Fuzz/\(name)",
      swiftSettings: strict + [.unsafeFlags(["-parse-as-library"])])
  }
}
