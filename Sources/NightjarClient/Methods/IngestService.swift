import Messages
import RPC

/// The methods of `nightjar.v1.Ingest`: who may call them, how large their messages are, how long they take.
///
/// All are idempotent without a key: events are known by their ids, and a row that is as it was last written is no new
/// version.
public enum IngestService {
  /// Rows in one batch: at the contract's limits for rows of ordinary size this is also what fits the frame limit.
  public static let maximumBatchRows = 5_000
  private static let maximumBatchBytes = 8 << 20

  /// Writes new versions of customers.
  public static let upsertCustomers = Method<Proto.UpsertCustomersRequest, Proto.WriteResponse>(
    "nightjar.v1.Ingest/UpsertCustomers", .unary, callers: [.platform, .tenant], server: .ingest,
    maximumRequestBytes: maximumBatchBytes, maximumResponseBytes: maximumBatchBytes, timeout: .seconds(30),
    idempotency: .idempotent)

  /// Writes new versions of products.
  public static let upsertProducts = Method<Proto.UpsertProductsRequest, Proto.WriteResponse>(
    "nightjar.v1.Ingest/UpsertProducts", .unary, callers: [.platform, .tenant], server: .ingest,
    maximumRequestBytes: maximumBatchBytes, maximumResponseBytes: maximumBatchBytes, timeout: .seconds(30),
    idempotency: .idempotent)

  /// Writes new versions of offers.
  public static let upsertOffers = Method<Proto.UpsertOffersRequest, Proto.WriteResponse>(
    "nightjar.v1.Ingest/UpsertOffers", .unary, callers: [.platform, .tenant], server: .ingest,
    maximumRequestBytes: maximumBatchBytes, maximumResponseBytes: maximumBatchBytes, timeout: .seconds(30),
    idempotency: .idempotent)

  /// Streams batches of events; each is answered, in order, once its accepted rows are on disk.
  public static let recordEvents = Method<Proto.RecordEventsRequest, Proto.WriteResponse>(
    "nightjar.v1.Ingest/RecordEvents", .bidirectional, callers: [.platform, .tenant], server: .ingest,
    maximumRequestBytes: maximumBatchBytes, maximumResponseBytes: maximumBatchBytes, timeout: .seconds(3_600),
    idempotency: .idempotent)

  /// Reads a tenant as of a business time and a watermark.
  public static let streamSnapshot = Method<Proto.StreamSnapshotRequest, Proto.SnapshotChunk>(
    "nightjar.v1.Ingest/StreamSnapshot", .serverStream, callers: [.trainer], server: .ingest,
    maximumRequestBytes: 16 << 10, maximumResponseBytes: 8 << 20, timeout: .seconds(3_600), idempotency: .idempotent)

  /// What is known of a tenant's data.
  public static let describe = Method<Proto.DescribeRequest, Proto.DescribeResponse>(
    "nightjar.v1.Ingest/Describe", .unary, callers: [.platform, .tenant, .admin, .control], server: .ingest,
    maximumRequestBytes: 1 << 10, maximumResponseBytes: 1 << 10, timeout: .seconds(10), idempotency: .idempotent)

  /// Records in one call of `recordServed`.
  public static let maximumServedRecords = 1_000

  /// Takes what a ranker has served.
  public static let recordServed = Method<Proto.RecordServedRequest, Proto.WriteResponse>(
    "nightjar.v1.Ingest/RecordServed", .unary, callers: [.ranker], server: .ingest,
    maximumRequestBytes: maximumBatchBytes, maximumResponseBytes: 1 << 20, timeout: .seconds(30),
    idempotency: .idempotent)

  /// What a ranker answered under an id.
  public static let resolveRecommendation = Method<
    Proto.ResolveRecommendationRequest, Proto.ResolveRecommendationResponse
  >(
    "nightjar.v1.Ingest/ResolveRecommendation", .unary, callers: [.platform, .tenant, .admin], server: .ingest,
    maximumRequestBytes: 1 << 10, maximumResponseBytes: 128 << 10, timeout: .seconds(10), idempotency: .idempotent)

  /// All of them, without their types.
  public static let all = [
    AnyMethod(upsertCustomers), AnyMethod(upsertProducts), AnyMethod(upsertOffers), AnyMethod(recordEvents),
    AnyMethod(streamSnapshot), AnyMethod(describe), AnyMethod(recordServed), AnyMethod(resolveRecommendation),
  ]
}
