/// May a customer be approached, and how.
public struct ContactPermissions: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8

  public init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// By e-mail.
  public static let email = ContactPermissions(rawValue: 1)
  /// By telephone.
  public static let phone = ContactPermissions(rawValue: 2)
  /// By letter.
  public static let post = ContactPermissions(rawValue: 4)
  /// By text message.
  public static let message = ContactPermissions(rawValue: 8)
}
