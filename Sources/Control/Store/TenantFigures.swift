import Commerce
import GRDB
import Messages

/// How many rows a tenant has: what its work takes in time and memory.
struct TenantRows: Equatable, Sendable {
  /// The most that is believed: a night of the largest tenants can still be added up.
  private static let most: Int64 = 1 << 46

  let customers: Int64
  let products: Int64
  let events: Int64

  init(customers: Int64, products: Int64, events: Int64) {
    self.customers = min(customers, Self.most)
    self.products = min(products, Self.most)
    self.events = min(events, Self.most)
  }

  /// Nil where the row does not know.
  init?(_ row: Row) {
    guard let customers = row["customers"] as Int64?, let products = row["products"] as Int64?,
      let events = row["events"] as Int64?
    else { return nil }
    self.init(customers: customers, products: products, events: events)
  }

  /// All of them together.
  var total: Int64 { customers + products + events }
}

/// What ingest tells of a tenant's data.
public struct TenantFigures: Sendable {
  /// Sequence of the last row.
  let sequence: UInt64
  let rows: TenantRows
  /// Digest of everything that is there; nil where ingest tells none.
  let content: String?
  let lastEvent: Timestamp

  /// Reads ingest's answer.
  public init(_ view: View<Proto.DescribeResponse>) {
    sequence = view.sequence
    rows = TenantRows(
      customers: Int64(clamping: view.customers), products: Int64(clamping: view.products),
      events: Int64(clamping: view.events))
    content = view.content_digest.isEmpty ? nil : view.content_digest
    lastEvent = Timestamp(microseconds: view.last_event_us)
  }

  init(sequence: UInt64, rows: TenantRows, content: String?, lastEvent: Timestamp) {
    self.sequence = sequence
    self.rows = rows
    self.content = content
    self.lastEvent = lastEvent
  }

  /// The same for a snapshot as of a moment: with events after it, the digest is not the snapshot's.
  func asOf(_ moment: Timestamp) -> TenantFigures {
    lastEvent <= moment
      ? self : TenantFigures(sequence: sequence, rows: rows, content: nil, lastEvent: lastEvent)
  }
}
