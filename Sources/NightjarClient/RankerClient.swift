import Commerce
import Logging
import Messages
import RPC
import Transport

/// Asks rankers for customers' ranked lists.
///
/// ```swift
/// import Commerce        // TenantID, CustomerID
/// import NightjarClient
/// import Transport       // CertificateFiles
///
/// let ranker = try RankerClient(
///   addresses: ["ranker-1.example:9443", "ranker-2.example:9443"],
///   certificates: CertificateFiles(
///     chain: "tenant-uk.pem", key: "tenant-uk-key.pem", authorities: "ca.pem"),
///   logger: logger)
/// let list = try await ranker.recommendations(
///   tenant: TenantID("uk"), customer: CustomerID("12347"), limit: 10)
/// for item in list.items { print(item.product, item.score) }
/// await ranker.close()
/// ```
///
/// All lookups of a tenant go to the same ranker while it is up, and to the next one while it is not; a lookup that fails
/// is made again within its time where that can help. One client serves a whole process: it keeps one connection to each
/// ranker, over which any number of lookups run at once.
public struct RankerClient: Sendable {
  private let service: ServiceClient
  private let hedging: Hedging?

  /// A client of the rankers at `addresses`, each `host:port`. Connects at the first lookup.
  ///
  /// `serverName` is asked for (SNI) and must be in the rankers' certificates: the tenant's own endpoint, where it has
  /// one; nil = that they are rankers is enough. With `hedging` a second ranker is asked where the first is slow.
  /// Throws `TransportError` when an address or the certificates cannot be used.
  public init(
    addresses: [String], certificates: CertificateFiles, serverName: String? = nil, hedging: Hedging? = nil,
    logger: Logger
  ) throws {
    let service = try ServiceClient(
      to: addresses.map { try SocketAddress(parsing: $0) }, expecting: .ranker, serverName: serverName,
      certificates: certificates, logger: logger)
    self.init(service, hedging: hedging)
  }

  /// The lookups that a client of rankers can make.
  public init(_ service: ServiceClient, hedging: Hedging? = nil) {
    self.service = service
    self.hedging = hedging
  }

  /// The customer's list: the `limit` best products, 1 to 50. Throws as the lookup that asks for more.
  public func recommendations(
    tenant: TenantID, customer: CustomerID, limit: UInt32 = 10, timeout: Duration? = nil
  ) async throws(RPCError) -> Recommendations {
    var lookup = Lookup()
    lookup.limit = limit
    return try await recommendations(tenant: tenant, customer: customer, lookup, timeout: timeout)
  }

  /// The customer's list, as the lookup asks for it.
  ///
  /// `timeout` covers all attempts; nil = 5 s, or less within a handler that has less. Throws INVALID_ARGUMENT for a
  /// field out of range, FAILED_PRECONDITION for a tenant before its first night, NOT_FOUND for a tenant that there is not, PERMISSION_DENIED for one that is not the caller's,
  /// UNAVAILABLE where no ranker can be reached or has a list yet.
  public func recommendations(
    tenant: TenantID, customer: CustomerID, _ lookup: Lookup, timeout: Duration? = nil
  ) async throws(RPCError) -> Recommendations {
    let request = Encoded<Proto.GetRecommendationsRequest> { draft in
      draft.tenant = tenant.rawValue
      draft.customer = customer.rawValue
      lookup.fill(draft)
      // However many attempts it takes, ingest counts the call once.
      draft.call_key = withUnsafeBytes(of: SIMD2<UInt64>.random(in: .min ... .max)) { Array($0) }
    }
    let answer = try await service.call(
      RankerService.getRecommendations, timeout: timeout,
      options: CallOptions(key: tenant.rawValue, hedging: hedging), request)
    do {
      return try Recommendations(answer)
    } catch {
      throw RPCError(
        .internal, "\(RankerService.getRecommendations.name): the ranker's answer makes no sense: \(error)")
    }
  }

  /// Ends lookups in flight and closes the connections.
  public func close() async { await service.close() }
}
