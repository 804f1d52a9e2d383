import ArtifactStore
import Commerce
import Dispatch
import Glibc
import Logging
import Messages
import NightjarClient
import Operations
import RPC
import ServiceLifecycle
import Transport

/// The ranker service: answers lookups from mapped lists, and follows control in what it answers from.
///
/// ```swift
/// let ranker = try Ranker(options, logger: logger, now: { Timestamp.wallClock() })
/// var router = Router()
/// ranker.install(in: &router)
/// let server = try Server(role: .ranker, …, router: router, …)
/// await ranker.follow(control, shippingTo: ingest, for: server)
/// ```
public struct Ranker: Sendable {
  /// Where a ranker finds and keeps what it answers from.
  public struct Options: Sendable {
    /// Folder of the shared store, into which trainers publish.
    public var store: String
    /// Folder of this ranker alone, on a local disk, for its copies and its routing; created if missing.
    public var cache: String
    /// Bytes that the copies may take together; what nobody routes to goes first, what routes need never.
    public var cacheBytes: UInt64 = 64 << 30
    /// Bytes a second that are fetched from the store at most, over all fetches; 0 = no limit.
    public var fetchBytesPerSecond: UInt64 = 0
    /// Bytes of served records that may wait in the cache for ingest; further ones are dropped and counted. 0 = none are kept.
    public var servedBytes = 1 << 30
    /// Threads that answer; 0 = one for each processor.
    public var reactors = 0

    /// Names the two; the rest is as a ranker of 4,000 tenants has it.
    public init(store: String, cache: String) {
      self.store = store
      self.cache = cache
    }
  }

  private let recommender: Recommender
  private let adopter: Adopter
  private let keeper: CacheKeeper
  private let bandwidth: Bandwidth?
  private let facts = FactQueue()
  /// Nil = no served records are kept.
  private let served: ServedWriter?
  private let logger: Logger
  /// For calls that take longer than a reactor has time.
  private let compute: BlockingPool
  /// For all that follows control, so that it takes no processor that lookups want.
  private let background: BlockingPool
  /// For what ships served records, likewise: a segment of them takes long enough for control to wait.
  private let shipping: BlockingPool

  /// A ranker that knows nothing yet. `now` reads the wall clock, for the times it reports to control.
  public init(_ options: Options, logger: Logger, now: @escaping @Sendable () -> Timestamp) throws(RankingError) {
    guard mkdir(options.cache, S_IRWXU | S_IRGRP | S_IXGRP) == 0 || errno == EEXIST else {
      throw .noCache(path: options.cache, errno: errno)
    }
    let files: FileQueues
    do throws(TransportError) {
      files = try FileQueues(width: Limits.fileThreads)
      compute = try BlockingPool(
        giveWay: "compute", width: Limits.computeThreads, maximumCalls: Limits.computeCalls)
      background = try BlockingPool(giveWay: "background", width: 1, maximumCalls: 1)
      shipping = try BlockingPool(giveWay: "shipping", pausing: true, width: 1, maximumCalls: 1)
    } catch {
      throw .noThread("\(error)")
    }
    let live = LiveTable()
    self.logger = logger
    served = try Self.servedWriter(options, logger: logger)
    recommender = Recommender(
      live: live,
      isAskedFor: { tenant in
        // The lock there is also held by threads that give way: no reactor is to wait for one of them.
        DispatchQueue.global(qos: .userInitiated).async { files.prefer(tenant) }
      }, served: served?.log)
    bandwidth = Bandwidth(bytesPerSecond: options.fetchBytesPerSecond)
    let cache = ArtifactDirectory.cache(root: "\(options.cache)/artifacts")
    let overlays = OverlayStore(folder: "\(options.cache)/overlays")
    keeper = CacheKeeper(
      cache: cache, limit: options.cacheBytes, overlays: overlays, files: files, logger: logger)
    adopter = Adopter(
      live: live,
      loader: ArtifactLoader(store: ArtifactDirectory(root: options.store), cache: cache, bandwidth: bandwidth),
      keeper: keeper, files: files, routingFile: RoutingFile(path: "\(options.cache)/routing"), overlays: overlays,
      facts: facts, now: now, logger: logger)
  }

  private static func servedWriter(_ options: Options, logger: Logger) throws(RankingError) -> ServedWriter? {
    guard options.servedBytes > 0 else { return nil }
    let reactors = options.reactors == 0 ? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) : options.reactors
    do {
      return try ServedWriter(
        ServedWriter.Options(
          folder: "\(options.cache)/served", limit: options.servedBytes,
          ringCount: reactors + Limits.computeThreads + Limits.spareRings),
        figures: ServedFigures(), logger: logger)
    } catch {
      throw .noServedRecords((error as? StartError)?.problem ?? "\(error)")
    }
  }

  /// Adds the methods of `nightjar.v1.Ranker`.
  public func install(in router: inout Router) {
    let recommender = recommender
    let pool = compute
    let exports = ExportPlaces()
    router.onReactorInPlace(RankerService.getRecommendations, pool: pool, where: Recommender.isHeavy) {
      (request, response, context) throws(RPCError) in
      try recommender.answer(request, &response, context)
    }
    router.unary(RankerService.batchGetRecommendations, runs: .blocking(pool)) { request, context in
      try recommender.answerBatch(request, context)
    }
    router.stream(RankerService.exportRecommendations, runs: .blocking(pool)) { requests, lists, context in
      for try await request in requests {
        var export = try Export(recommender, request, context)
        return try await exports.holding(request.tenant) { try await export.send(to: lists) }
      }
    }
  }

  /// Says at `/health` where tenants are not answered from what control ordered.
  public func remark(in remarks: HealthRemarks) {
    let (figures, ledger) = (adopter.figures, keeper.ledger)
    remarks.add {
      let refused = figures.count(of: .refused)
      return refused == 0
        ? nil : "\(refused) tenants: what control ordered is refused, what was there before is served; the log says why"
    }
    remarks.add { ledger.excess == 0 ? nil : "the copies that routes need are \(ledger.excess) bytes over the limit" }
  }

  /// Shows what is served at `/metrics`.
  public func show(in metrics: Metrics) {
    let (figures, facts) = (adopter.figures, facts)
    let help = "Tenants that control has named, by what this ranker does for them."
    for state in ServingFigures.State.allCases {
      metrics.register("nightjar_ranker_tenants", .gauge, help: help, labels: [("state", state.rawValue)]) {
        Double(figures.count(of: state))
      }
    }
    let ledger = keeper.ledger
    metrics.register("nightjar_ranker_cache_bytes", .gauge, help: "Bytes of the copies of artifacts.") {
      Double(ledger.bytes)
    }
    metrics.register(
      "nightjar_ranker_cache_excess_bytes", .gauge, help: "Bytes of copies over the limit: what routes need is kept."
    ) {
      Double(ledger.excess)
    }
    metrics.register("nightjar_ranker_unreported_facts", .gauge, help: "Facts that control has not heard yet.") {
      Double(facts.count)
    }
    served?.show(in: metrics)
  }

  /// Follows control until the task is cancelled; `server` answers from what was last told, also when control is away.
  /// Served records go to `ingest`; nil = they are kept, up to their limit. To be called once.
  public func follow(_ control: ServiceClient, shippingTo ingest: ServiceClient?, for server: Server) async {
    if ingest == nil, let served {
      logger.notice("served records are kept here, for no ingest is named", metadata: ["limit": "\(served.limit)"])
    }
    await adopter.restore()
    await withTaskCancellationHandler {
      await withTaskExecutorPreference(background) {
        await withDiscardingTaskGroup { group in
          group.addTask { await adopter.run({ server.onEveryReactor($0) }, with: control) }
          group.addTask { await RoutingFollower(control: control, adopter: adopter, logger: logger).run() }
          group.addTask { await FactReporter(control: control, facts: facts, logger: logger).run() }
          if let ingest, let served {
            group.addTask(executorPreference: shipping) {
              await ServedShipper(ingest: ingest, writer: served, logger: logger).run()
            }
          }
        }
      }
    } onCancel: {
      // Whoever stops the ranker does not wait for a slow fetch.
      bandwidth?.lift()
    }
    served?.close()
  }

  /// `follow` as a part of a service group, which ends it.
  public func following(
    _ control: ServiceClient, shippingTo ingest: ServiceClient?, for server: Server
  ) -> any Service {
    Following(ranker: self, control: control, ingest: ingest, server: server)
  }
}

private struct Following: Service {
  let ranker: Ranker
  let control: ServiceClient
  let ingest: ServiceClient?
  let server: Server

  func run() async throws {
    await cancelWhenGracefulShutdown { await ranker.follow(control, shippingTo: ingest, for: server) }
    await control.close()
    await ingest?.close()
  }
}
