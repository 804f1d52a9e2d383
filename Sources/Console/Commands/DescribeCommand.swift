import ArgumentParser
import Messages
import RPC

struct DescribeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Says what a server can be asked, and what its messages are made of.")

  @OptionGroup var target: TargetOptions
  @Argument(help: "Full name of a method or type, such as nightjar.v1.Customer; without it, all methods are listed.")
  var name: String?

  func run() async throws {
    do {
      try await target.withClient(for: AnyMethod(StandardMethods.listMethods)) { client in
        let methods = try await client.call(StandardMethods.listMethods, timeout: target.limit) { _ in }
          .list(\.n_methods, \.methods)
        guard let name else { return list(methods) }
        if let method = methods.first(where: { $0.name == name }) {
          list([method])
          try await describe([method.request_type, method.response_type], client)
        } else {
          try await describe([name], client)
        }
      }
    } catch let error as RPCError {
      throw ConsoleError(CallCommand.text(error))
    }
  }

  private func list(_ methods: some Sequence<View<Proto.MethodDescription>>) {
    var table = Table("METHOD", "REQUEST", "RESPONSE", "CALLERS", ">TIMEOUT")
    for method in methods {
      let (takesMany, sendsMany) =
        switch method.kind {
        case .serverStream: (false, true)
        case .clientStream: (true, false)
        case .bidirectional: (true, true)
        default: (false, false)
        }
      table.add(
        method.name, (takesMany ? "stream " : "") + Self.short(method.request_type),
        (sendsMany ? "stream " : "") + Self.short(method.response_type),
        method.strings(\.n_callers, \.callers).joined(separator: " "),
        Format.decimals(Double(method.timeout_ms) / 1_000, 1) + " s")
    }
    Terminal.standard.table(table)
  }

  private func describe(_ names: [String], _ client: ServiceClient) async throws {
    let types = try await client.call(StandardMethods.describeTypes, timeout: target.limit) { draft in
      draft.strings(\.n_names, \.names, names)
    }
    for type in types.list(\.n_types, \.types) {
      let values = type.list(\.n_values, \.values)
      Terminal.standard.line()
      Terminal.standard.line("\(values.isEmpty ? "message" : "enum") \(type.name)")
      for value in values {
        // Of C's int, which is also its boolean, this is the number.
        let number: Int32 = value.number
        Terminal.standard.line("  \(value.name) = \(number)")
      }
      for field in type.list(\.n_fields, \.fields) {
        let kind = field.type_name.isEmpty ? field.type : Self.short(field.type_name)
        let oneof = field.oneof == 0 ? "" : "  (at most one of group \(field.oneof))"
        Terminal.standard.line(
          "  \(field.repeated_field ? "repeated " : "")\(kind) \(field.name) = \(field.number)\(oneof)")
      }
    }
  }

  private static func short(_ name: String) -> String {
    name.hasPrefix("nightjar.v1.") ? String(name.dropFirst("nightjar.v1.".count)) : name
  }
}
