/// What a CALL frame says besides its message.
struct CallOpening {
  /// FNV-1a of the method's name.
  var method: UInt32
  var timeoutMilliseconds: UInt32
  /// An encoded `CallMetadata`, at most `Limits.maximumMetadataBytes`; empty = none.
  var metadata: [UInt8] = []
}
