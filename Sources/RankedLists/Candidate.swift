/// One product, or one offer of it, as the dictionary of a mapped file holds it; valid as long as the file is.
public struct Candidate: ~Escapable {
  let productBytes: UnsafeRawBufferPointer
  let offerBytes: UnsafeRawBufferPointer

  @_lifetime(immortal)
  @inline(__always)
  init(_ items: FileBytes, at offset: Int) {
    let product = Int(items.load(offset, as: UInt8.self))
    let offer = Int(items.load(offset + 1, as: UInt8.self))
    productBytes = items.slice(offset + Format.candidateHeadBytes, product).raw
    offerBytes = items.slice(offset + Format.candidateHeadBytes + product, offer).raw
  }

  /// The product's id, UTF-8 without NUL.
  public var product: RawSpan {
    @_lifetime(copy self) get { _overrideLifetime(RawSpan(_unsafeBytes: productBytes), copying: self) }
  }

  /// The offer's id, UTF-8 without NUL; empty if the candidate is the product as such.
  public var offer: RawSpan {
    @_lifetime(copy self) get { _overrideLifetime(RawSpan(_unsafeBytes: offerBytes), copying: self) }
  }
}
