import CTransport
import Glibc

/// A descriptor that a reactor watches, and what to do when it is ready.
final class Watch {
  let descriptor: Descriptor
  private var ready: ((_ events: UInt32) -> Void)?

  init(_ descriptor: Descriptor, _ ready: @escaping (_ events: UInt32) -> Void) {
    self.descriptor = descriptor
    self.ready = ready
  }

  func fire(_ events: UInt32) { ready?(events) }

  /// Lets go of whatever it would have called; events of the current turn that name it do nothing.
  func disarm() { ready = nil }
}

/// What a reactor's thread keeps between its turns. Touched on that thread alone.
final class Loop: @unchecked Sendable {
  // Sendable, because every use stands behind the reactor's thread: in its run loop, in jobs, in callbacks.
  private static let scratchBytes = 256 << 10

  /// Where connections decrypt what they hand on at once.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 64)
  var timers = TimerQueue()
  private let epoll: Descriptor
  private var watches: [Int32: Watch] = [:]
  private var removed: [Watch] = []
  private var connections: [ObjectIdentifier: Connection] = [:]
  private var unflushed: [Connection] = []
  private var unread: [Connection] = []
  /// What is being worked off while more gathers in the two above: they trade memory, so that no turn allocates.
  private var batch: [Connection] = []
  private var ended: [(Connection, TransportError?)] = []

  init(epoll: Descriptor) { self.epoll = epoll }

  deinit { scratch.deallocate() }

  /// There is something to do without waiting for events.
  var hasWork: Bool { !unflushed.isEmpty || !unread.isEmpty || !ended.isEmpty }

  func add(_ watch: Watch, for events: EPOLL_EVENTS) throws(TransportError) {
    let descriptor = watch.descriptor.raw
    let data = Unmanaged.passUnretained(watch).toOpaque()
    guard nj_epoll_control(epoll.raw, EPOLL_CTL_ADD, descriptor, events.rawValue, data) == 0 else {
      throw .system("epoll_ctl")
    }
    watches[descriptor] = watch
  }

  func change(_ watch: Watch, to events: EPOLL_EVENTS) {
    let data = Unmanaged.passUnretained(watch).toOpaque()
    _ = nj_epoll_control(epoll.raw, EPOLL_CTL_MOD, watch.descriptor.raw, events.rawValue, data)
  }

  func remove(_ watch: Watch) {
    guard watches[watch.descriptor.raw] === watch else { return }
    _ = nj_epoll_control(epoll.raw, EPOLL_CTL_DEL, watch.descriptor.raw, 0, nil)
    watches[watch.descriptor.raw] = nil
    watch.disarm()
    removed.append(watch)
  }

  func hold(_ connection: Connection) { connections[ObjectIdentifier(connection)] = connection }

  func flushLater(_ connection: Connection) { unflushed.append(connection) }

  func readLater(_ connection: Connection) { unread.append(connection) }

  /// The delegate hears of the end after everything else of the turn, so that it may close a connection anywhere.
  func end(_ connection: Connection, _ error: TransportError?) {
    ended.append((connection, error))
  }

  func finishTurn() {
    swap(&batch, &unread)
    for connection in batch { connection.readMore() }
    batch.removeAll(keepingCapacity: true)
    swap(&batch, &unflushed)
    if !batch.isEmpty { TLSSession.forgetErrors() }
    for connection in batch { connection.flush() }
    batch.removeAll(keepingCapacity: true)
    if !ended.isEmpty {
      let batch = ended
      ended = []
      for (connection, error) in batch {
        connections[ObjectIdentifier(connection)] = nil
        connection.finish(error)
      }
    }
    if !removed.isEmpty { removed = [] }
  }

  /// Ends everything, before the thread does.
  func closeAll() {
    for connection in connections.values { connection.close() }
    for watch in watches.values { remove(watch) }
  }
}
