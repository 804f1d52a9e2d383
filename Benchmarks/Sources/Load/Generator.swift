import CLoad
import Glibc
import Histogram

/// Nanoseconds of the monotonic clock.
@inline(__always)
public func nanoseconds() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
}

/// What a run of the generator came to.
public struct Load {
  /// Answers within the measured time.
  public var answers = 0
  /// Length of the measured time.
  public var seconds = 0.0
  /// Nanoseconds from when a request was due until its answer was read.
  public var latency = Histogram<UInt64>(highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
  /// Processor time of the generator's thread, per second.
  public var generatorCPU = 0.0

  /// Nothing measured yet.
  public init() {}

  /// Answers a second.
  public var rate: Double { Double(answers) / seconds }

  /// Microseconds below which this share of the answers came.
  public func microseconds(_ percentile: Double) -> Double { Double(latency.valueAtPercentile(percentile)) / 1_000 }
}

/// Connections to one server, and what is asked on them: one thread, which must have a processor for itself.
public final class Generator {
  private static let longWait: Int64 = 1_000_000_000
  private let connections: [Connection]
  private let requests: Requests
  private let epoll = epoll_create1(0)
  private var ready = [UInt32](repeating: 0, count: 256)
  private var picks = Picks()

  /// Opens the connections.
  public init(_ client: TLSClient, port: UInt16, connections count: Int, requests: Requests) {
    self.requests = requests
    connections = (0..<count).map { _ in Connection(client, port: port, wire: requests.wire) }
    for (index, connection) in connections.enumerated() {
      precondition(load_watch(epoll, connection.descriptor, UInt32(index)) == 0, "epoll_ctl")
    }
  }

  deinit { close(epoll) }

  /// Keeps `inFlight` requests in flight on every connection: what a server can do at most. Latency is from sending, and
  /// says nothing of callers that do not wait for each other.
  ///
  /// Each request is a write of its own, as those of independent callers are that share a connection; `pipelined`: those
  /// that become due together are one write.
  public func closedLoop(inFlight: Int, pipelined: Bool = false, warmup: Double = 0.1, seconds: Double) -> Load {
    var load = Load()
    let begin = nanoseconds() + UInt64(warmup * 1e9)
    let end = begin + UInt64(seconds * 1e9)
    for connection in connections { send(inFlight, on: connection, due: nanoseconds(), pipelined) }
    var cpu = 0.0
    var isMeasuring = false
    var now = nanoseconds()
    while now < end {
      let count = wait(Self.longWait)
      for index in 0..<count {
        let connection = connections[Int(ready[index])]
        now = nanoseconds()
        let answers = connection.receive { due in
          if isMeasuring { load.latency.record(now - due) }
        }
        if isMeasuring { load.answers += answers }
        send(answers, on: connection, due: now, pipelined)
      }
      if !isMeasuring, now >= begin {
        isMeasuring = true
        cpu = threadSeconds()
      }
    }
    load.seconds = Double(now - begin) / 1e9
    load.generatorCPU = (threadSeconds() - cpu) / load.seconds
    drain()
    return load
  }

  /// Sends at a fixed rate whatever the answers do, and measures from when each request was due: a server that stalls is
  /// charged for every request that it kept waiting (no coordinated omission; Tene, "How not to measure latency", 2013).
  ///
  /// Between requests it spins, for a processor of its own; `sleeping`: it leaves the processor to others meanwhile.
  ///
  /// `earlier`: what the result is to include. `beside`: another's connections, on which something is asked after each so many
  /// requests, and not measured; this needs a generator that spins.
  public func openLoop(
    rate: Double, sleeping: Bool = false, warmup: Double = 0.2, seconds: Double, after earlier: Load = Load(),
    beside other: (generator: Generator, every: Int)? = nil
  ) -> Load {
    precondition(other == nil || !sleeping, "who sleeps does not see the other's answers")
    var load = earlier
    let start = nanoseconds()
    let begin = start + UInt64(warmup * 1e9)
    let end = begin + UInt64(seconds * 1e9)
    let interval = 1e9 / rate
    var sent = 0
    var next = start
    let cpu = threadSeconds()
    while next < end || inFlight > 0 || other.map({ $0.generator.inFlight > 0 }) ?? false {
      let now = nanoseconds()
      while next <= now, next < end {
        sendNext(sent, due: next)
        sent += 1
        if let other, sent % other.every == 0 { other.generator.sendNext(sent / other.every, due: next) }
        next = start + UInt64(Double(sent) * interval)
      }
      let left = sleeping ? max(0, Int64(next) - Int64(nanoseconds())) : 0
      receive(atMost: left) { due in
        guard due >= begin else { return }
        load.latency.record(nanoseconds() - due)
        load.answers += 1
      }
      other?.generator.receive(atMost: 0) { _ in }
    }
    let spent = (threadSeconds() - cpu) / (Double(nanoseconds() - start) / 1e9)
    load.generatorCPU = (load.generatorCPU * load.seconds + spent * seconds) / (load.seconds + seconds)
    load.seconds += seconds
    return load
  }

  /// Asks once for every request, in order, and hands out the bodies of the answers.
  public func askAll(_ body: @escaping (Int, UnsafeRawBufferPointer) -> Void) {
    let connection = connections[0]
    var answered = 0
    connection.onBody = {
      body(answered, $0)
      answered += 1
    }
    var sent = 0
    while answered < requests.count {
      while sent < requests.count, connection.inFlight < 64 {
        connection.add(sent, of: requests, due: 0)
        sent += 1
      }
      connection.flush()
      _ = wait(Self.longWait)
      connection.receive()
    }
    connection.onBody = nil
  }

  /// Sends a request on the connection whose turn it is.
  private func sendNext(_ number: Int, due: UInt64) {
    let connection = connections[number % connections.count]
    connection.add(picks.next(below: requests.count), of: requests, due: due)
    connection.flush()
  }

  /// Waits for answers for so many nanoseconds, and hands out when their requests were due.
  private func receive(atMost nanoseconds: Int64, _ each: (UInt64) -> Void) {
    let count = wait(nanoseconds)
    for index in 0..<count {
      let connection = connections[Int(ready[index])]
      connection.receive(each)
      connection.flush()
    }
  }

  private var inFlight: Int { connections.reduce(0) { $0 + $1.inFlight } }

  @inline(__always)
  private func send(_ count: Int, on connection: Connection, due: UInt64, _ pipelined: Bool) {
    for _ in 0..<count {
      connection.add(picks.next(below: requests.count), of: requests, due: due)
      if !pipelined { connection.flush() }
    }
    connection.flush()
  }

  private func drain() {
    while inFlight > 0 {
      for index in 0..<wait(Self.longWait) { connections[Int(ready[index])].receive() }
    }
  }

  private func wait(_ nanoseconds: Int64) -> Int {
    max(0, Int(load_wait(epoll, &ready, Int32(ready.count), nanoseconds)))
  }

  private func threadSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
