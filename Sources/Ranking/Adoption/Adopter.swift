import ArtifactStore
import Commerce
import Dispatch
import Logging
import RPC

/// Keeps what is answered in step with what control decided: fetches and maps what a route needs, puts it in the place of
/// the old in one step, and goes on with the old as long as the new is not fit.
actor Adopter {
  /// Runs a job once on each reactor that may be reading the live table.
  typealias ReactorRound = @Sendable (@escaping @Sendable () -> Void) -> Void

  /// What is served now.
  nonisolated let figures = ServingFigures()

  private let live: LiveTable
  private let loader: ArtifactLoader
  private let keeper: CacheKeeper
  private let files: FileQueues
  private let routingFile: RoutingFile
  /// Where it is written: not on the threads that give way, for on a machine with much to do a mode that lookups know already
  /// would be forgotten with the process.
  private let saves = DispatchQueue(label: "nightjar.routing", qos: .userInitiated)
  private let overlays: OverlayStore
  /// Who has the overlays that are not on disk.
  private var control: ServiceClient?
  private let facts: FactQueue
  private let now: @Sendable () -> Timestamp
  private let logger: Logger

  private var routing = RoutingTable()
  private var adoptions: [TenantID: Adoption] = [:]
  private var served: [TenantID: ServedTenant] = [:]
  /// Counts the changes of a tenant's route, so that work begun for an older one stops.
  private var orders: [TenantID: UInt64] = [:]
  private var refusals: [TenantID: ServingFact.State] = [:]
  /// What was last said to control of what a tenant is answered from.
  private var said: [TenantID: [ServingFact.State]] = [:]
  /// Tenants changed since the last publication.
  private var changed: Set<TenantID> = []

  private let work = AsyncStream.makeStream(of: TenantID.self)
  private let publication = Signal()
  private let saving = Signal()
  private let savingOfArms = Signal()
  /// Raised once it is known which tenants there are.
  private let stockTaking = Signal()

  init(
    live: LiveTable, loader: ArtifactLoader, keeper: CacheKeeper, files: FileQueues, routingFile: RoutingFile,
    overlays: OverlayStore, facts: FactQueue, now: @escaping @Sendable () -> Timestamp, logger: Logger
  ) {
    self.live = live
    self.loader = loader
    self.keeper = keeper
    self.files = files
    self.routingFile = routingFile
    self.overlays = overlays
    self.facts = facts
    self.now = now
    self.logger = logger
  }

  /// Where the routing stream is to resume.
  var revision: RoutingRevision? { routing.revision }

  /// Starts from what was kept on disk. To be called before anything else.
  func restore() async {
    let (loader, file) = (loader, routingFile)
    do {
      try await files.run { try loader.cache.sweep(stagedBefore: Timestamp(microseconds: .max)) }
    } catch {
      logger.warning("broken-off copies stay in the cache", metadata: ["reason": "\(error)"])
    }
    do {
      guard let kept = try await files.run({ try file.load() }) else { return }
      routing = kept
      follow(Set(kept.routes.keys))
      publication.raise()
      stockTaking.raise()
    } catch {
      logger.error("what was kept on disk cannot be used", metadata: ["reason": "\(error)"])
    }
  }

  /// Does what the calls below ask for, until the task is cancelled. To be called once.
  func run(_ round: @escaping ReactorRound, with control: ServiceClient?) async {
    self.control = control
    await withDiscardingTaskGroup { group in
      group.addTask {
        for await _ in self.publication.raised {
          await self.publish(round)
          // What changes meanwhile is published together: with thousands of tenants at once, each costs all the others.
          try? await Task.sleep(for: Limits.publicationPause)
        }
      }
      group.addTask {
        for await _ in self.saving.raised {
          await self.save()
          try? await Task.sleep(for: Limits.savingPause)
        }
      }
      group.addTask {
        for await _ in self.savingOfArms.raised {
          self.saving.raise()
          try? await Task.sleep(for: Limits.armsSavingPause)
        }
      }
      group.addTask { for await _ in self.stockTaking.raised { await self.takeStock() } }
      for await tenant in work.stream { group.addTask { await self.adopt(tenant) } }
    }
  }

  /// A routing stream begins.
  func beginStream() {
    routing.beginStream()
  }

  /// Takes in one message of the routing stream.
  func apply(_ update: RoutingUpdate) {
    if let revision = routing.revision, update.revision < revision {
      logger.warning("control's routing went back", metadata: ["from": "\(revision)", "to": "\(update.revision)"])
    }
    if case .unreadable(let tenant, let problem) = update.change {
      logger.error("a route cannot be followed", metadata: ["tenant": "\(tenant)", "reason": "\(problem)"])
    }
    let wasWhole = routing.isWhole
    let isArmsAlone = routing.changesArmsAlone(update)
    follow(routing.apply(update))
    if routing.isWhole != wasWhole {
      publication.raise()
      stockTaking.raise()
    }
    // Each saving flushes the whole table. New lists come by the thousand at night, and after the first they share it.
    if routing.isWhole { (isArmsAlone ? savingOfArms : saving).raise() }
  }

  private func follow(_ tenants: Set<TenantID>) {
    for tenant in tenants {
      orders[tenant, default: 0] += 1
      // Control last heard of a refusal: tell it again what is served.
      if refusals.removeValue(forKey: tenant) != nil { said[tenant] = nil }
      if !followAtOnce(tenant) { work.continuation.yield(tenant) }
      show(tenant)
    }
  }

  /// Takes from the tenant's route what can be had without the disk; false if that is not all of it.
  private func followAtOnce(_ tenant: TenantID) -> Bool {
    guard let route = routing.routes[tenant], !route.arms.isEmpty else {
      adoptions[tenant] = nil
      return routing.routes[tenant] != nil
    }
    let old = adoptions[tenant]
    guard let adoption = Adoption(route, artifacts: old?.artifacts ?? [:], overlay: old?.overlay, like: old) else {
      return false
    }
    adoptions[tenant] = adoption
    return true
  }

  private func show(_ tenant: TenantID) {
    served[tenant] = routing.routes[tenant].map { route in
      ServedTenant(route, adoptions[tenant])
    }
    changed.insert(tenant)
    publication.raise()
  }

  /// Works until the tenant's route is followed, or another one has come.
  private func adopt(_ tenant: TenantID) async {
    let order = orders[tenant]
    var failures = 0
    while !Task.isCancelled, orders[tenant] == order {
      guard let route = routing.routes[tenant] else { return await evict(tenant, except: []) }
      do {
        let previous = Set((adoptions[tenant]?.artifacts ?? [:]).keys)
        let adoption = try await load(route)
        guard orders[tenant] == order else { return }
        adoptions[tenant] = adoption
        refusals[tenant] = nil
        show(tenant)
        return await evict(tenant, except: route.digests.union(previous))
      } catch let refusal as Refusal {
        guard orders[tenant] == order else { return }
        failures += 1
        let delay = Limits.adoptionDelay.delay(afterFailures: failures)
        refuse(refusal, tenant: tenant, retryAfter: delay)
        try? await Task.sleep(for: delay)
      } catch {
        return
      }
    }
  }

  /// An artifact that cannot be answered from.
  private struct Refusal: Error {
    let arm: Route.Arm
    let digest: ArtifactDigest
    let reason: String
  }

  private func load(_ route: Route) async throws -> Adoption {
    let (loader, old, overlay) = (loader, adoptions[route.tenant], try await overlay(of: route))
    let adoption = try await files.run(for: route.tenant) {
      var artifacts = old?.artifacts ?? [:]
      for arm in route.arms {
        guard let digest = arm.digest, artifacts[digest]?.fits(arm) != true else { continue }
        do {
          artifacts[digest] = try loader.load(arm, digest: digest, of: route.tenant)
        } catch {
          throw Refusal(arm: arm, digest: digest, reason: "\(error)")
        }
      }
      return Adoption(route, artifacts: artifacts, overlay: overlay, like: old)
    }
    guard let adoption else { throw CancellationError() }
    return adoption
  }

  private func overlay(of route: Route) async throws -> LoadedOverlay? {
    guard let digest = route.overlay else { return nil }
    if let known = adoptions[route.tenant]?.overlay, known.digest == digest { return known }
    do {
      return try await overlays.load(digest, of: route.tenant, from: control, on: files)
    } catch {
      guard let arm = route.arms.first(where: { $0.digest != nil }), let manifest = arm.digest else { throw error }
      throw Refusal(arm: arm, digest: manifest, reason: "its overlay \(digest) cannot be had: \(error)")
    }
  }

  /// Says once what is wrong; a retry that fails the same way says nothing new.
  private func refuse(_ refusal: Refusal, tenant: TenantID, retryAfter delay: Duration) {
    let state = ServingFact.State.refused(refusal.digest, bake: refusal.arm.bake, reason: refusal.reason)
    guard refusals.updateValue(state, forKey: tenant) != state else { return }
    logger.error(
      "an artifact is refused; what was served before goes on",
      metadata: [
        "tenant": "\(tenant)", "bake": "\(refusal.arm.bake)", "reason": "\(refusal.reason)", "retry_after": "\(delay)",
      ])
    facts.add(ServingFact(tenant: tenant, state: state, at: now()))
    count()
  }

  private func evict(_ tenant: TenantID, except kept: Set<ArtifactDigest>) async {
    await keeper.keep(kept, of: tenant, isGone: routing.routes[tenant] == nil)
    await makeRoom()
  }

  /// Counts what an earlier process left on the disk, and removes what is of tenants that are gone by now.
  private func takeStock() async {
    for tenant in await keeper.tenants() {
      if routing.routes[tenant] == nil {
        await keeper.keep([], of: tenant, isGone: true)
      } else {
        await keeper.takeStock(of: tenant)
      }
    }
    await makeRoom()
  }

  private func makeRoom() async {
    guard keeper.isOverLimit else { return }
    let routed = routing.routes.values.flatMap { route in
      route.digests.map { CacheLedger.Key(tenant: route.tenant, digest: $0) }
    }
    await keeper.makeRoom(except: Set(routed))
  }

  /// Swaps the table that lookups read, and says what is served from now on. Complexity: O(tenants).
  private func publish(_ round: ReactorRound) {
    live.replace(with: AnswerTable(Array(served.values), isWhole: routing.isWhole), onEveryReactor: round)
    let at = now()
    for tenant in changed {
      let states = states(of: tenant)
      let before = said.updateValue(states, forKey: tenant) ?? []
      for state in states where !before.contains(state) { facts.add(ServingFact(tenant: tenant, state: state, at: at)) }
    }
    changed = []
    count()
  }

  /// Brings the figures up to date. Complexity: O(tenants).
  private func count() {
    figures.replace(with: routing.routes.values.map(state))
  }

  private func state(of route: Route) -> ServingFigures.State {
    if route.mode == .off { return .off }
    if refusals[route.tenant] != nil { return .refused }
    return adoptions[route.tenant] == nil ? .waiting : .served
  }

  private func states(of tenant: TenantID) -> [ServingFact.State] {
    guard let route = routing.routes[tenant], route.mode != .off else { return [.stopped] }
    return (adoptions[tenant]?.arms ?? []).compactMap { adopted in
      adopted.arm.digest.map { .adopted($0, bake: adopted.arm.bake) }
    }
  }

  private func save() async {
    let (table, file) = (routing, routingFile)
    do {
      try await withCheckedThrowingContinuation { (saved: CheckedContinuation<Void, any Error>) in
        saves.async { saved.resume(with: Result { try file.save(table) }) }
      }
    } catch {
      logger.error("the routing is not kept on disk", metadata: ["reason": "\(error)"])
    }
  }
}
