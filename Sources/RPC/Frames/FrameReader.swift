/// Cuts a run of bytes into frames.
struct FrameReader {
  private let bytes: UnsafeRawBufferPointer
  /// Bytes of whole frames taken so far.
  private(set) var consumed = 0

  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// The next frame and its payload; nil when it has not come whole. Complexity: O(1), no allocation.
  mutating func next() throws(ProtocolError) -> (FrameHeader, UnsafeRawBufferPointer)? {
    guard bytes.count - consumed >= FrameHeader.byteCount else { return nil }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
    let header = try FrameHeader(parsing: rest)
    guard rest.count >= header.frameBytes else { return nil }
    consumed += header.frameBytes
    return (header, UnsafeRawBufferPointer(rebasing: rest[FrameHeader.byteCount..<header.frameBytes]))
  }
}
