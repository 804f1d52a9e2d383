import Messages
import Synchronization

extension Router {
  /// Adds what every server answers: health, of the server and of each service that it has methods of, and which methods
  /// there are. To be called when all other methods are added.
  public mutating func installStandardServices(health: HealthBoard) {
    unary(StandardMethods.checkHealth) { request, _ in
      let service = request.service
      guard let status = health.status(of: service) else {
        throw RPCError(.notFound, "this server has no service '\(service)'")
      }
      return Encoded { $0.status = Proto.ServingStatus(status) }
    }
    stream(StandardMethods.watchHealth, isEndless: true) { requests, responses, _ in
      guard let request = try await requests.first() else { throw RPCError(.invalidArgument, "no request") }
      for await status in health.changes(of: request.service) {
        try await responses.send(Encoded { $0.status = Proto.ServingStatus(status) })
      }
      throw CancellationError()
    }
    for service in Set(routes.values.map { $0.method.name.prefix { $0 != "/" } }) {
      health.set(health.status(of: "") ?? .notServing, for: String(service))
    }
    let table = MethodTable()
    unary(StandardMethods.listMethods) { _, _ in
      Encoded { draft in
        draft.list(\.n_methods, \.methods, of: table.methods) { $1.fill($0) }
      }
    }
    unary(StandardMethods.describeTypes) { request, _ in
      let types = try table.describe(request.strings(\.n_names, \.names))
      return Encoded { draft in
        draft.list(\.n_types, \.types, of: types) { $1.fill($0) }
      }
    }
    table.fill(routes.values.map(\.method))
  }
}

/// The methods that a server was given, for it to tell.
private final class MethodTable: Sendable {
  private static let maximumNames = 64
  private let known = Mutex<(methods: [AnyMethod], types: [String: ContractType])>(([], [:]))

  func fill(_ methods: [AnyMethod]) {
    let types = ContractType.reachable(from: methods.flatMap { [$0.request, $0.response] })
    known.withLock { $0 = (methods.sorted { $0.name < $1.name }, types) }
  }

  var methods: [AnyMethod] { known.withLock { $0.methods } }

  /// The types of these names and all that they refer to, by name.
  func describe(_ names: [String]) throws(RPCError) -> [ContractType] {
    guard (1...Self.maximumNames).contains(names.count) else {
      throw RPCError(.invalidArgument, "names: \(names.count) given; 1 to \(Self.maximumNames) are admitted")
    }
    let types = known.withLock { $0.types }
    var found: [String: ContractType] = [:]
    var open = names
    while let name = open.popLast() {
      guard found[name] == nil else { continue }
      guard let type = types[name] else { throw RPCError(.notFound, "names: no method uses a type '\(name)'") }
      found[name] = type
      open += type.references
    }
    return found.values.sorted { $0.name < $1.name }
  }
}

extension Proto.ServingStatus {
  fileprivate init(_ status: HealthBoard.Status?) {
    self =
      switch status {
      case .serving: .serving
      case .notServing: .notServing
      case nil: .unknown
      }
  }
}

extension AnyMethod {
  fileprivate func fill(_ draft: Draft<Proto.MethodDescription>) {
    draft.name = name
    draft.kind =
      switch kind {
      case .unary: .unary
      case .serverStream: .serverStream
      case .clientStream: .clientStream
      case .bidirectional: .bidirectional
      }
    draft.request_type = request.name
    draft.response_type = response.name
    draft.strings(\.n_callers, \.callers, callers.map(\.rawValue).sorted())
    draft.maximum_request_bytes = UInt64(maximumRequestBytes)
    draft.maximum_response_bytes = UInt64(maximumResponseBytes)
    draft.timeout_ms = UInt64(timeout / .milliseconds(1))
    draft.maximum_messages_per_second = UInt64(maximumMessagesPerSecond ?? 0)
    draft.repeatable = idempotency == .idempotent
    draft.repeatable_with_key = idempotency == .keyed
  }
}

extension ContractType {
  fileprivate func fill(_ draft: Draft<Proto.TypeDescription>) {
    draft.name = name
    draft.list(\.n_fields, \.fields, of: fields) { draft, field in
      draft.name = field.name
      draft.number = field.number
      draft.type = field.type
      draft.type_name = field.typeName
      draft.repeated_field = field.isRepeated
      draft.oneof = field.oneof
    }
    draft.list(\.n_values, \.values, of: values) { draft, value in
      draft.name = value.name
      draft.number = value.number
    }
  }
}
