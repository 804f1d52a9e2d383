import Glibc
import Transport

extension CertificateFiles {
  /// The files of one identity in a folder laid out by `deploy/dev-certificates.sh`: `ca.pem`, `<role>-<name>.pem` and
  /// `<role>-<name>-key.pem`, and the authorities' revocations in `crl.pem` where that is there. Fails with the command
  /// that makes them.
  public init(folder: String, role: Role, name: String) throws(StartError) {
    let stem = "\(folder)/\(role.rawValue)-\(name)"
    let revocations = Self.revocations(in: folder)
    self.init(
      chain: "\(stem).pem", key: "\(stem)-key.pem", authorities: "\(folder)/ca.pem",
      revocations: access(revocations, F_OK) == 0 ? revocations : nil)
    for path in [authorities, chain, key] where access(path, R_OK) != 0 {
      throw StartError(
        "\(path) cannot be read: \(String(cString: strerror(errno)))",
        remedy: "Make it with: deploy/dev-certificates.sh \(folder) \(role.rawValue)/\(name)")
    }
  }

  /// Where the authorities' revocations lie, if there are any.
  static func revocations(in folder: String) -> String { "\(folder)/crl.pem" }
}
