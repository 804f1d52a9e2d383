// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny"), .enableExperimentalFeature("Lifetimes")]

/// Benchmarks against named peers: a package of its own, so that the peers are no dependencies of Nightjar.
let package = Package(
  name: "benchmarks",
  products: [
    .library(name: "malloc-count", type: .dynamic, targets: ["MallocCount"]),
    .executable(name: "bench-lookup", targets: ["bench-lookup"]),
    .executable(name: "floor", targets: ["floor"]),
    .executable(name: "grpc-peer", targets: ["grpc-peer"]),
    .executable(name: "bench-rpc", targets: ["bench-rpc"]),
    .executable(name: "bench-ranker", targets: ["bench-ranker"]),
    .executable(name: "bench-learning", targets: ["bench-learning"]),
    .executable(name: "bench-night", targets: ["bench-night"]),
  ],
  dependencies: [
    .package(name: "nightjar", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .target(name: "CLoad", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(name: "MallocCount"),
    .executableTarget(
      name: "grpc-peer",
      linkerSettings: ["grpc++", "grpc", "gpr", "absl_synchronization"].map { .linkedLibrary($0) }),
    .executableTarget(name: "floor", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
    .target(
      name: "Load",
      dependencies: [
        "CLoad", .product(name: "ArtifactStore", package: "nightjar"),
        .product(name: "NightjarClient", package: "nightjar"),
        .product(name: "RankedLists", package: "nightjar"), .product(name: "Histogram", package: "hdrhistogram-swift"),
      ], swiftSettings: strict),
    .testTarget(name: "LoadTests", dependencies: ["Load"], swiftSettings: strict),
    .executableTarget(
      name: "bench-lookup",
      dependencies: [
        "CLMDB", .product(name: "ArtifactStore", package: "nightjar"),
        .product(name: "NightjarClient", package: "nightjar"),
        .product(name: "RankedLists", package: "nightjar"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "bench-learning",
      dependencies: [
        .product(name: "Learning", package: "nightjar"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "bench-night",
      dependencies: [
        "Load", .product(name: "NightjarClient", package: "nightjar"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .executableTarget(
      name: "bench-ranker",
      dependencies: ["CLoad", "Load", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: strict),
    .executableTarget(
      name: "bench-rpc",
      dependencies: ["CLoad", "Load", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
