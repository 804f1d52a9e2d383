/// Rendezvous hashing: every client picks the same server for the same key without asking anybody, and a server that
/// comes or goes moves only the keys that are its own.
///
/// Each server has a weight for each key; a key goes to the server with the highest, and without it to the next highest.
/// The weight is FNV-1a (64 bits) over the UTF-8 of `host:port`, a zero byte, and the UTF-8 of the key, sent through the
/// finalizer of MurmurHash3, since FNV alone leaves keys that differ in their last byte close together.
/// Source: Thaler and Ravishankar, "A name-based mapping scheme for rendezvous", 1996.
struct Rendezvous: Sendable {
  private static let offsetBasis: UInt64 = 0xcbf2_9ce4_8422_2325
  private static let prime: UInt64 = 0x100_0000_01b3

  /// FNV-1a of what comes before the key.
  private let prefix: UInt64

  /// The weights of the server at `address`, as `host:port`.
  init(address: String) {
    prefix = Self.hash(0, into: Self.hash(address.utf8, into: Self.offsetBasis))
  }

  /// The server's weight for a key.
  func weight(of key: String) -> UInt64 {
    var hash = Self.hash(key.utf8, into: prefix)
    hash = (hash ^ (hash >> 33)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ (hash >> 33)) &* 0xc4ce_b9fe_1a85_ec53
    return hash ^ (hash >> 33)
  }

  private static func hash(_ bytes: String.UTF8View, into hash: UInt64) -> UInt64 {
    bytes.reduce(hash) { Self.hash($1, into: $0) }
  }

  private static func hash(_ byte: UInt8, into hash: UInt64) -> UInt64 { (hash ^ UInt64(byte)) &* prime }
}
