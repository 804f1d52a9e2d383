import Commerce
import Messages

/// Checked rows of one write.
enum Rows: Sendable {
  case customers([Customer])
  case products([Product])
  case offers([Offer])
  case events([Event])
  case served([ServedAnswer])

  var count: Int {
    switch self {
    case .customers(let rows): rows.count
    case .products(let rows): rows.count
    case .offers(let rows): rows.count
    case .events(let rows): rows.count
    case .served(let rows): rows.count
    }
  }

  var kind: LogRecord.Kind {
    switch self {
    case .customers: .customers
    case .products: .products
    case .offers: .offers
    case .events: .events
    case .served: .served
    }
  }

  /// The contract's request that holds the rows, for the log.
  func payload(tenant: TenantID) -> [UInt8] {
    switch self {
    case .customers(let rows):
      Encoded<Proto.UpsertCustomersRequest> { draft in
        draft.tenant = tenant.rawValue
        draft.list(\.n_customers, \.customers, of: rows) { $1.fill($0) }
      }.bytes
    case .products(let rows):
      Encoded<Proto.UpsertProductsRequest> { draft in
        draft.tenant = tenant.rawValue
        draft.list(\.n_products, \.products, of: rows) { $1.fill($0) }
      }.bytes
    case .offers(let rows):
      Encoded<Proto.UpsertOffersRequest> { draft in
        draft.tenant = tenant.rawValue
        draft.list(\.n_offers, \.offers, of: rows) { $1.fill($0) }
      }.bytes
    case .events(let rows):
      Encoded<Proto.RecordEventsRequest> { draft in
        draft.tenant = tenant.rawValue
        draft.list(\.n_events, \.events, of: rows) { $1.fill($0) }
      }.bytes
    case .served(let rows):
      Encoded<Proto.RecordServedRequest> { draft in
        draft.tenant = tenant.rawValue
        draft.list(\.n_records, \.records, of: rows) { $1.fill($0) }
      }.bytes
    }
  }

  /// Reads rows back from the log.
  init(_ record: LogRecord) throws {
    switch record.kind {
    case .customers:
      let view = try Encoded<Proto.UpsertCustomersRequest>(unchecked: record.payload).decode()
      self = .customers(try view.list(\.n_customers, \.customers).map { try Customer(validating: $0) })
    case .products:
      let view = try Encoded<Proto.UpsertProductsRequest>(unchecked: record.payload).decode()
      self = .products(try view.list(\.n_products, \.products).map { try Product(validating: $0) })
    case .offers:
      let view = try Encoded<Proto.UpsertOffersRequest>(unchecked: record.payload).decode()
      self = .offers(try view.list(\.n_offers, \.offers).map { try Offer(validating: $0) })
    case .events:
      let view = try Encoded<Proto.RecordEventsRequest>(unchecked: record.payload).decode()
      self = .events(try view.list(\.n_events, \.events).map { try Event(validating: $0) })
    case .served:
      let view = try Encoded<Proto.RecordServedRequest>(unchecked: record.payload).decode()
      self = .served(try view.list(\.n_records, \.records).map { try ServedAnswer(validating: $0) })
    }
  }
}
