import Messages
import RPC

/// The methods of `nightjar.v1.Ranker`.
public enum RankerService {
  /// Items that one answer may hold.
  public static let maximumLimit: UInt32 = 50
  /// Items of an answer to a request that names no number.
  public static let defaultLimit: UInt32 = 10

  /// Products that a request may exclude, and pin.
  public static let maximumExclusions = 100
  public static let maximumPins = 10
  /// Acts of a call, and categories, that a request may tell.
  public static let maximumActs = 50
  public static let maximumCategories = 10
  /// Customers of a batch.
  public static let maximumBatch = 1_000

  /// Bytes of a `call_key`.
  public static let callKeyBytes = 16

  /// The customer's ranked list, best first.
  public static let getRecommendations = Method<Proto.GetRecommendationsRequest, Proto.GetRecommendationsResponse>(
    "nightjar.v1.Ranker/GetRecommendations", .unary, callers: [.platform, .tenant], server: .ranker,
    maximumRequestBytes: 32 << 10, maximumResponseBytes: 48 << 10, timeout: .seconds(5), idempotency: .idempotent)

  /// The lists of many customers of one tenant.
  public static let batchGetRecommendations = Method<
    Proto.BatchGetRecommendationsRequest, Proto.BatchGetRecommendationsResponse
  >(
    "nightjar.v1.Ranker/BatchGetRecommendations", .unary, callers: [.platform, .tenant], server: .ranker,
    maximumRequestBytes: 256 << 10, maximumResponseBytes: 48 << 20, timeout: .seconds(10), idempotency: .idempotent)

  /// Every customer's list, to be taken elsewhere.
  public static let exportRecommendations = Method<Proto.ExportRecommendationsRequest, Proto.ExportedLists>(
    "nightjar.v1.Ranker/ExportRecommendations", .serverStream, callers: [.platform, .tenant], server: .ranker,
    maximumRequestBytes: 4 << 10, maximumResponseBytes: 1 << 20, timeout: .seconds(3_600), idempotency: .idempotent)

  /// All of them, without their types.
  public static let all = [
    AnyMethod(getRecommendations), AnyMethod(batchGetRecommendations), AnyMethod(exportRecommendations),
  ]
}
