import ServiceLifecycle
import UnixSignals

/// Renews a process's certificates on SIGHUP and when their files have changed.
struct CertificateWatch: Service {
  /// Time between two looks at the files.
  static let pollInterval = Duration.seconds(2)

  private let reloader: CertificateReloader
  private let hangups: UnixSignalsSequence

  /// From now on SIGHUP is heard, and heeded once `run` runs.
  init(_ reloader: CertificateReloader) async {
    self.reloader = reloader
    hangups = await UnixSignalsSequence(trapping: .sighup)
  }

  /// Watches until the group stops.
  func run() async throws {
    await cancelWhenGracefulShutdown {
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          for await _ in hangups { reloader.reload() }
        }
        group.addTask {
          while (try? await Task.sleep(for: Self.pollInterval)) != nil { reloader.look() }
        }
      }
    }
  }
}
