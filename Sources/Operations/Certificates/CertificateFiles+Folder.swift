import Glibc
import Transport

extension CertificateFiles {
  /// The files of one identity in a folder laid out by `deploy/dev-certificates.sh`: `ca.pem`, `<role>-<name>.pem` and
  /// `<role>-<name>-key.pem`. Fails with the command that makes them.
  public init(folder: String, role: Role, name: String) throws(StartError) {
    let stem = "\(folder)/\(role.rawValue)-\(name)"
    self.init(chain: "\(stem).pem", key: "\(stem)-key.pem", authorities: "\(folder)/ca.pem")
    for path in [authorities, chain, key] where access(path, R_OK) != 0 {
      throw StartError(
        "\(path) cannot be read: \(String(cString: strerror(errno)))",
        remedy: "Make it with: deploy/dev-certificates.sh \(folder) \(role.rawValue)/\(name)")
    }
  }
}
