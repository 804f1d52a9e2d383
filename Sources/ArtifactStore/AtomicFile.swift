/// A small file that is replaced as a whole: a reader, and a restart after a crash, finds the old or the new content.
public struct AtomicFile: Sendable {
  private let path: String
  private let disk: Disk

  /// The file at `path`, whose folder exists.
  public init(path: String) {
    self.init(path: path, disk: Disk())
  }

  init(path: String, disk: Disk) {
    self.path = path
    self.disk = disk
  }

  /// Writes and syncs the bytes beside the file and then gives them its name. On an error the old content stands.
  public func replace(with bytes: [UInt8]) throws(ArtifactError) {
    let next = "\(path).next"
    do throws(ArtifactError) {
      try disk.removeFile(next)
      try disk.write(bytes, to: next)
      try disk.replace(path, by: next)
      try disk.syncFolder(folder)
    } catch {
      try? disk.removeFile(next)
      throw error
    }
  }

  private var folder: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return String(path[...slash])
  }

  /// The content; nil if there is no file. Throws `refused` if it is longer than `limit` or no regular file.
  public func read(limit: UInt64) throws(ArtifactError) -> [UInt8]? {
    var bytes: [UInt8] = []
    do throws(ArtifactError) {
      guard try Disk.read(path, limit: limit, { bytes += $0 }) != nil else {
        throw .refused(path: path, reason: "longer than \(limit) bytes")
      }
    } catch {
      if case .missing = error { return nil }
      throw error
    }
    return bytes
  }
}
