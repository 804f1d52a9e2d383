import RPC

/// Everything that can be called.
public enum Contract {
  /// Every method of every service, those that all services have included.
  public static let methods = IngestService.all + RankerService.all + ControlService.all + StandardMethods.all

  /// The method of a full name, such as `nightjar.v1.Ranker/GetRecommendations`.
  public static func method(_ name: String) -> AnyMethod? { methods.first { $0.name == name } }
}
