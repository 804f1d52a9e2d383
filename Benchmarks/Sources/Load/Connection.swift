import CLoad
import Glibc

/// One connection of the load generator: sends requests, finds answers, knows when each request was due.
///
/// Whatever is not an answer ends the process: a benchmark that goes on over errors measures errors.
public final class Connection {
  private static let readBytes = 64 << 10
  private static let creditBatch = 1 << 20
  private static let maximumInFlight = 1 << 16

  private let socket: TLSSocket
  private let ssl: OpaquePointer
  private let wire: Wire
  private var input = Bytes()
  private var output = Bytes()
  private var nextStream: UInt32 = 1
  private var answeredStream: UInt32 = 1
  private var uncredited = 0
  /// When the requests in flight were due, in a ring.
  private var due: [UInt64] = []
  private var sent = 0
  private var answered = 0
  /// An error is an answer.
  private var isLenient = false
  private var hasFailed = false
  /// Gets every answer's body, where set.
  public var onBody: ((UnsafeRawBufferPointer) -> Void)?

  /// Connects and shakes hands.
  public init(_ client: TLSClient, port: UInt16, wire: Wire) {
    socket = client.connect(port: port, wire: wire)
    ssl = socket.ssl
    self.wire = wire
    guard wire == .nightjar else { return }
    // HELLO of version 1.
    let hello = Frame.header(type: Frame.hello, bodyBytes: 2) + [0x08, 0x01]
    hello.withUnsafeBytes { output.append($0) }
    flush()
  }

  var descriptor: Int32 { socket.descriptor }

  /// Requests without an answer.
  public var inFlight: Int { sent - answered }

  /// Puts a request into the output; `flush` sends it.
  @inline(__always)
  public func add(_ index: Int, of requests: Requests, due time: UInt64) {
    requests.append(index, stream: nextStream, to: &output)
    nextStream &+= 2
    if due.isEmpty { due = [UInt64](repeating: 0, count: Self.maximumInFlight) }
    precondition(inFlight < due.count, "too many requests in flight; the server does not keep up")
    due[sent & (due.count - 1)] = time
    sent += 1
  }

  /// Sends what is in the output.
  @inline(__always)
  public func flush() {
    var done = 0
    while done < output.count {
      let rest = output.unread[done...]
      let result = SSL_write(ssl, UnsafeRawBufferPointer(rebasing: rest).baseAddress, Int32(rest.count))
      if result > 0 { done += Int(result) } else { mustWait(result) }
    }
    output.drop(done)
  }

  /// Reads what there is and hands `each` the time at which every answered request was due; returns how many.
  @inline(__always)
  @discardableResult
  public func receive(_ each: (UInt64) -> Void = { _ in }) -> Int {
    let before = answered
    repeat {
      let room = input.room(Self.readBytes)
      let result = SSL_read(ssl, room.baseAddress, Int32(clamping: room.count))
      guard result > 0 else {
        mustWait(result)
        break
      }
      input.grow(by: Int(result))
    } while SSL_has_pending(ssl) == 1
    input.drop(wire == .nightjar ? takeFrames(each) : takeReplies(each))
    return answered - before
  }

  /// Asks the first request and waits for the answer.
  public func ask(_ requests: Requests) {
    add(0, of: requests, due: 0)
    flush()
    while inFlight > 0 { receive() }
  }

  /// Whether a request gets an answer, and not an error. Nothing else may be in flight.
  public func answers(_ index: Int, of requests: Requests) -> Bool {
    (isLenient, hasFailed) = (true, false)
    defer { isLenient = false }
    add(index, of: requests, due: 0)
    flush()
    while inFlight > 0 { receive() }
    return !hasFailed
  }

  private func mustWait(_ result: Int32) {
    let error = SSL_get_error(ssl, result)
    guard error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE else {
      fail("the connection ended (\(error)): \(opensslErrors())")
    }
  }

  @inline(__always)
  private func take(_ body: UnsafeRawBufferPointer, _ each: (UInt64) -> Void) {
    onBody?(body)
    each(due[answered & (due.count - 1)])
    answered += 1
  }

  private func takeFrames(_ each: (UInt64) -> Void) -> Int {
    let bytes = input.unread
    var at = 0
    while bytes.count - at >= Frame.byteCount {
      func word(_ index: Int) -> Int {
        Int(UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: at + 4 + 4 * index, as: UInt32.self)))
      }
      let size = Frame.byteCount + word(3) + word(4) + word(5)
      guard bytes.count - at >= size else { break }
      let body = UnsafeRawBufferPointer(rebasing: bytes[at + Frame.byteCount..<at + size])
      switch bytes[at + 1] {
      case Frame.message:
        precondition(word(0) == Int(answeredStream) && bytes[at + 3] & Frame.endStream != 0, "an answer out of order")
        answeredStream &+= 2
        uncredited += size
        take(body, each)
      case Frame.hello, Frame.credit, Frame.pong: break
      case Frame.ping:
        let pong = Frame.header(type: Frame.pong, bodyBytes: body.count) + body
        pong.withUnsafeBytes { output.append($0) }
      case Frame.end where isLenient:
        hasFailed = true
        answeredStream &+= 2
        answered += 1
      case let type:
        fail("frame of type \(type): \(String(decoding: body, as: UTF8.self))")
      }
      at += size
    }
    if uncredited >= Self.creditBatch {
      let credit =
        Frame.header(type: Frame.credit, bodyBytes: 4) + withUnsafeBytes(of: UInt32(uncredited).bigEndian) { Array($0) }
      credit.withUnsafeBytes { output.append($0) }
      uncredited = 0
    }
    return at
  }

  private func takeReplies(_ each: (UInt64) -> Void) -> Int {
    let bytes = input.unread
    var at = 0
    while at < bytes.count {
      guard let start = bytes.baseAddress, let found = memchr(start + at, 13, bytes.count - at) else { break }
      let lineEnd = UnsafeRawPointer(found) - start
      guard lineEnd + 1 < bytes.count else { break }
      switch bytes[at] {
      case UInt8(ascii: "+"):
        at = lineEnd + 2
        take(UnsafeRawBufferPointer(rebasing: bytes[lineEnd..<lineEnd]), each)
      case UInt8(ascii: "$"):
        var length = 0
        for digit in bytes[(at + 1)..<lineEnd] {
          precondition((48...57).contains(digit), "Redis does not have the key")
          length = 10 * length + Int(digit - 48)
        }
        let value = lineEnd + 2
        guard bytes.count >= value + length + 2 else { return at }
        at = value + length + 2
        take(UnsafeRawBufferPointer(rebasing: bytes[value..<value + length]), each)
      default: fail("Redis answers \(String(decoding: bytes[at..<lineEnd], as: UTF8.self))")
      }
    }
    return at
  }
}
