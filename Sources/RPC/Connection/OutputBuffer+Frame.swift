import Transport

extension OutputBuffer {
  /// Appends a frame's header and body.
  mutating func append(_ frame: OutgoingFrame<Call>) {
    append(count: frame.header.frameBytes) { space in
      frame.header.write(to: space)
      frame.source.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: space[FrameHeader.byteCount...])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[frame.range]))
      }
    }
  }
}
