import Messages

extension CallMetadata {
  /// Reads what came with a CALL frame; no bytes are no metadata. Texts are bounded by `Limits.maximumMetadataBytes`.
  init(decoding bytes: UnsafeRawBufferPointer) throws(RPCError) {
    self.init()
    guard !bytes.isEmpty else { return }
    do throws(MessageError) {
      let view = try Arena(limit: Arena.limit(forWireBytes: bytes.count)).decode(Proto.CallMetadata.self, from: bytes)
      traceparent = view.traceparent
      attempt = view.attempt
      idempotencyKey = view.idempotency_key
    } catch {
      throw RPCError(.invalidArgument, "metadata: \(error)")
    }
    guard idempotencyKey.utf8.count <= Self.maximumKeyBytes else {
      throw RPCError(
        .invalidArgument,
        "metadata: an idempotency key of \(idempotencyKey.utf8.count) bytes; at most \(Self.maximumKeyBytes)")
    }
  }
}
