import COpenSSL
import CThreads

/// A SHA-256 value: names an artifact, seals a file.
public struct SHA256Digest: Hashable, Sendable, CustomStringConvertible {
  /// Bytes of every digest.
  public static let byteCount = 32

  /// The 32 bytes, most significant first.
  public let bytes: [UInt8]

  /// Nil unless there are exactly 32 bytes.
  public init?(_ bytes: some Sequence<UInt8>) {
    self.bytes = Array(bytes)
    guard self.bytes.count == Self.byteCount else { return nil }
  }

  /// Nil unless the text is 64 lower-case hexadecimal digits, the one spelling that may name a folder.
  public init?(hex: String) {
    let digits = Array(hex.utf8)
    guard digits.count == 2 * Self.byteCount else { return nil }
    var bytes: [UInt8] = []
    for pair in stride(from: 0, to: digits.count, by: 2) {
      guard let high = Self.value(of: digits[pair]), let low = Self.value(of: digits[pair + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    self.bytes = bytes
  }

  /// The digest of bytes that are already in memory.
  public init(of bytes: [UInt8]) {
    let hasher = SHA256()
    hasher.update(bytes.span.bytes)
    self = hasher.finish()
  }

  /// 64 lower-case hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}

/// An incremental SHA-256 (FIPS 180-4) on libcrypto.
public struct SHA256: ~Copyable {
  private let context: OpaquePointer

  /// Starts over no bytes.
  public init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
      fatalError("libcrypto has no SHA-256 or no memory")
    }
    self.context = context
  }

  deinit {
    EVP_MD_CTX_free(context)
  }

  /// Bytes that are hashed before others may run: some ten microseconds.
  private static let pieceBytes = 32 << 10

  /// Appends bytes to what is hashed. A thread that gives way to others does so between pieces of them. Complexity: O(bytes).
  public func update(_ bytes: RawSpan) {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      repeat {
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.pieceBytes))
        precondition(EVP_DigestUpdate(context, piece.baseAddress, piece.count) == 1, "SHA-256 update failed")
        rest = rest.dropFirst(piece.count)
        if piece.count > Self.pieceBytes / 2 { nj_make_way() }
      } while !rest.isEmpty
    }
  }

  /// The digest of all bytes appended.
  public consuming func finish() -> SHA256Digest {
    let bytes = [UInt8](unsafeUninitializedCapacity: SHA256Digest.byteCount) { buffer, count in
      precondition(EVP_DigestFinal_ex(context, buffer.baseAddress, nil) == 1, "SHA-256 final failed")
      count = SHA256Digest.byteCount
    }
    guard let digest = SHA256Digest(bytes) else { fatalError("SHA-256 makes 32 bytes") }
    return digest
  }
}
