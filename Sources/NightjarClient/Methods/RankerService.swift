import Messages
import RPC

/// The methods of `nightjar.v1.Ranker`.
public enum RankerService {
  /// Items that one answer may hold.
  public static let maximumLimit: UInt32 = 50
  /// Items of an answer to a request that names no number.
  public static let defaultLimit: UInt32 = 10

  /// The customer's ranked list, best first.
  public static let getRecommendations = Method<Proto.GetRecommendationsRequest, Proto.GetRecommendationsResponse>(
    "nightjar.v1.Ranker/GetRecommendations", .unary, callers: [.platform, .tenant], server: .ranker,
    maximumRequestBytes: 4 << 10, maximumResponseBytes: 32 << 10, timeout: .seconds(5), idempotency: .idempotent)

  /// All of them, without their types.
  public static let all = [AnyMethod(getRecommendations)]
}
