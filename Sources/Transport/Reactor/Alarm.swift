import CTransport
import Glibc

/// Wakes a reactor when its next timer is due.
///
/// A timer of the kernel's that stays set from turn to turn: a time limit for each wait would be set and cancelled with
/// each request, which costs a virtual machine more than the request's answer. Touched on the reactor's thread alone, once
/// it runs.
final class Alarm: @unchecked Sendable {
  // Sendable, because the reactor's thread is the only one to touch it after `watch`.
  private let descriptor: Descriptor
  /// When it rings; nil = it is not set.
  private var due: Moment?
  private var hasRung = false

  init() throws(TransportError) {
    // The clock of `Moment`.
    let raw = timerfd_create(CLOCK_BOOTTIME, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
    descriptor = try Descriptor(raw, operation: "timerfd_create")
  }

  /// Has the loop hear of it. Edge-triggered: a ring need not be read away.
  func watch(in loop: Loop) throws(TransportError) {
    let watch = Watch(descriptor) { [unowned self] _ in
      hasRung = true
      due = nil
    }
    try loop.add(watch, for: EPOLL_EVENTS(EPOLLIN.rawValue | EPOLLET.rawValue))
  }

  /// Whether it has rung since it was last asked.
  func takeRing() -> Bool {
    guard hasRung else { return false }
    hasRung = false
    return true
  }

  /// Rings at `time`, or before: one that is set for an earlier time stays.
  func set(for time: Moment?) {
    guard let time, due.map({ time < $0 }) ?? true else { return }
    due = time
    // Rounded up, for a ring before the time finds nothing to do; and never 0, which would switch it off.
    let left = max(0, Moment.now.nanoseconds(to: time)) + 1
    var setting = itimerspec()
    setting.it_value.tv_sec = Int(left / 1_000_000_000)
    setting.it_value.tv_nsec = Int(left % 1_000_000_000)
    timerfd_settime(descriptor.raw, 0, &setting, nil)
  }
}
