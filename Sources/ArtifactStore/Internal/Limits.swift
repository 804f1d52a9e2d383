/// Every limit of the room.
enum Limits {
  static let maximumManifestBytes: UInt64 = 1 << 20
  static let maximumFileBytes: UInt64 = 1 << 40
  static let manifestFormat: UInt32 = 1
  static let copyBufferBytes = 1 << 20
}
