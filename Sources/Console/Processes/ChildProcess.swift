import Foundation
import Synchronization

/// A process that this one started and answers for: it is told to stop when its standard input ends, which happens at
/// the latest when this process is gone, however it dies.
public final class ChildProcess: Sendable {
  /// How a process ended.
  public enum End: Sendable, Equatable, CustomStringConvertible {
    /// By itself.
    case exited(Int32)
    /// By somebody's signal, or its own crash.
    case killed(signal: Int32)

    public var description: String {
      switch self {
      case .exited(let status): "exited with status \(status)"
      case .killed(let signal): "was killed by signal \(signal)"
      }
    }
  }

  private struct State {
    var end: End?
    var waiters: [CheckedContinuation<End, Never>] = []
    /// The write end of the child's standard input.
    var input: Int32
  }

  /// Name for people and for its log.
  public let name: String
  /// Its id, as long as it has not ended.
  public let pid: pid_t
  /// File that its output is appended to.
  public let log: String
  private let logStart: UInt64
  private let state: Mutex<State>

  /// Starts `executable`. The child leads a process group of its own, so that a Ctrl-C at the terminal reaches this
  /// process alone, which then stops its children in order.
  public init(name: String, executable: String, arguments: [String], log: String) throws(ConsoleError) {
    self.name = name
    self.log = log
    let output = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard output >= 0 else {
      throw ConsoleError("\(name): cannot write its log \(log): \(Self.reason(errno))")
    }
    defer { close(output) }
    logStart = UInt64(max(0, lseek(output, 0, SEEK_END)))
    let arguments = [executable] + arguments
    let (pid, input, code) = Self.starting.withLock { _ in Self.start(arguments, output: output) }
    guard let pid else {
      throw ConsoleError("\(name): cannot start \(executable): \(Self.reason(code)). Build it: make build")
    }
    self.pid = pid
    state = Mutex(State(input: input))
    Thread { [self] in reap() }.start()
  }

  /// Whether it has not ended yet.
  public var isRunning: Bool { state.withLock { $0.end == nil } }

  /// Waits for its end.
  public func ended() async -> End {
    await withCheckedContinuation { continuation in
      let end = state.withLock { state in
        if state.end == nil { state.waiters.append(continuation) }
        return state.end
      }
      if let end { continuation.resume(returning: end) }
    }
  }

  /// Sends a signal; a process that has ended gets none.
  public func send(signal: Int32) {
    // Under the lock nobody reaps it, so its id is not another's.
    state.withLock { state in
      if state.end == nil { kill(pid, signal) }
    }
  }

  /// Asks it to stop, and kills it when it has not after `grace`.
  @discardableResult public func stop(grace: Duration) async -> End {
    send(signal: SIGTERM)
    let killer = Task {
      try await Task.sleep(for: grace)
      send(signal: SIGKILL)
    }
    let end = await ended()
    killer.cancel()
    return end
  }

  /// Waits until it logs `ready`; returns what that line says. Fails when it ends before, with its last words.
  public func ready(within limit: Duration) async throws -> [String: String] {
    let deadline = ContinuousClock.now + limit
    while true {
      let hasEnded = !isRunning
      if let line = logLines().first(where: { $0["event"] == "ready" }) { return line }
      if hasEnded {
        let words = logLines().last.map { ": \($0["event"] ?? ""): \($0["error"] ?? "")" } ?? ""
        throw ConsoleError("\(name) \(await ended())\(words). Its log is \(log)")
      }
      guard ContinuousClock.now < deadline else {
        throw ConsoleError("\(name) is not ready after \(limit). Its log is \(log)")
      }
      try await Task.sleep(for: Self.logPollInterval)
    }
  }

  private static let logPollInterval = Duration.milliseconds(10)

  /// The whole lines of JSON that it has logged since it was started.
  private func logLines() -> [[String: String]] {
    guard let file = FileHandle(forReadingAtPath: log), (try? file.seek(toOffset: logStart)) != nil,
      let data = try? file.readToEnd()
    else { return [] }
    return data.split(separator: UInt8(ascii: "\n")).compactMap { line in
      (try? JSONSerialization.jsonObject(with: Data(line))) as? [String: String]
    }
  }

  /// Waits for the end on a thread of its own.
  private func reap() {
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
    let (end, waiters) = state.withLock { state in
      var status: Int32 = 0
      waitpid(pid, &status, 0)
      let end = status & 0x7f == 0 ? End.exited(status >> 8 & 0xff) : End.killed(signal: status & 0x7f)
      state.end = end
      close(state.input)
      defer { state.waiters = [] }
      return (end, state.waiters)
    }
    for waiter in waiters { waiter.resume(returning: end) }
  }

  /// One start at a time, so that no child inherits the pipe of another before it is marked close-on-exec.
  private static let starting = Mutex(())

  /// Starts a process and returns the write end of its standard input.
  private static func start(_ arguments: [String], output: Int32) -> (pid: pid_t?, input: Int32, code: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return (nil, -1, errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (pid, code) = spawn(arguments, input: ends[0], output: output)
    close(ends[0])
    if pid == nil { close(ends[1]) }
    return (pid, ends[1], code)
  }

  /// The corresponding C function is `posix_spawn`.
  private static func spawn(_ arguments: [String], input: Int32, output: Int32) -> (pid: pid_t?, code: Int32) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Whatever this process ignores or blocks, the child starts with everything as usual.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var pid = pid_t()
    let code = posix_spawn(&pid, arguments[0], &actions, &attributes, &pointers, environ)
    return (code == 0 ? pid : nil, code)
  }

  private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
