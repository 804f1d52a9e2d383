/// What the header counts, beside whose file it is.
struct HeaderCounts: Equatable {
  var fileBytes: UInt64
  var customers: UInt64
  var entries: UInt64
  var candidates: UInt32
  var fallbacks: UInt32
}

extension RankedListsHeader {
  /// The key of the customer hash: different in each bake, so that no choice of ids collides night after night.
  var hashKey: [UInt8] {
    Array(SHA256Digest(of: Array("nightjar lists\n\(tenant)\n\(bake)".utf8)).bytes.prefix(Format.hashKeyBytes))
  }

  /// Throws `input` unless every name fits its field.
  func check() throws(RankedListsError) {
    try Format.check(identifier: tenant, of: "tenant '\(tenant)'")
    guard tenant.utf8.count <= Format.maximumTenantBytes else {
      throw .input("tenant '\(tenant)': longer than \(Format.maximumTenantBytes) bytes")
    }
    try Format.check(identifier: model, of: "model '\(model)'")
    try Format.check(identifier: bake, of: "bake '\(bake)'")
  }

  /// Header and section table as they start the file, and the digest that seals both.
  func encode(counts: HeaderCounts, hashKey: [UInt8], table: [UInt8]) -> (bytes: [UInt8], digest: SHA256Digest) {
    var bytes = [UInt8](repeating: 0, count: Format.Header.size)
    func put(_ source: some Sequence<UInt8>, at offset: Int) {
      for (position, byte) in source.enumerated() { bytes[offset + position] = byte }
    }
    func put(_ value: some FixedWidthInteger, at offset: Int) {
      withUnsafeBytes(of: value.littleEndian) { put($0, at: offset) }
    }
    put(Format.magic, at: Format.Header.magic)
    put(Format.version, at: Format.Header.version)
    put(UInt32(Format.Header.size), at: Format.Header.headerBytes)
    put(counts.fileBytes, at: Format.Header.fileBytes)
    put(asOf, at: Format.Header.asOf)
    put(counts.customers, at: Format.Header.customers)
    put(counts.entries, at: Format.Header.entries)
    put(counts.candidates, at: Format.Header.candidates)
    put(counts.fallbacks, at: Format.Header.fallbacks)
    put(UInt32(table.count / Format.TableRow.size), at: Format.Header.sections)
    put(hashKey, at: Format.Header.hashKey)
    put(tenant.utf8, at: Format.Header.tenant)
    put(model.utf8, at: Format.Header.model)
    put(bake.utf8, at: Format.Header.bake)
    let digest = SHA256Digest(of: bytes[..<Format.Header.digest] + table)
    put(digest.bytes, at: Format.Header.digest)
    return (bytes + table, digest)
  }
}

extension SipHash {
  /// The key as it stands in a header.
  init(keyBytes: [UInt8]) {
    precondition(keyBytes.count == Format.hashKeyBytes)
    self = keyBytes.withUnsafeBytes {
      SipHash(
        k0: UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)),
        k1: UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  func hash(_ text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
  }
}
