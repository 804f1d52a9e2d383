import CoreMetrics
import Logging
import Synchronization
import Transport

/// Has everything that holds certificates read them again, when asked or when their files have changed.
///
/// Connections that stand go on with what they shook hands with. A file that is damaged, or does not belong to the others,
/// changes nothing and is logged once; it is tried again until it is good.
public final class CertificateReloader: Sendable {
  private struct User: Sendable {
    let name: String
    let reload: @Sendable (CertificateFiles) throws -> Void
  }

  private struct State: Sendable {
    var users: [User] = []
    var files: CertificateFiles
    var expiry: Int64
    /// Nil where nothing is revoked.
    var revocationsExpiry: Int64?
    var watch: ChangeWatch<FileStamps>
    /// What the last attempt failed with, if it did: the same again is not told again.
    var failure: String?
  }

  private let paths: [String]
  private let locate: @Sendable () throws -> CertificateFiles
  private let state: Mutex<State>
  /// One attempt at a time, so that the files that were read last are those that stay.
  private let attempt = Mutex(())
  private let reloads: (good: Counter, failed: Counter)
  private let logger: Logger

  /// Watches what `locate` finds; fails when what it finds now is no certificate.
  ///
  /// - Parameter paths: files that may appear later, besides those found now.
  init(
    alsoWatching paths: [String], logger: Logger, metrics: Metrics,
    locate: @escaping @Sendable () throws -> CertificateFiles
  ) throws {
    let files = try locate()
    let all = [files.chain, files.key, files.authorities] + paths
    // Before the files are read, so that no change in between is missed.
    let stamps = FileStamps(of: all)
    let (expiry, revocationsExpiry) = (try files.expiry(), try files.revocationsExpiry())
    self.paths = all
    self.locate = locate
    self.logger = logger
    state = Mutex(
      State(files: files, expiry: expiry, revocationsExpiry: revocationsExpiry, watch: ChangeWatch(stamps)))
    let name = "nightjar_certificate_reloads_total"
    metrics.describe(name, "Times that the certificate files were read again, by how that ended.")
    reloads = (
      Counter(label: name, dimensions: [("end", "ok")], factory: metrics),
      Counter(label: name, dimensions: [("end", "failed")], factory: metrics)
    )
    metrics.register(
      "nightjar_certificate_expiry_seconds", .gauge, help: "Seconds until this process's own certificate expires."
    ) { [weak self] in Self.left(until: self?.state.withLock { $0.expiry }) }
    metrics.register(
      "nightjar_revocations_expiry_seconds", .gauge,
      help: "Seconds until the list of revocations must have been renewed, or nobody is believed; NaN without one."
    ) { [weak self] in Self.left(until: self?.state.withLock { $0.revocationsExpiry }) }
  }

  /// The files that are in force.
  var files: CertificateFiles { state.withLock { $0.files } }

  private static func left(until time: Int64??) -> Double {
    (time ?? nil).map { Double($0) - WallClock.seconds() } ?? .nan
  }

  /// From now on `reload` is called with the files each time they are to be read again; when it throws, `name` keeps what it
  /// has.
  public func add(_ name: String, reload: @escaping @Sendable (CertificateFiles) throws -> Void) {
    state.withLock { $0.users.append(User(name: name, reload: reload)) }
  }

  /// Reads the files again if they have changed and settled.
  func look() {
    let now = FileStamps(of: paths)
    if state.withLock({ $0.watch.isDue(now) }) { attempt.withLock { _ in tryReload() } }
  }

  /// Reads the files again, changed or not, and says how that ended.
  func reload() {
    attempt.withLock { _ in
      state.withLock { $0.failure = nil }
      tryReload()
    }
  }

  private func tryReload() {
    let now = FileStamps(of: paths)
    let old = state.withLock { $0 }
    do {
      var files = try locate()
      // A list that is gone must not bring back whom it shut out: then it fails to load, and the one in force stays.
      if files.revocations == nil { files.revocations = old.files.revocations }
      let (expiry, revocationsExpiry) = (try files.expiry(), try files.revocationsExpiry())
      for user in old.users {
        do { try user.reload(files) } catch { throw ReloadFailure(user: user.name, error: error) }
      }
      state.withLock { state in
        (state.files, state.expiry, state.revocationsExpiry) = (files, expiry, revocationsExpiry)
        state.watch.note(now)
        state.failure = nil
      }
      reloads.good.increment()
      logger.notice(
        "certificates reloaded",
        metadata: [
          "expires": "\(WallClock.iso8601(expiry))", "expired_before": "\(WallClock.iso8601(old.expiry))",
          "revocations": "\(files.revocations ?? "none")",
        ])
    } catch {
      let failure = "\(error)"
      state.withLock { $0.failure = failure }
      guard failure != old.failure else { return }
      reloads.failed.increment()
      logger.error(
        "certificates not reloaded; those in force stay",
        metadata: ["error": "\(failure)", "expires": "\(WallClock.iso8601(old.expiry))"])
    }
  }
}

/// Who could not take the new files.
private struct ReloadFailure: Error, CustomStringConvertible {
  let user: String
  let error: any Error

  var description: String { "\(user): \(error)" }
}
