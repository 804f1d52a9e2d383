/// How much a listener lets in.
public struct ListenerLimits: Sendable {
  /// Connections open at once.
  public var connections = 10_000
  /// Of these, connections of one peer identity.
  public var connectionsPerIdentity = 4_096
  /// Handshakes under way at once; more wait in the kernel's queue.
  public var handshakes = 256
  /// How long a handshake may take; at most 2 s where half of `handshakes` are under way.
  public var handshakeTimeout = Duration.seconds(10)
  /// Connections that one source, an IPv4 address or an IPv6 network of 64 bits, may begin at once.
  public var burstPerSource = 1_024
  /// And how many more with each second: each costs a handshake, 1.5 ms of CPU. One that begins where half of `handshakes`
  /// are under way, and fails, costs 8 more for each second that it took.
  public var connectionsPerSecondPerSource = 256

  /// What suits a service behind which nobody else shares the processor.
  public static let standard = ListenerLimits()

  /// The standard, to be changed.
  public init() {}
}

/// What a listener has done since it began, and what it is doing now.
public struct ListenerFigures: Sendable, Equatable {
  /// Connections taken off the kernel's queue.
  public var accepted: Int
  /// Of these, turned away at a limit, before the handshake or, where their identity has too many, after it.
  public var refused: Int
  /// Handshakes that ended with a peer whom we believe.
  public var handshakesDone: Int
  /// Handshakes that ended otherwise.
  public var handshakesFailed: Int
  /// Handshakes that have not ended.
  public var handshakesUnderWay: Int
  /// Connections open, those that shake hands included.
  public var openConnections: Int
}
