import Glibc

/// How requests and answers look on the wire.
public enum Wire: Sendable {
  /// Frames of proto/PROTOCOL.md.
  case nightjar
  /// Redis's protocol, RESP2.
  case redis
}

/// Requests that are ready to be sent, laid end to end, so that the generator only copies.
public final class Requests {
  /// What they are written in.
  public let wire: Wire
  private var bytes: [UInt8] = []
  private var ends: [Int] = []

  /// None yet.
  public init(_ wire: Wire) { self.wire = wire }

  /// How many there are.
  public var count: Int { ends.count }

  /// A call of a unary method with an encoded request.
  public func addCall(method: UInt32, body: [UInt8]) {
    bytes += Frame.header(type: Frame.call, flags: Frame.endStream, method: method, bodyBytes: body.count) + body
    ends.append(bytes.count)
  }

  /// A Redis command.
  public func addCommand(_ arguments: [[UInt8]]) {
    bytes += Array("*\(arguments.count)\r\n".utf8)
    for argument in arguments { bytes += Array("$\(argument.count)\r\n".utf8) + argument + Array("\r\n".utf8) }
    ends.append(bytes.count)
  }

  /// Appends request `index` to `output`, on `stream` where the wire has streams.
  @inline(__always)
  func append(_ index: Int, stream: UInt32, to output: inout Bytes) {
    let start = index == 0 ? 0 : ends[index - 1]
    bytes.withUnsafeBytes { all in
      let request = UnsafeRawBufferPointer(rebasing: all[start..<ends[index]])
      output.append(request)
      guard wire == .nightjar else { return }
      output.storeBigEndian(stream, at: output.count - request.count + Frame.streamOffset)
    }
  }
}

/// The parts of the frame that the generator needs.
enum Frame {
  static let byteCount = 32
  static let streamOffset = 4
  static let (hello, call, message, end): (UInt8, UInt8, UInt8, UInt8) = (1, 2, 3, 4)
  static let (credit, ping, pong, goAway): (UInt8, UInt8, UInt8, UInt8) = (6, 7, 8, 9)
  static let endStream: UInt8 = 1

  static func header(type: UInt8, flags: UInt8 = 0, method: UInt32 = 0, bodyBytes: Int) -> [UInt8] {
    func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
    return [1, type, 0, flags] + word(0) + word(method) + word(0) + word(0) + word(UInt32(bodyBytes)) + word(0)
      + word(0)
  }
}

/// A growing run of bytes that is emptied from the front.
struct Bytes: ~Copyable {
  private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private(set) var count = 0

  deinit { storage.deallocate() }

  var unread: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: storage[..<count]) }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    reserve(bytes.count)
    UnsafeMutableRawBufferPointer(rebasing: storage[count...]).copyMemory(from: bytes)
    count += bytes.count
  }

  /// Room behind the bytes for a reader to fill, which says how much it filled with `grow`.
  mutating func room(_ least: Int) -> UnsafeMutableRawBufferPointer {
    reserve(least)
    return UnsafeMutableRawBufferPointer(rebasing: storage[count...])
  }

  mutating func grow(by filled: Int) { count += filled }

  mutating func storeBigEndian(_ value: UInt32, at offset: Int) {
    storage.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }

  mutating func drop(_ consumed: Int) {
    guard consumed > 0 else { return }
    if consumed < count, let base = storage.baseAddress { memmove(base, base + consumed, count - consumed) }
    count -= consumed
  }

  private mutating func reserve(_ more: Int) {
    guard storage.count - count < more else { return }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * (count + more), alignment: 16)
    larger.copyMemory(from: unread)
    storage.deallocate()
    storage = larger
  }
}
