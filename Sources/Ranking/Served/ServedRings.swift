import Glibc

/// The file `rings`, mapped: what lookups write to. It outlives the process, however that ends.
final class ServedRings: @unchecked Sendable {
  // Sendable, because nothing changes after init but what the rings themselves change.
  private let pages: UnsafeMutableRawBufferPointer
  private let data: UnsafeMutableRawBufferPointer
  let rings: UnsafeMutableBufferPointer<ServedRing>

  /// Makes the file with `count` empty rings, all of its blocks allocated; an older one must be gone.
  static func make(path: String, count: Int, ringBytes: Int) throws(ServedError) -> ServedRings {
    typealias Rings = ServedFormat.Rings
    precondition(Rings.counts.contains(count) && Rings.sizes.contains(ringBytes) && ringBytes & (ringBytes - 1) == 0)
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ServedError("create", path, errno) }
    defer { Glibc.close(descriptor) }
    // Every block is there before it is mapped: a full disk fails here, and not under a lookup.
    let code = posix_fallocate(descriptor, 0, fileBytes(count, ringBytes))
    guard code == 0 else {
      unlink(path)
      throw ServedError("posix_fallocate", path, code)
    }
    let made = try ServedRings(descriptor, path, count: count, ringBytes: ringBytes)
    guard let start = made.pages.baseAddress else { preconditionFailure("a mapping is never empty") }
    start.storeBytes(of: UInt32(count).littleEndian, toByteOffset: Rings.count, as: UInt32.self)
    start.storeBytes(of: UInt32(ringBytes).littleEndian, toByteOffset: Rings.ringBytes, as: UInt32.self)
    start.storeBytes(of: Rings.magic.littleEndian, as: UInt64.self)
    return made
  }

  /// Maps what an earlier process left; nil where there is no such file, or none that was ever finished.
  static func open(path: String) throws(ServedError) -> ServedRings? {
    typealias Rings = ServedFormat.Rings
    let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw ServedError("open", path, errno)
    }
    defer { Glibc.close(descriptor) }
    var header: [UInt8] = Array(repeating: 0, count: 16)
    guard pread(descriptor, &header, header.count, 0) == header.count else { return nil }
    func load<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type) -> T {
      header.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }
    let (count, ringBytes) = (Int(load(Rings.count, UInt32.self)), Int(load(Rings.ringBytes, UInt32.self)))
    guard load(0, UInt64.self) == Rings.magic, Rings.counts.contains(count), Rings.sizes.contains(ringBytes),
      ringBytes & (ringBytes - 1) == 0, lseek(descriptor, 0, SEEK_END) >= fileBytes(count, ringBytes)
    else { return nil }
    return try ServedRings(descriptor, path, count: count, ringBytes: ringBytes)
  }

  private static func fileBytes(_ count: Int, _ ringBytes: Int) -> off_t {
    off_t(ServedFormat.Rings.pageBytes * (1 + count) + count * ringBytes)
  }

  private init(_ descriptor: Int32, _ path: String, count: Int, ringBytes: Int) throws(ServedError) {
    let pageBytes = ServedFormat.Rings.pageBytes
    let pagesBytes = pageBytes * (1 + count)
    let access = PROT_READ | PROT_WRITE
    guard let pages = mmap(nil, pagesBytes, access, MAP_SHARED, descriptor, 0), pages != MAP_FAILED else {
      throw ServedError("mmap", path, errno)
    }
    let dataBytes = 2 * count * ringBytes
    guard let data = mmap(nil, dataBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), data != MAP_FAILED else {
      let code = errno
      munmap(pages, pagesBytes)
      throw ServedError("mmap", path, code)
    }
    for half in 0..<(2 * count) {
      let offset = off_t(pagesBytes + half / 2 * ringBytes)
      let place = data + half * ringBytes
      // Touched beforehand, once: of the second half only what runs past the end of the first is ever used.
      let touch = half % 2 == 0 ? MAP_POPULATE : 0
      let mapped = mmap(place, ringBytes, access, MAP_SHARED | MAP_FIXED | touch, descriptor, offset)
      guard mapped == place else {
        let code = errno
        munmap(data, dataBytes)
        munmap(pages, pagesBytes)
        throw ServedError("mmap", path, code)
      }
    }
    self.pages = UnsafeMutableRawBufferPointer(start: pages, count: pagesBytes)
    self.data = UnsafeMutableRawBufferPointer(start: data, count: dataBytes)
    rings = .allocate(capacity: count)
    for ring in 0..<count {
      rings.initializeElement(
        at: ring,
        to: ServedRing(
          page: pages + pageBytes * (1 + ring), data: data + 2 * ring * ringBytes, byteCount: ringBytes))
    }
  }

  deinit {
    rings.deallocate()
    munmap(data.baseAddress, data.count)
    munmap(pages.baseAddress, pages.count)
  }
}
