import Transport

extension OutputBuffer {
  /// Appends a frame's header, metadata and body.
  mutating func append(_ frame: OutgoingFrame<Call>) {
    append(count: frame.header.frameBytes) { space in
      frame.header.write(to: space)
      frame.metadata.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: space[FrameHeader.byteCount...]).copyMemory(from: $0)
      }
      frame.source.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: space[(FrameHeader.byteCount + frame.metadata.count)...])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[frame.range]))
      }
    }
  }
}
