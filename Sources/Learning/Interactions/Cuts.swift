/// The three moments that part a tenant's time: what calibrates, what judges, what serves.
///
/// ```
///            validation          judged            served
/// ───────────────┤── validation slice ──┤── judging rows ──┤
///             as_of − 2H             as_of − H           as_of
/// ```
/// A calibration is fitted on rows in (validation, judged] scored by a fit cut at `validation`; candidates are judged on
/// rows in (judged, served] scored by fits cut at `judged` or before. No fit has seen the rows that it is asked about.
public struct Cuts: Hashable, Sendable {
  /// as_of − 2H, µs.
  public let validation: Int64
  /// as_of − H, µs.
  public let judged: Int64
  /// as_of, µs.
  public let served: Int64

  /// Days of the judging window where the tenant has set none.
  public static let defaultHorizonDays = 28

  /// Cuts for a night.
  public init(asOf: Int64, horizonDays: Int) {
    precondition((1...365).contains(horizonDays), "a horizon has 1 to 365 days")
    let horizon = Int64(horizonDays) * Int64(microsecondsPerDay)
    served = asOf
    judged = asOf - horizon
    validation = asOf - 2 * horizon
  }

  /// The slice that calibrations are fitted on.
  public var calibrationWindow: Window { Window(after: validation, through: judged) }
  /// The slice that candidates are judged on.
  public var judgingWindow: Window { Window(after: judged, through: served) }
}

/// A stretch of business time: after `after`, up to and including `through`, µs.
public struct Window: Hashable, Sendable {
  /// Last moment before it, µs.
  public let after: Int64
  /// Its last moment, µs.
  public let through: Int64

  /// A stretch that is not negative.
  public init(after: Int64, through: Int64) {
    precondition(after <= through, "a window ends before it starts")
    self.after = after
    self.through = through
  }
}
