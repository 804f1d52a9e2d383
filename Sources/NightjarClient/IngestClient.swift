import Commerce
import Logging
import Messages
import RPC
import Transport

/// Brings a tenant's customers, products, offers and events to ingest.
///
/// ```swift
/// let ingest = try IngestClient(
///   addresses: ["ingest.example:9441"], certificates: files, tenant: TenantID("uk"), logger: logger)
/// var report = try await ingest.upsert(customers)
/// report = try await ingest.record(eventBatches)   // any sequence of [Event]
/// for rejection in report.rejections { print(rejection.row, rejection.field, rejection.reason) }
/// ```
///
/// Every row may be written again: an event counts once by its id, and a row that is as it was last written is no new
/// version. The client therefore repeats what has no answer, over as many lost connections as it takes within its time.
public struct IngestClient: Sendable {
  private let service: ServiceClient
  private let tenant: TenantID

  /// A client of the ingest at `addresses`, each `host:port`, that writes as `tenant`. Connects at the first call.
  ///
  /// `serverName` is asked for (SNI) and must be in ingest's certificate; nil = that it is ingest is enough. Throws
  /// `TransportError` when an address or the certificates cannot be used.
  public init(
    addresses: [String], certificates: CertificateFiles, serverName: String? = nil, tenant: TenantID, logger: Logger
  ) throws {
    let service = try ServiceClient(
      to: addresses.map { try SocketAddress(parsing: $0) }, expecting: .ingest, serverName: serverName,
      certificates: certificates, logger: logger)
    self.init(service, tenant: tenant)
  }

  /// What a client of ingest can write as `tenant`.
  public init(_ service: ServiceClient, tenant: TenantID) {
    self.service = service
    self.tenant = tenant
  }

  /// Writes new versions of customers, `batchRows` a call.
  public func upsert(_ customers: [Customer]) async throws(RPCError) -> WriteReport {
    try await upsert(customers, IngestService.upsertCustomers) { draft, rows in
      draft.tenant = tenant.rawValue
      draft.list(\.n_customers, \.customers, of: rows) { $1.fill($0) }
    }
  }

  /// Writes new versions of products, `batchRows` a call.
  public func upsert(_ products: [Product]) async throws(RPCError) -> WriteReport {
    try await upsert(products, IngestService.upsertProducts) { draft, rows in
      draft.tenant = tenant.rawValue
      draft.list(\.n_products, \.products, of: rows) { $1.fill($0) }
    }
  }

  /// Writes new versions of offers, `batchRows` a call.
  public func upsert(_ offers: [Offer]) async throws(RPCError) -> WriteReport {
    try await upsert(offers, IngestService.upsertOffers) { draft, rows in
      draft.tenant = tenant.rawValue
      draft.list(\.n_offers, \.offers, of: rows) { $1.fill($0) }
    }
  }

  /// Streams batches of events, each at most `IngestService.maximumBatchRows`, and waits until all are on disk.
  ///
  /// Throws what `batches` throws, and `RPCError`; what was answered before is written all the same.
  public func record<Batches: AsyncSequence>(_ batches: Batches) async throws -> WriteReport
  where Batches.Element == [Event] {
    var report = WriteReport()
    var iterator = batches.makeAsyncIterator()
    try await EventRecorder(service, tenant: tenant).record {
      try await iterator.next().map { ($0, $0.count) }
    } answered: { answer, rows in
      try report.add(answer, rows: rows)
    }
    return report
  }

  /// What a ranker answered under an id, and what was reported of it since.
  ///
  /// Throws NOT_FOUND for an id that is not the tenant's, is too old, or has not arrived yet: rankers bring what they served
  /// within seconds.
  public func served(_ id: RecommendationID) async throws(RPCError) -> ServedRecommendations {
    let answer = try await service.call(
      IngestService.resolveRecommendation, options: CallOptions(key: tenant.rawValue),
      Encoded { draft in
        draft.tenant = tenant.rawValue
        draft.recommendation_id = id.rawValue
      })
    do {
      return try ServedRecommendations(answer)
    } catch {
      throw RPCError(
        .internal, "\(IngestService.resolveRecommendation.name): ingest's answer makes no sense: \(error)")
    }
  }

  /// Ends calls in flight and closes the connections.
  public func close() async { await service.close() }

  /// Rows of one upsert: well below the frame limit even where every field is at its longest.
  public static let batchRows = 1_000

  private func upsert<Row, Q>(
    _ rows: [Row], _ method: Method<Q, Proto.WriteResponse>, _ fill: (Draft<Q>, ArraySlice<Row>) -> Void
  ) async throws(RPCError) -> WriteReport {
    var report = WriteReport()
    for start in stride(from: 0, to: rows.count, by: Self.batchRows) {
      let batch = rows[start..<min(start + Self.batchRows, rows.count)]
      let request = Encoded<Q> { fill($0, batch) }
      let answer = try await service.call(method, options: CallOptions(key: tenant.rawValue), request)
      try report.add(answer, rows: batch.count)
    }
    return report
  }
}
