/// What a process is in Nightjar, by its certificate: the closed list of roles.
public enum Role: String, Sendable, CaseIterable {
  /// A service of the company that runs Nightjar.
  case platform
  /// A tenant's own system; its name is the tenant's id.
  case tenant
  /// A trainer on a cluster node.
  case trainer
  /// A ranker.
  case ranker
  /// The ingest service.
  case ingest
  /// The control service.
  case control
  /// A person at the admin portal or the command line.
  case admin
}
