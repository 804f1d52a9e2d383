extension Unmanaged {
  /// Runs `body` on the object, which somebody else keeps alive meanwhile, without counting a reference.
  @inline(__always)
  func borrowing<R, E: Error>(_ body: (Instance) throws(E) -> R) throws(E) -> R {
    // `_withUnsafeGuaranteedRef` does not carry typed errors.
    try _withUnsafeGuaranteedRef { object in Result { () throws(E) in try body(object) } }.get()
  }
}
