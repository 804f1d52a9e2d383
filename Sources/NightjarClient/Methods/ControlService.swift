import Messages
import RPC

/// The methods of `nightjar.v1.Control`.
///
/// What a trainer reports is idempotent by its lease's fence, what a ranker reports by its content; the rest of what
/// changes something is idempotent by key.
public enum ControlService {
  /// The longest that `LeaseWork` waits for work.
  public static let maximumLeaseWait: Duration = .seconds(30)
  private static let ordinary: Duration = .seconds(10)
  private static let small = 64 << 10
  private static let large = 8 << 20

  /// Makes a tenant known.
  public static let createTenant = Method<Proto.CreateTenantRequest, Proto.Tenant>(
    "nightjar.v1.Control/CreateTenant", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// One tenant.
  public static let getTenant = Method<Proto.GetTenantRequest, Proto.Tenant>(
    "nightjar.v1.Control/GetTenant", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .idempotent)

  /// All tenants, a page at a time.
  public static let listTenants = Method<Proto.ListTenantsRequest, Proto.ListTenantsResponse>(
    "nightjar.v1.Control/ListTenants", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: large, timeout: ordinary, idempotency: .idempotent)

  /// Says whether a tenant's customers may be recommended what they have bought already.
  public static let setRepurchase = Method<Proto.SetRepurchaseRequest, Proto.Tenant>(
    "nightjar.v1.Control/SetRepurchase", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// Turns a tenant's engine on, freezes it, or turns it off.
  public static let setMode = Method<Proto.SetModeRequest, Proto.Tenant>(
    "nightjar.v1.Control/SetMode", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// Says in which time zone a tenant's nights end.
  public static let setTimeZone = Method<Proto.SetTimeZoneRequest, Proto.Tenant>(
    "nightjar.v1.Control/SetTimeZone", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// Lets nights work on a tenant again.
  public static let releaseQuarantine = Method<Proto.ReleaseQuarantineRequest, Proto.Tenant>(
    "nightjar.v1.Control/ReleaseQuarantine", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// Starts a night.
  public static let runNight = Method<Proto.RunNightRequest, Proto.Night>(
    "nightjar.v1.Control/RunNight", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: 1 << 20, maximumResponseBytes: large, timeout: .seconds(60), idempotency: .keyed)

  /// How a night stands.
  public static let getNight = Method<Proto.GetNightRequest, Proto.Night>(
    "nightjar.v1.Control/GetNight", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: 32 << 20, timeout: ordinary, idempotency: .idempotent)

  /// Gives a trainer one tenant-night to do.
  public static let leaseWork = Method<Proto.LeaseWorkRequest, Proto.LeaseWorkResponse>(
    "nightjar.v1.Control/LeaseWork", .unary, callers: [.trainer], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: maximumLeaseWait + ordinary, idempotency: .keyed)

  /// Keeps a lease alive.
  public static let renewLease = Method<Proto.RenewLeaseRequest, Proto.RenewLeaseResponse>(
    "nightjar.v1.Control/RenewLease", .unary, callers: [.trainer], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .idempotent)

  /// Hands in the figures; the answer is the verdict and what to bake.
  public static let reportEvaluation = Method<Proto.ReportEvaluationRequest, Proto.ReportEvaluationResponse>(
    "nightjar.v1.Control/ReportEvaluation", .unary, callers: [.trainer], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .idempotent)

  /// Hands in what was published.
  public static let completeWork = Method<Proto.CompleteWorkRequest, Proto.CompleteWorkResponse>(
    "nightjar.v1.Control/CompleteWork", .unary, callers: [.trainer], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .idempotent)

  /// Gives a lease back with the reason.
  public static let failWork = Method<Proto.FailWorkRequest, Proto.FailWorkResponse>(
    "nightjar.v1.Control/FailWork", .unary, callers: [.trainer], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// A tenant's versions, newest first.
  public static let listVersions = Method<Proto.ListVersionsRequest, Proto.ListVersionsResponse>(
    "nightjar.v1.Control/ListVersions", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: large, timeout: ordinary, idempotency: .idempotent)

  /// Makes a version live by a person's hand.
  public static let activate = Method<Proto.ActivateRequest, Proto.Tenant>(
    "nightjar.v1.Control/Activate", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// Lets the nights decide again.
  public static let releaseHold = Method<Proto.ReleaseHoldRequest, Proto.Tenant>(
    "nightjar.v1.Control/ReleaseHold", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// Replaces what may not be recommended.
  public static let setOverlay = Method<Proto.SetOverlayRequest, Proto.SetOverlayResponse>(
    "nightjar.v1.Control/SetOverlay", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: large, maximumResponseBytes: small, timeout: ordinary, idempotency: .keyed)

  /// What may not be recommended.
  public static let getOverlay = Method<Proto.GetOverlayRequest, Proto.GetOverlayResponse>(
    "nightjar.v1.Control/GetOverlay", .unary, callers: [.admin, .ranker], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: large + small, timeout: ordinary, idempotency: .idempotent)

  /// The routing table, then its changes; ends with its deadline and is then resumed.
  public static let watchRouting = Method<Proto.WatchRoutingRequest, Proto.RoutingUpdate>(
    "nightjar.v1.Control/WatchRouting", .serverStream, callers: [.ranker], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: small, timeout: .seconds(3_600), idempotency: .idempotent)

  /// What a ranker adopted, refused or stopped serving.
  public static let reportServing = Method<Proto.ReportServingRequest, Proto.ReportServingResponse>(
    "nightjar.v1.Control/ReportServing", .unary, callers: [.ranker], server: .control,
    maximumRequestBytes: large, maximumResponseBytes: small, timeout: ordinary, idempotency: .idempotent)

  /// What was decided, and what was served.
  public static let readJournal = Method<Proto.ReadJournalRequest, Proto.ReadJournalResponse>(
    "nightjar.v1.Control/ReadJournal", .unary, callers: [.admin], server: .control,
    maximumRequestBytes: small, maximumResponseBytes: large, timeout: ordinary, idempotency: .idempotent)

  /// All of them, without their types.
  public static let all = [
    AnyMethod(createTenant), AnyMethod(getTenant), AnyMethod(listTenants), AnyMethod(setMode), AnyMethod(setRepurchase),
    AnyMethod(runNight),
    AnyMethod(getNight), AnyMethod(leaseWork), AnyMethod(renewLease), AnyMethod(reportEvaluation),
    AnyMethod(completeWork), AnyMethod(failWork), AnyMethod(listVersions), AnyMethod(activate), AnyMethod(releaseHold),
    AnyMethod(setTimeZone), AnyMethod(releaseQuarantine), AnyMethod(setOverlay), AnyMethod(getOverlay),
    AnyMethod(watchRouting), AnyMethod(reportServing), AnyMethod(readJournal),
  ]
}
