import CTransport
import Glibc

/// Who hears of a connection's bytes and end; all calls come on the connection's reactor.
public protocol ConnectionDelegate: AnyObject {
  /// Takes decrypted bytes, valid until it returns; returns how many it is done with. The rest comes again with more.
  func received(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int

  /// The output fell below `Connection.lowWatermark` after it had been above `Connection.highWatermark`.
  func drained(_ connection: Connection)

  /// The connection is over, and this the last call. `error`: nil where we closed it ourselves.
  func closed(_ connection: Connection, error: TransportError?)
}

/// An established connection to a peer that proved who it is. Everything of it happens on its reactor's thread.
public final class Connection {
  /// Unsent bytes above which a sender should pause.
  public static let highWatermark = 1 << 20
  /// Unsent bytes below which a paused sender is told to go on.
  public static let lowWatermark = 256 << 10
  /// Received bytes that a delegate may leave unconsumed.
  public static let maximumUnconsumedBytes = 1 << 20
  private static let readBytes = 64 << 10
  /// Time for a peer to take in the last bytes and hang up.
  private static let lingerTime = Duration.seconds(2)
  /// Reads in one turn, after which other connections have theirs.
  private static let readsATurn = 4
  /// Records in one read, so that a flood of tiny ones does not hold the turn until it fills the buffer.
  private static let recordsARead = 64

  /// Who the other side is.
  public let peer: PeerIdentity
  /// The name that the client asked for, lowercase; nil where it asked for none.
  public let serverName: String?
  /// When the peer's certificate ends, in UNIX seconds.
  public let peerCertificateExpiry: Int64
  /// Where everything of the connection happens.
  public let reactor: Reactor

  private enum State {
    case open
    /// What is buffered goes out yet.
    case closingAfterFlush
    /// Everything is out; the peer has a moment to take it in.
    case lingering
    case closed
  }
  private enum Reading {
    case drained, moreToRead
    case ended(TransportError)
  }

  /// nil once the end has been told, whoever still holds the connection: its descriptor is free again.
  private var session: TLSSession?
  /// The same for reads and writes, which count no references: `finish`, in which the session goes, runs in neither.
  private var tls: Unmanaged<TLSSession>?
  private let onEnd: @Sendable () -> Void
  private var delegate: (any ConnectionDelegate)?
  private var watch: Watch?
  private var state = State.open
  /// On one thread; whoever fills it calls nothing of the connection's meanwhile.
  @exclusivity(unchecked) private var output = OutputBuffer()
  /// What the reactor's count of unsent bytes has of this connection.
  private var unsent = 0
  private var unconsumed: [UInt8] = []
  private var isFlushDue = false
  private var isReadDue = false
  private var watchesWriting = false
  private var wasAboveHigh = false

  /// `onEnd` runs when the connection is over.
  init(
    _ session: TLSSession, peer: PeerIdentity, on reactor: Reactor, onEnd: @escaping @Sendable () -> Void
  ) {
    self.session = session
    tls = .passUnretained(session)
    self.peer = peer
    self.reactor = reactor
    self.onEnd = onEnd
    serverName = session.serverName
    // One that cannot be read was over long ago.
    peerCertificateExpiry = session.peerCertificateExpiry ?? 0
    reactor.loop.hold(self)
  }

  /// Begins to read; the handshake may have brought the first bytes along.
  func start(_ delegate: any ConnectionDelegate) {
    self.delegate = delegate
    // It may have been closed before it began.
    guard let session, state != .closed else { return }
    let watch = Watch(session.descriptor, of: self)
    self.watch = watch
    do throws(TransportError) {
      try reactor.loop.add(watch, for: EPOLLIN)
    } catch {
      return end(error)
    }
    readLater()
  }

  /// Bytes not yet sent.
  public var bufferedBytes: Int { output.count }

  /// Appends to the output, which goes out at the end of the reactor's turn. After the end it does nothing.
  ///
  /// Not at once: when many callers wait, the first answer of a turn would wake its caller, who is then done with each answer
  /// before the next one comes, and has to be woken for every one. Answers that go out in a row cost one waking.
  @inline(__always)
  public func write(_ body: (inout OutputBuffer) -> Void) {
    guard state == .open else { return }
    body(&output)
    wasAboveHigh = wasAboveHigh || output.count > Self.highWatermark
    guard !isFlushDue, output.count > 0 else { return }
    isFlushDue = true
    reactor.loop.flushLater(self)
  }

  /// Sends what is buffered, then closes when the peer has hung up or a moment has passed. Nothing received from now on
  /// is handed out.
  public func closeAfterFlush() {
    guard state == .open else { return }
    state = .closingAfterFlush
    guard !isFlushDue else { return }
    isFlushDue = true
    reactor.loop.flushLater(self)
  }

  /// Closes at once; what is buffered is lost.
  public func close() { end(nil) }

  /// Gives back memory that only a connection in use needs.
  public func trim() {
    guard output.count == 0, unconsumed.isEmpty else { return }
    output = OutputBuffer()
    session?.freeBuffers()
  }

  // MARK: For the loop

  func readMore() {
    isReadDue = false
    read()
  }

  func flush() {
    isFlushDue = false
    while output.count > 0, state != .closed, let tls {
      switch tls._withUnsafeGuaranteedRef({ $0.write(output.bytes) }) {
      case .done(let count): output.consume(count)
      case .wantsWrite, .wantsRead:
        countUnsent(output.count)
        return watchWriting(true)
      case .ended(let error): return end(error)
      }
    }
    countUnsent(0)
    watchWriting(false)
    switch state {
    case .open: noteDraining()
    case .closingAfterFlush: linger()
    case .lingering, .closed: return
    }
  }

  func finish(_ error: TransportError?) {
    let delegate = delegate
    self.delegate = nil
    delegate?.closed(self, error: error)
    (tls, session) = (nil, nil)
    onEnd()
  }

  func ready(_ events: UInt32) {
    // Where the end of the turn reads anyway, a second read would take the others' share, and ask for a third.
    if events & ~EPOLLOUT.rawValue != 0, !isReadDue { read() }
    if events & EPOLLOUT.rawValue != 0, state != .closed, !isFlushDue { flush() }
  }

  // MARK: Reading

  private func read() {
    for _ in 0..<Self.readsATurn {
      guard state == .open else { return discard() }
      switch unconsumed.isEmpty ? readIntoScratch() : readBehindUnconsumed() {
      case .drained: return
      case .moreToRead: continue
      case .ended(let error): return end(error)
      }
    }
    if state == .open { readLater() }
  }

  private func readLater() {
    guard !isReadDue else { return }
    isReadDue = true
    reactor.loop.readLater(self)
  }

  private func readIntoScratch() -> Reading {
    guard let tls else { return .drained }
    let scratch = reactor.loop.scratch
    var filled = 0
    var reading = Reading.moreToRead
    reads: for _ in 0..<Self.recordsARead where filled < scratch.count {
      let space = UnsafeMutableRawBufferPointer(rebasing: scratch[filled...])
      switch tls._withUnsafeGuaranteedRef({ $0.read(into: space) }) {
      case .done(let count):
        filled += count
        // Another read would only ask the socket, and epoll tells of what the socket has.
        if !tls._withUnsafeGuaranteedRef({ $0.hasPending }) {
          reading = .drained
          break reads
        }
      case .wantsRead, .wantsWrite:
        reading = .drained
        break reads
      case .ended(let error):
        reading = .ended(error)
        break reads
      }
    }
    let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<filled])
    let consumed = handOut(bytes)
    if consumed < bytes.count { unconsumed = Array(bytes[consumed...]) }
    return tooMuchUnconsumed ?? reading
  }

  private func readBehindUnconsumed() -> Reading {
    guard let session else { return .drained }
    let scratch = UnsafeMutableRawBufferPointer(rebasing: reactor.loop.scratch[..<Self.readBytes])
    switch session.read(into: scratch) {
    case .done(let count):
      unconsumed.append(contentsOf: scratch[..<count])
      let consumed = unconsumed.withUnsafeBytes { handOut($0) }
      if consumed == unconsumed.count { unconsumed = [] } else { unconsumed.removeFirst(consumed) }
      return tooMuchUnconsumed ?? (session.hasPending ? .moreToRead : .drained)
    case .wantsRead, .wantsWrite: return .drained
    case .ended(let error): return .ended(error)
    }
  }

  private func handOut(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard !bytes.isEmpty, let delegate else { return bytes.count }
    let consumed = delegate.received(bytes, on: self)
    precondition(consumed >= 0 && consumed <= bytes.count, "a delegate consumed \(consumed) of \(bytes.count) bytes")
    return consumed
  }

  private var tooMuchUnconsumed: Reading? {
    guard unconsumed.count > Self.maximumUnconsumedBytes else { return nil }
    return .ended(.limit("more than \(Self.maximumUnconsumedBytes) bytes received that make no whole frame"))
  }

  /// While closing, what still arrives is read and dropped: a socket closed with unread bytes resets the connection,
  /// and the peer loses our last ones.
  private func discard() {
    guard let session else { return }
    switch state {
    case .open, .closed: return
    case .closingAfterFlush:
      switch session.read(into: reactor.loop.scratch) {
      case .done: readLater()
      case .wantsRead, .wantsWrite: return
      case .ended(let error): end(error)
      }
    case .lingering:
      let count = session.descriptor.drain(through: reactor.loop.scratch)
      if count > 0 { return readLater() }
      if count == 0 || errno != EAGAIN && errno != EINTR { end(nil) }
    }
  }

  private func linger() {
    guard let session else { return }
    state = .lingering
    session.sayGoodbye()
    session.descriptor.endWriting()
    // Safe to hand over: the timer fires on the reactor's thread, the only one that touches a connection.
    nonisolated(unsafe) weak let connection = self
    reactor.schedule(after: Self.lingerTime) { connection?.end(nil) }
  }

  // MARK: Writing

  private func watchWriting(_ wanted: Bool) {
    guard watchesWriting != wanted, let watch else { return }
    watchesWriting = wanted
    reactor.loop.change(watch, to: wanted ? EPOLL_EVENTS(EPOLLIN.rawValue | EPOLLOUT.rawValue) : EPOLLIN)
  }

  private func countUnsent(_ bytes: Int) {
    guard bytes != unsent else { return }
    reactor.unsent.add(bytes - unsent, ordering: .relaxed)
    unsent = bytes
  }

  private func noteDraining() {
    guard wasAboveHigh, output.count < Self.lowWatermark else { return }
    wasAboveHigh = false
    delegate?.drained(self)
  }

  private func end(_ error: TransportError?) {
    guard state != .closed else { return }
    if error == nil, state != .lingering { session?.sayGoodbye() }
    state = .closed
    countUnsent(0)
    if let watch { reactor.loop.remove(watch) }
    watch = nil
    reactor.loop.end(self, error)
  }
}
