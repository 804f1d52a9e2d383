import Glibc
import Transport

/// How much a server lets its clients do, and how long it keeps them.
public struct ServerLimits: Sendable {
  private static let ageJitter = 0.1

  /// Connections and handshakes.
  public var listener = ListenerLimits.standard
  /// How old a connection becomes before its client is asked to make another: 10 % more or less, so that clients do not
  /// all come back at once. Never past the end of the client's certificate.
  public var maximumConnectionAge = Duration.seconds(30 * 60)
  /// What calls in flight get when their connection has to go.
  public var connectionGrace = Duration.seconds(5 * 60)
  /// How long a connection may be without calls.
  public var idleTimeout = Duration.seconds(15 * 60)
  /// Bytes of unfinished messages, all connections together; past it messages that need more than one frame are refused.
  public var maximumAssemblyBytes = 512 << 20
  /// What both sides of a connection expect of each other.
  public var liveness = Liveness.standard

  /// What suits thousands of clients that keep their connections.
  public static let standard = ServerLimits()

  /// The standard, for tests to change.
  public init() {}

  /// How long a new connection may last: not longer than its client is who it says.
  func age(of connection: Connection) -> Duration {
    age(certificateEnds: connection.peerCertificateExpiry, now: Int64(time(nil)))
  }

  /// The same with the wall clock given, in UNIX seconds.
  func age(certificateEnds end: Int64, now: Int64) -> Duration {
    let jitter = 1 + Double.random(in: -Self.ageJitter...Self.ageJitter)
    return max(.zero, min(maximumConnectionAge * jitter, .seconds(end - now)))
  }
}

/// How a side of a connection finds out that the other is gone, or only pretends to be there.
public struct Liveness: Sendable {
  /// How often the clock is looked at; all times below are rounded up to it.
  public var tick = Duration.seconds(1)
  /// Silence after which a peer with calls in flight is asked for a sign of life.
  public var keepaliveInterval = Duration.seconds(30)
  /// How long it has to give one.
  public var keepaliveTimeout = Duration.seconds(10)
  /// How long a frame that has begun may take to come whole.
  public var frameTimeout = Duration.seconds(10)

  /// A dead peer is found after 40 s, a half frame ended after 10 s.
  public static let standard = Liveness()

  /// The standard, for tests to change.
  public init() {}

  func ticks(_ time: Duration) -> Int {
    let ticks = (time / tick).rounded(.up)
    return ticks < Double(Int32.max) ? max(1, Int(ticks)) : Int(Int32.max)
  }
}
