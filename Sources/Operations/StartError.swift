/// Why a service cannot start, and what the person at the keyboard can do about it.
public struct StartError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong and where.
  public let problem: String
  /// What to do next.
  public let remedy: String

  /// Both halves are whole sentences without their full stops.
  public init(_ problem: String, remedy: String) {
    self.problem = problem
    self.remedy = remedy
  }

  public var description: String { "\(problem). \(remedy)." }
}
