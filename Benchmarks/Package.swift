// swift-tools-version: 6.1
import PackageDescription

/// Benchmarks against named peers: a package of its own, so that the peers are no dependencies of Nightjar.
let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "nightjar", path: "..")],
  targets: [
    .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .executableTarget(
      name: "bench-lookup", dependencies: ["CLMDB", .product(name: "RankedLists", package: "nightjar")],
      swiftSettings: [.enableExperimentalFeature("Lifetimes")]),
  ],
  swiftLanguageModes: [.v6]
)
