/// Where the task of a handler runs.
public enum HandlerPlace: Sendable {
  /// On the threads that all Swift tasks share: for work that waits more than it computes, and never blocks.
  case anywhere
  /// On the reactor of the call's connection: for short work between waits, which saves the way to another thread.
  case onReactor
  /// On threads of the pool, which it may block, with files and databases or by computing. A call for which the pool has
  /// no room is refused with RESOURCE_EXHAUSTED.
  case blocking(BlockingPool)
}
