@testable import RPC

/// The frame header: what is read is written again as it was, and no run of bytes is cut wrongly.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  var frames = FrameReader(bytes)
  var start = 0
  while let (header, payload) = try? frames.next() {
    precondition(frames.consumed == start + header.frameBytes && frames.consumed <= size)
    precondition(payload.count == header.payloadBytes && header.frameBytes <= Limits.maximumFrameBytes)
    precondition(header.metadata(of: payload).count == header.metadataBytes)
    precondition(header.body(of: payload).count == header.bodyBytes)
    var written = [UInt8](repeating: 0, count: FrameHeader.byteCount)
    written.withUnsafeMutableBytes { header.write(to: $0) }
    let again = written.withUnsafeBytes { try? FrameHeader(parsing: $0) }
    precondition(again == header)
    start = frames.consumed
  }
  return 0
}
