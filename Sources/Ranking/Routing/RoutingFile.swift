import ArtifactStore
import Commerce
import Messages
import RankedLists

/// The routing table on disk, so that a ranker comes back with what it was last told though control is down.
///
/// The file is messages, each behind its length (u32, little-endian): the `Fence` to resume after, then every `Route` in
/// order of tenant; behind them the SHA-256 of all that. It is replaced in one step and never half written.
struct RoutingFile: Sendable {
  private static let lengthBytes = MemoryLayout<UInt32>.size

  let path: String

  /// Replaces the file; does nothing before a table was whole.
  func save(_ table: RoutingTable) throws(ArtifactError) {
    guard let revision = table.revision else { return }
    let fence = Encoded<Proto.Fence> { revision.fill($0) }
    var bytes = Self.frame(fence.bytes)
    for route in table.routes.values.sorted(by: { $0.tenant < $1.tenant }) { bytes += Self.frame(route.encoded.bytes) }
    try AtomicFile(path: path).replace(with: bytes + SHA256Digest(of: bytes).bytes)
  }

  /// The table as it was saved; nil if none was. Throws `refused` for a file that is damaged.
  func load() throws(ArtifactError) -> RoutingTable? {
    guard let bytes = try AtomicFile(path: path).read(limit: Limits.routingFileBytes) else { return nil }
    let content = bytes.dropLast(SHA256Digest.byteCount)
    guard SHA256Digest(bytes.suffix(SHA256Digest.byteCount)) == SHA256Digest(of: Array(content)) else {
      throw .refused(path: path, reason: "its digest does not match")
    }
    do {
      var frames = Self.frames(of: content)
      guard !frames.isEmpty else { throw ArtifactError.refused(path: path, reason: "it holds no revision") }
      let fence = try Encoded<Proto.Fence>(unchecked: frames.removeFirst()).decode()
      let routes = try frames.map { try Route(validating: Encoded<Proto.Route>(unchecked: $0).decode()) }
      return RoutingTable(routes: routes, revision: RoutingRevision(fence))
    } catch {
      throw .refused(path: path, reason: "\(error)")
    }
  }

  private static func frame(_ message: [UInt8]) -> [UInt8] {
    withUnsafeBytes(of: UInt32(message.count).littleEndian) { Array($0) } + message
  }

  private static func frames(of content: ArraySlice<UInt8>) -> [[UInt8]] {
    var frames: [[UInt8]] = []
    var rest = content
    while !rest.isEmpty {
      let length = rest.prefix(lengthBytes).reversed().reduce(0) { $0 << 8 | Int($1) }
      frames.append(Array(rest.dropFirst(lengthBytes).prefix(length)))
      rest = rest.dropFirst(lengthBytes + length)
    }
    return frames
  }
}
