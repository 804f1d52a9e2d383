import Messages
import NightjarClient
import RPC

extension ControlCore {
  /// The methods of `nightjar.v1.Control`.
  public func router() -> Router {
    var router = Router()
    router.unary(ControlService.createTenant) { try await self.createTenant($0, by: Caller($1)) }
    router.unary(ControlService.getTenant) { request, _ in try await self.getTenant(request) }
    router.unary(ControlService.listTenants) { request, _ in try await self.listTenants(request) }
    router.unary(ControlService.setMode) { try await self.setMode($0, by: Caller($1)) }
    router.unary(ControlService.setRepurchase) { try await self.setRepurchase($0, by: Caller($1)) }
    router.unary(ControlService.setTimeZone) { try await self.setTimeZone($0, by: Caller($1)) }
    router.unary(ControlService.releaseQuarantine) { try await self.releaseQuarantine($0, by: Caller($1)) }
    router.unary(ControlService.runNight) { try await self.runNight($0, by: Caller($1)) }
    router.unary(ControlService.getNight) { request, _ in try await self.getNight(request) }
    router.unary(ControlService.leaseWork) { try await self.leaseWork($0, for: Caller($1)) }
    router.unary(ControlService.renewLease) { try await self.renewLease($0, for: $1.peer) }
    router.unary(ControlService.reportEvaluation) { try await self.reportEvaluation($0, for: $1.peer) }
    router.unary(ControlService.completeWork) { try await self.completeWork($0, for: $1.peer) }
    router.unary(ControlService.failWork) { try await self.failWork($0, for: Caller($1)) }
    router.unary(ControlService.listVersions) { request, _ in try await self.listVersions(request) }
    router.unary(ControlService.activate) { try await self.activate($0, by: Caller($1)) }
    router.unary(ControlService.releaseHold) { try await self.releaseHold($0, by: Caller($1)) }
    router.unary(ControlService.setOverlay) { try await self.setOverlay($0, by: Caller($1)) }
    router.unary(ControlService.getOverlay) { request, _ in try await self.getOverlay(request) }
    router.stream(ControlService.watchRouting, isEndless: true) { requests, updates, _ in
      for try await request in requests { return try await self.watchRouting(request, to: updates) }
    }
    router.unary(ControlService.reportServing) { try await self.reportServing($0, from: $1.peer) }
    router.unary(ControlService.readJournal) { request, _ in try await self.readJournal(request) }
    return router
  }
}
