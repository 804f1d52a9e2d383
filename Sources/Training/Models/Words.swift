/// Columns of 32-bit values between arrays and the contract's bytes, little-endian.
enum Words {
  /// f32 little-endian.
  static func bytes(_ values: [Float]) -> [UInt8] { bytes(values.map(\.bitPattern)) }

  /// u32 little-endian.
  static func bytes(_ values: [UInt32]) -> [UInt8] {
    values.map(\.littleEndian).withUnsafeBytes { Array($0) }
  }

  /// Throws `champion` for bytes that are no whole number of values.
  static func floats(_ bytes: [UInt8]) throws(TrainingError) -> [Float] {
    try words(bytes).map { Float(bitPattern: $0) }
  }

  /// The same for u32.
  static func words(_ bytes: [UInt8]) throws(TrainingError) -> [UInt32] {
    let width = MemoryLayout<UInt32>.size
    guard bytes.count % width == 0 else { throw .champion("\(bytes.count) bytes are no whole number of 32-bit values") }
    return bytes.withUnsafeBytes { raw in
      (0..<raw.count / width).map { index in
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * width, as: UInt32.self))
      }
    }
  }
}
