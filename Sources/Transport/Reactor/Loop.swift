import CTransport
import Glibc

/// A descriptor that a reactor watches, and what to do when it is ready.
final class Watch {
  private enum Target {
    case none
    case closure((_ events: UInt32) -> Void)
    case connection(Unmanaged<Connection>)
  }

  let descriptor: Descriptor
  @exclusivity(unchecked) private var target: Target

  init(_ descriptor: Descriptor, _ ready: @escaping (_ events: UInt32) -> Void) {
    self.descriptor = descriptor
    target = .closure(ready)
  }

  /// A watch of a connection that the loop holds until the watch is removed.
  init(_ descriptor: Descriptor, of connection: Connection) {
    self.descriptor = descriptor
    target = .connection(.passUnretained(connection))
  }

  func fire(_ events: UInt32) {
    switch target {
    case .none: return
    case .closure(let ready): ready(events)
    case .connection(let connection): connection._withUnsafeGuaranteedRef { $0.ready(events) }
    }
  }

  /// Lets go of whatever it would have called; events of the current turn that name it do nothing.
  func disarm() { target = .none }
}

/// What a reactor's thread keeps between its turns. Touched on that thread alone.
final class Loop: @unchecked Sendable {
  // Sendable, because every use stands behind the reactor's thread: in its run loop, in jobs, in callbacks. For the same
  // reason there is nothing for checks of exclusivity to find where a variable is not used while it changes.
  private static let scratchBytes = 256 << 10

  /// Where connections decrypt what they hand on at once.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes, alignment: 64)
  @exclusivity(unchecked) var timers = TimerQueue()
  private let epoll: Descriptor
  private var watches: [Int32: Watch] = [:]
  private var removed: [Watch] = []
  private var connections: [ObjectIdentifier: Connection] = [:]
  // These count no references: `connections` holds whoever stands in them, and `forget` takes out whoever leaves it.
  @exclusivity(unchecked) private var unflushed: [Unmanaged<Connection>] = []
  @exclusivity(unchecked) private var unread: [Unmanaged<Connection>] = []
  /// What is being worked off while more gathers in the two above: they trade memory, so that no turn allocates.
  @exclusivity(unchecked) private var batch: [Unmanaged<Connection>] = []
  @exclusivity(unchecked) private var ended: [(Connection, TransportError?)] = []

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

  func flushLater(_ connection: Connection) { unflushed.append(.passUnretained(connection)) }

  func readLater(_ connection: Connection) { unread.append(.passUnretained(connection)) }

  /// The delegate hears of the end after everything else of the turn, so that it may close a connection anywhere.
  func end(_ connection: Connection, _ error: TransportError?) {
    ended.append((connection, error))
  }

  func finishTurn() {
    if !unread.isEmpty {
      swap(&batch, &unread)
      for index in batch.indices { batch[index]._withUnsafeGuaranteedRef { $0.readMore() } }
      batch.removeAll(keepingCapacity: true)
    }
    if !unflushed.isEmpty {
      swap(&batch, &unflushed)
      for index in batch.indices { batch[index]._withUnsafeGuaranteedRef { $0.flush() } }
      batch.removeAll(keepingCapacity: true)
    }
    if !ended.isEmpty { finishEnded() }
    if !removed.isEmpty { removed = [] }
  }

  private func finishEnded() {
    let batch = ended
    ended = []
    for (connection, error) in batch {
      connection.finish(error)
      forget(connection)
    }
  }

  /// Lets go of a connection that is over.
  private func forget(_ connection: Connection) {
    unread.removeAll { $0.toOpaque() == Unmanaged.passUnretained(connection).toOpaque() }
    unflushed.removeAll { $0.toOpaque() == Unmanaged.passUnretained(connection).toOpaque() }
    connections[ObjectIdentifier(connection)] = nil
  }

  /// Ends everything, before the thread does.
  func closeAll() {
    for connection in connections.values { connection.close() }
    for watch in watches.values { remove(watch) }
  }
}
