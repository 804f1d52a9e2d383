import ArtifactStore
import Commerce
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
/// await ranker.follow(channel, for: server)
/// ```
public struct Ranker: Sendable {
  /// Where a ranker finds and keeps what it answers from.
  public struct Options: Sendable {
    /// Folder of the shared store, into which trainers publish.
    public var store: String
    /// Folder of this ranker alone, on a local disk, for its copies and its routing; created if missing.
    public var cache: String
    /// Bytes that the copies may take together; what nobody routes to goes first, what routes need never.
    public var cacheBytes: UInt64
    /// Bytes a second that are fetched from the store at most, over all fetches; 0 = no limit.
    public var fetchBytesPerSecond: UInt64

    /// Names the two, and says what they may take.
    public init(
      store: String, cache: String, cacheBytes: UInt64 = Self.ordinaryCacheBytes, fetchBytesPerSecond: UInt64 = 0
    ) {
      self.store = store
      self.cache = cache
      self.cacheBytes = cacheBytes
      self.fetchBytesPerSecond = fetchBytesPerSecond
    }

    /// Bytes of copies where nothing else is said: far more than the lists of 4,000 tenants, twice over.
    public static let ordinaryCacheBytes: UInt64 = 64 << 30
  }

  private let recommender: Recommender
  private let adopter: Adopter
  private let keeper: CacheKeeper
  private let bandwidth: Bandwidth?
  private let facts = FactQueue()
  private let logger: Logger
  /// For calls that take longer than a reactor has time.
  private let compute: BlockingPool

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
    } catch {
      throw .noThread("\(error)")
    }
    let live = LiveTable()
    self.logger = logger
    recommender = Recommender(live: live, isAskedFor: { files.prefer($0) })
    bandwidth = Bandwidth(bytesPerSecond: options.fetchBytesPerSecond)
    let cache = ArtifactDirectory(root: "\(options.cache)/artifacts")
    let overlays = OverlayStore(folder: "\(options.cache)/overlays")
    keeper = CacheKeeper(
      cache: cache, limit: options.cacheBytes, overlays: overlays, files: files, logger: logger)
    adopter = Adopter(
      live: live,
      loader: ArtifactLoader(store: ArtifactDirectory(root: options.store), cache: cache, bandwidth: bandwidth),
      keeper: keeper, files: files, routingFile: RoutingFile(path: "\(options.cache)/routing"), overlays: overlays,
      facts: facts, now: now, logger: logger)
  }

  /// Adds the methods of `nightjar.v1.Ranker`.
  public func install(in router: inout Router) {
    let recommender = recommender
    let pool = compute
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
        return try await export.send(to: lists)
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
  }

  /// Follows control until the task is cancelled; `server` answers from what was last told, also when control is away.
  /// To be called once.
  public func follow(_ control: ServiceClient, for server: Server) async {
    await adopter.restore()
    await withTaskCancellationHandler {
      await withDiscardingTaskGroup { group in
        group.addTask { await adopter.run({ server.onEveryReactor($0) }, with: control) }
        group.addTask { await RoutingFollower(control: control, adopter: adopter, logger: logger).run() }
        group.addTask { await FactReporter(control: control, facts: facts, logger: logger).run() }
      }
    } onCancel: {
      // Whoever stops the ranker does not wait for a slow fetch.
      bandwidth?.lift()
    }
  }

  /// `follow` as a part of a service group, which ends it.
  public func following(_ control: ServiceClient, for server: Server) -> any Service {
    Following(ranker: self, control: control, server: server)
  }
}

private struct Following: Service {
  let ranker: Ranker
  let control: ServiceClient
  let server: Server

  func run() async throws {
    await cancelWhenGracefulShutdown { await ranker.follow(control, for: server) }
    await control.close()
  }
}
