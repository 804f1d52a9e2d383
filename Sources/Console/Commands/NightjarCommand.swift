import ArgumentParser
import Commerce

/// `nightjar`: everything that a person does with Nightjar from a terminal.
public struct NightjarCommand: AsyncParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "nightjar", abstract: "Runs Nightjar on this machine, and calls it here or elsewhere.",
    discussion: """
      Commands that call services find them under --dir, the folder of a running 'nightjar up' (or NIGHTJAR_DIR; \
      .nightjar by default), or by the addresses given. They exit with 0 when all went well, with 1 when anything \
      failed, and with 64 when the command line is wrong.
      """,
    subcommands: [
      UpCommand.self, DemoCommand.self, TenantCommand.self, ImportCommand.self, NightCommand.self,
      RecommendCommand.self, ResolveCommand.self, ExportCommand.self, OverlayCommand.self, VersionsCommand.self,
      ActivateCommand.self,
      ReleaseCommand.self, JournalCommand.self,
      CallCommand.self, HealthCommand.self, DescribeCommand.self, EvaluateCommand.self,
    ])

  public init() {}
}

/// A time on the command line.
enum TimeArgument {
  /// Reads ISO 8601 as microseconds since the epoch.
  static func parse(_ text: String) throws -> Int64 {
    do {
      return try Timestamp(iso8601: text).microseconds
    } catch {
      throw ValidationError(error.reason)
    }
  }
}
