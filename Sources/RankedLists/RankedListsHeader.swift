/// Whose lists a file holds, by which model, from which data.
public struct RankedListsHeader: Equatable, Sendable {
  /// The tenant's id, a DNS label of at most 63 bytes.
  public let tenant: String
  /// The model that scored the lists; an id of 1 to 128 bytes.
  public let model: String
  /// The bake that wrote the lists; an id of 1 to 128 bytes.
  public let bake: String
  /// The business time up to which the bake saw data, in microseconds since the epoch, UTC.
  public let asOf: Int64

  /// Names a file to be; the writer checks the names.
  public init(tenant: String, model: String, bake: String, asOf: Int64) {
    self.tenant = tenant
    self.model = model
    self.bake = bake
    self.asOf = asOf
  }
}
