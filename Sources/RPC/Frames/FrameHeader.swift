/// The 32 bytes that every frame begins with, in network byte order. See PROTOCOL.md, "Frame".
struct FrameHeader: Equatable {
  /// Bytes of the header on the wire.
  static let byteCount = 32
  /// The protocol's version, in every frame.
  static let version: UInt8 = 1

  /// What the frame is; nil = a type that this version does not know.
  var type: FrameType?
  /// The type's number on the wire.
  var typeNumber: UInt8
  var flags: FrameFlags
  /// The call that the frame belongs to; 0 = the connection.
  var stream: UInt32 = 0
  /// FNV-1a of the method's name, in a CALL.
  var method: UInt32 = 0
  /// Milliseconds until the deadline, in a CALL; 0 = the method's default.
  var timeoutMilliseconds: UInt32 = 0
  var metadataBytes: Int = 0
  var bodyBytes: Int = 0
  var attachmentBytes: Int = 0

  init(_ type: FrameType, flags: FrameFlags = [], stream: UInt32 = 0, bodyBytes: Int = 0) {
    self.type = type
    self.typeNumber = type.rawValue
    self.flags = flags
    self.stream = stream
    self.bodyBytes = bodyBytes
  }

  /// Everything after the header.
  var payloadBytes: Int { metadataBytes + bodyBytes + attachmentBytes }

  /// Header and payload: what the frame costs in credit.
  var frameBytes: Int { Self.byteCount + payloadBytes }

  /// The metadata's part of a payload.
  func metadata(of payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: payload[..<metadataBytes])
  }

  /// The body's part of a payload.
  func body(of payload: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: payload[metadataBytes..<metadataBytes + bodyBytes])
  }

  /// Reads the first 32 of `bytes` and checks every limit that holds for all frames, before anybody allocates for it.
  init(parsing bytes: UnsafeRawBufferPointer) throws(ProtocolError) {
    precondition(bytes.count >= Self.byteCount, "\(bytes.count) bytes for a header of \(Self.byteCount)")
    func word(_ index: Int) -> UInt32 {
      UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 + 4 * index, as: UInt32.self))
    }
    guard bytes[0] == Self.version else { throw .version(bytes[0]) }
    typeNumber = bytes[1]
    type = FrameType(rawValue: bytes[1])
    flags = FrameFlags(rawValue: UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
    stream = word(0)
    method = word(1)
    timeoutMilliseconds = word(2)
    metadataBytes = Int(word(3))
    bodyBytes = Int(word(4))
    attachmentBytes = Int(word(5))
    guard payloadBytes <= Limits.maximumPayloadBytes else { throw .frameTooLarge(bytes: frameBytes) }
    guard metadataBytes <= Limits.maximumMetadataBytes else { throw .metadataTooLarge(bytes: metadataBytes) }
  }

  /// Writes the header into the first 32 of `output`.
  func write(to output: UnsafeMutableRawBufferPointer) {
    precondition(output.count >= Self.byteCount, "\(output.count) bytes for a header of \(Self.byteCount)")
    func store(_ value: UInt32, _ index: Int) {
      output.storeBytes(of: value.bigEndian, toByteOffset: 4 + 4 * index, as: UInt32.self)
    }
    output[0] = Self.version
    output[1] = typeNumber
    output.storeBytes(of: flags.rawValue.bigEndian, toByteOffset: 2, as: UInt16.self)
    store(stream, 0)
    store(method, 1)
    store(timeoutMilliseconds, 2)
    store(UInt32(metadataBytes), 3)
    store(UInt32(bodyBytes), 4)
    store(UInt32(attachmentBytes), 5)
    store(0, 6)
  }
}
