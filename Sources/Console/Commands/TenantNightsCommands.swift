import ArgumentParser
import Messages
import NightjarClient

/// What a person says about how nights treat a tenant.
extension TenantCommand {
  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Lets nights work again on a tenant that is in quarantine.",
      discussion: "Work on it failed three times in a row; 'nightjar tenant show' says why. The next night works on it."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Id of the tenant.")
    var tenant: String
    @Option(help: "Why, for the journal.")
    var reason = ""

    func run() async throws {
      let view = try await connection.withClients { clients in
        try await clients.control.call(ControlService.releaseQuarantine) { draft in
          draft.tenant = tenant
          draft.reason = reason
        }
      }
      TenantCommand.show(view, output)
    }
  }

  struct TimeZone: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "time-zone", abstract: "Says where a tenant is: its nights end at 06:00 there.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "Id of the tenant.")
    var tenant: String
    @Argument(help: "IANA name, such as Europe/London.")
    var zone: String
    @Option(help: "Why, for the journal.")
    var reason = ""

    func run() async throws {
      let view = try await connection.withClients { clients in
        try await clients.control.call(ControlService.setTimeZone) { draft in
          draft.tenant = tenant
          draft.time_zone = zone
          draft.reason = reason
        }
      }
      TenantCommand.show(view, output)
    }
  }

  /// What nights have to do with a tenant, in lines.
  static func nights(_ tenant: View<Proto.Tenant>) -> [String] {
    var lines = ["nights      end at 06:00 \(tenant.time_zone.isEmpty ? "UTC" : tenant.time_zone)"]
    if let quarantine = tenant.quarantine {
      lines.append(
        """
        quarantine  since \(Format.time(quarantine.since_us)), night \(quarantine.night): nights leave it out. \
        \(quarantine.reason). When that is mended: 'nightjar tenant release \(tenant.id)'
        """)
    } else if tenant.failures > 0 {
      lines.append("failures    \(tenant.failures) in a row")
    }
    return lines
  }
}
