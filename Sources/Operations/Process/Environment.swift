import ArgumentParser
import Glibc

/// The rule by which a service's options are set from the environment: `--log-level` by `NIGHTJAR_LOG_LEVEL`.
public enum Environment {
  /// What `--help` says of the rule.
  public static let discussion = """
    Every option may also be set by an environment variable: --log-level by NIGHTJAR_LOG_LEVEL, a flag by "true". \
    The command line wins.
    """

  /// Wide enough that no option is parted from its value's name.
  static let unwrappedColumns = 10_000

  /// The arguments of a command: those given, preceded by those that the environment sets and the command line does not.
  ///
  /// - Parameter help: the command's help text, which names the options that there are.
  public static func arguments(given: [String], environment: [String: String], help: String) -> [String] {
    let known = Set(help.split { !($0.isLetter || $0.isNumber || $0 == "-") }.filter { $0.hasPrefix("--") })
    var arguments: [String] = []
    for (key, value) in environment.sorted(by: { $0.key < $1.key }) where key.hasPrefix("NIGHTJAR_") {
      let option = "--" + key.dropFirst("NIGHTJAR_".count).lowercased().replacing("_", with: "-")
      guard known.contains(option[...]) else { continue }
      guard !given.contains(where: { $0 == option || $0.hasPrefix(option + "=") }) else { continue }
      let isFlag = !help.contains("\(option) <")
      if !isFlag { arguments += ["\(option)=\(value)"] } else if value == "true" { arguments += [option] }
    }
    return arguments + given
  }

  /// The process's environment.
  static func current() -> [String: String] {
    var variables: [String: String] = [:]
    var entry = environ
    while let text = entry.pointee {
      let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
      entry += 1
    }
    return variables
  }
}

extension AsyncParsableCommand {
  /// Runs the command with options from the command line and, where it is silent, from the environment.
  public static func mainWithEnvironment() async {
    await main(
      Environment.arguments(
        given: Array(CommandLine.arguments.dropFirst()), environment: Environment.current(),
        help: helpMessage(columns: Environment.unwrappedColumns)))
  }
}
