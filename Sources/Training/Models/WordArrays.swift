// Arrays of 32-bit values as the model file holds them: little-endian, one after the other.

extension [UInt32] {
  /// Throws `champion` for bytes that are no whole number of values.
  init(littleEndian bytes: [UInt8]) throws(TrainingError) {
    let width = MemoryLayout<UInt32>.size
    guard bytes.count % width == 0 else { throw .champion("\(bytes.count) bytes are no whole number of 32-bit values") }
    self = bytes.withUnsafeBytes { raw in
      (0..<raw.count / width).map { index in
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * width, as: UInt32.self))
      }
    }
  }

  var littleEndianBytes: [UInt8] { map(\.littleEndian).withUnsafeBytes { [UInt8]($0) } }
}

extension [Int32] {
  /// Throws as `[UInt32]` does.
  init(littleEndian bytes: [UInt8]) throws(TrainingError) {
    self = try [UInt32](littleEndian: bytes).map { Int32(bitPattern: $0) }
  }

  var littleEndianBytes: [UInt8] { map { UInt32(bitPattern: $0) }.littleEndianBytes }
}

extension [Float] {
  /// Throws as `[UInt32]` does.
  init(littleEndian bytes: [UInt8]) throws(TrainingError) {
    self = try [UInt32](littleEndian: bytes).map { Float(bitPattern: $0) }
  }

  var littleEndianBytes: [UInt8] { map(\.bitPattern).littleEndianBytes }
}
