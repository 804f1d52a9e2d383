import Logging
import Messages
import NightjarClient
import RPC

/// Brings segments of served records to ingest, the oldest first, and removes them once ingest has them on disk.
///
/// A record may be sent more than once; ingest counts it once. What ingest cannot take of one tenant goes to the end of the
/// line and is offered again at longer and longer intervals, and a segment of which it takes nothing is passed over until the
/// others had their turn, so that nobody is held up.
/// It reads files where it runs, which is to be a thread that may block.
struct ServedShipper: Sendable {
  let ingest: ServiceClient
  let writer: ServedWriter
  let logger: Logger

  private struct Batch: Sendable {
    let tenant: [UInt8]
    var records: [ServedRecord] = []
    /// The records as they lay in the segment.
    var bytes: [UInt8] = []
  }

  /// Ends when the task is cancelled.
  func run() async {
    var failures = 0
    var last: UInt32 = 0
    var resting = RestingTenants()
    while !Task.isCancelled {
      do {
        failures = try await shipNext(after: &last, &resting) ? 0 : failures + 1
      } catch {
        if Task.isCancelled { return }
        failures += 1
        logger.error("served records cannot be shipped", metadata: ["reason": "\(error)"])
      }
      try? await Task.sleep(for: failures > 0 ? Limits.shipDelay.delay(afterFailures: failures) : .zero)
    }
  }

  /// Ships the next segment; false where ingest took nothing of it.
  private func shipNext(after last: inout UInt32, _ resting: inout RestingTenants) async throws -> Bool {
    // Elsewhere, lest this thread loses its processor while it holds what the writer needs.
    let next = try await writer.beside { [segments = writer.segments, last] in segments.next(after: last) }
    guard let segment = next else {
      try? await Task.sleep(for: Limits.shipInterval)
      return true
    }
    last = segment.number
    let (batches, gaps) = try Self.batches(of: writer.segments.read(segment))
    let now = ContinuousClock.now
    var left = batches.filter { resting.contains($0.tenant, at: now) }
    let due = batches.filter { !resting.contains($0.tenant, at: now) }
    let refused = await ship(due)
    resting.note(offered: Set(due.map(\.tenant)), refused: Set(refused.map(\.tenant)), at: .now)
    left += refused
    guard left.isEmpty || left.count < batches.count else { return false }
    let bytes = left.flatMap(\.bytes)
    try await writer.beside { [writer] in
      if !bytes.isEmpty { try writer.setAside(bytes) }
      try writer.segments.remove(segment)
    }
    writer.figures.lose(gaps, .damaged)
    return true
  }

  /// A segment's records by tenant, and how many gaps of damage lie between them.
  private static func batches(of bytes: [UInt8]) throws -> ([Batch], gaps: Int) {
    var open: [[UInt8]: Batch] = [:]
    var done: [Batch] = []
    var count = 0
    let gaps = try bytes.withUnsafeBytes { bytes in
      try ServedRecord.forEach(in: bytes) { record, raw in
        if count % Limits.recordsAtOnce == 0 {
          try Task.checkCancellation()
          BlockingPool.makeWay()
        }
        count += 1
        var batch = open.removeValue(forKey: record.tenant) ?? Batch(tenant: record.tenant)
        batch.records.append(record)
        batch.bytes.append(contentsOf: raw)
        if batch.records.count >= IngestService.maximumServedRecords || batch.bytes.count >= Limits.shippedBytes {
          done.append(batch)
        } else {
          open[record.tenant] = batch
        }
      }
    }
    return (done + open.values, gaps)
  }

  /// Sends all batches, some at once; returns those that ingest has not taken.
  private func ship(_ batches: [Batch]) async -> [Batch] {
    await withTaskGroup(of: Batch?.self) { group in
      var left: [Batch] = []
      for (index, batch) in batches.enumerated() {
        if index >= Limits.shippedAtOnce, let result = await group.next(), let result { left.append(result) }
        group.addTask { await isTaken(batch) ? nil : batch }
      }
      for await result in group { if let result { left.append(result) } }
      return left
    }
  }

  /// Whether ingest has a batch on disk, or refuses it for good.
  private func isTaken(_ batch: Batch) async -> Bool {
    let tenant = String(decoding: batch.tenant, as: UTF8.self)
    do {
      let answer = try await ingest.call(IngestService.recordServed, options: CallOptions(key: tenant)) { draft in
        draft.tenant = tenant
        draft.list(\.n_records, \.records, of: batch.records.indices) { draft, index in
          batch.records[index].fill(draft)
          if (index + 1) % Limits.recordsAtOnce == 0 { BlockingPool.makeWay() }
        }
      }
      let rejections = answer.list(\.n_rejections, \.rejections)
      for rejection in rejections.prefix(1) { refused(tenant, "\(rejection.field) \(rejection.reason)") }
      writer.figures.lose(rejections.count, .refused)
      writer.figures.ship(batch.records.count - rejections.count)
      return true
    } catch {
      guard let error = error as? RPCError, error.code == .invalidArgument else { return false }
      refused(tenant, "\(error)")
      writer.figures.lose(batch.records.count, .refused)
      return true
    }
  }

  private func refused(_ tenant: String, _ reason: String) {
    logger.error("ingest refuses served records", metadata: ["tenant": "\(tenant)", "reason": "\(reason)"])
  }
}

/// Tenants whose records ingest would not take lately, as where a database is damaged. It may have logged them all the same:
/// offered again and again, they would fill its disk.
struct RestingTenants {
  private var tenants: [[UInt8]: (failures: Int, until: ContinuousClock.Instant)] = [:]

  /// Whether the tenant is not to be offered yet.
  func contains(_ tenant: [UInt8], at now: ContinuousClock.Instant) -> Bool {
    tenants[tenant].map { $0.until > now } ?? false
  }

  /// Those of which ingest took all may come at any time; those of which it refused some rest, longer each time.
  mutating func note(offered: Set<[UInt8]>, refused: Set<[UInt8]>, at now: ContinuousClock.Instant) {
    for tenant in offered.subtracting(refused) { tenants[tenant] = nil }
    for tenant in refused {
      let failures = (tenants[tenant]?.failures ?? 0) + 1
      tenants[tenant] = (failures, now + Limits.shipDelay.delay(afterFailures: failures))
    }
  }
}

extension ServedRecord {
  fileprivate func fill(_ draft: Draft<Proto.ServedRecord>) {
    customer.withUnsafeBytes { draft.setUTF8(\.customer, $0) }
    draft.served_at_us = servedAt
    draft.occurred_at_us = occurredAt
    draft.channel = Proto.SalesChannel(rawValue: UInt32(channel))
    draft.named = isNamed
    func products(_ kind: Wish.Kind) -> [String] {
      wishes.filter { $0.kind == kind }.map { String(decoding: $0.product, as: UTF8.self) }
    }
    draft.strings(\.n_pinned, \.pinned, products(.pinned))
    draft.strings(\.n_excluded, \.excluded, products(.excluded))
    draft.answer = answer
  }
}
