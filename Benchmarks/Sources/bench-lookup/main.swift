import ArtifactStore
import Commerce
import Foundation
import Glibc
import Messages
import RankedLists

// In-process lookup of a customer's list: RankedLists against LMDB's mdb_get, the same keys, lists of 50 entries
// (400 bytes), random order, rounds interleaved, one thread. The lists are mapped from a ranker's own copy, fetched from a
// store as a ranker does it. Usage: bench-lookup [KEYS] [ROUNDS]

let keyCount = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 1_000_000
let rounds = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 9
let listLength: UInt32 = 50

var random = SystemRandomNumberGenerator()
let keys = (0..<keyCount).map { Array("customer-\($0)".utf8) }
/// The keys in the order in which they are looked up, one behind the other, and where each ends: a server has a key at hand,
/// so that to find it is no part of the lookup.
let order = keys.shuffled(using: &random)
let asked = Array(order.joined())
let ends = order.reduce(into: []) { ends, key in ends.append((ends.last ?? 0) + key.count) }
let folder = "/tmp/nightjar-bench-\(getpid())"
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: folder) }

/// Writes the same list for every key.
func writeLists(to path: String) throws {
  let header = RankedListsHeader(tenant: "bench", model: "m", bake: "b", asOf: 0)
  let entries = (0..<listLength).map { RankedEntry(candidate: $0, score: Float(listLength - $0)) }
  var writer = try RankedListsWriter(path: path, header: header)
  for product in 0..<listLength { _ = try writer.addCandidate(product: "p\(product)") }
  for key in keys { try writer.add(customer: String(decoding: key, as: UTF8.self), entries: entries) }
  try writer.finish()
}

/// Publishes the lists, and fetches them.
func fetchedLists() throws -> RankedLists {
  let tenant = try TenantID("bench")
  let store = ArtifactDirectory(root: "\(folder)/store")
  let digest = try store.publish(tenant: tenant) { files in
    Encoded<Proto.Manifest> { manifest in
      manifest.format = 1
      manifest.tenant = tenant.rawValue
      manifest.model = "m"
      manifest.bake = "b"
      manifest.customers = UInt64(keyCount)
      manifest.candidates = UInt64(listLength)
      files.fill(manifest)
    }
  } write: { lists, model in
    try writeLists(to: lists)
    try Data("none".utf8).write(to: URL(fileURLWithPath: model))
  }
  let cache = ArtifactDirectory(root: "\(folder)/cache")
  try store.fetch(tenant: tenant, digest: digest, files: [.lists], into: cache)
  return try RankedLists(path: cache.path(tenant: tenant, digest: digest, file: .lists), tenant: "bench", bake: "b")
}

let lists = try fetchedLists()
let peer = LMDB(path: "\(folder)/lmdb", keys: keys, value: [UInt8](repeating: 7, count: Int(listLength) * 8))

/// Nanoseconds a lookup, over every key in random order.
func measure(_ lookup: (UnsafeRawBufferPointer) -> UInt32) -> Double {
  var sum: UInt32 = 0
  let time = ContinuousClock().measure {
    asked.withUnsafeBytes { bytes in
      var start = 0
      for end in ends {
        sum &+= lookup(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        start = end
      }
    }
  }
  precondition(sum != 1, "the sum keeps the lookups from being optimised away")
  return Double(time.components.seconds) * 1e9 + Double(time.components.attoseconds) / 1e9
}

var ours: [Double] = []
var theirs: [Double] = []
for round in 1...rounds {
  theirs.append(measure { peer.firstWord(of: $0) } / Double(keyCount))
  ours.append(measure { lists.lookup($0)?[0].candidate ?? 1 } / Double(keyCount))
  print("round \(round): LMDB \(Int(theirs[round - 1])) ns, RankedLists \(Int(ours[round - 1])) ns")
}

/// The middle of the values; takes them in any order.
func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
let ratio = median(zip(theirs, ours).map { $0 / $1 })
print(
  "\(keyCount) keys, \(rounds) rounds, medians: LMDB mdb_get \(Int(median(theirs))) ns, RankedLists.lookup "
    + "\(Int(median(ours))) ns, \((ratio * 100).rounded() / 100) times as fast")
