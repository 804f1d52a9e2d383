import Commerce
import Messages
import Testing

/// Steele, Lea, Flood 2014: the generator that makes failures repeatable.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}

/// The field that is found wrong; nil where nothing is.
func refusedField(_ body: () throws(InvalidField) -> Void) -> String? {
  do throws(InvalidField) {
    try body()
    return nil
  } catch {
    return error.field
  }
}

/// The field of a message that is found wrong; nil where nothing is.
func refusedField<M: Message>(_ message: Encoded<M>, _ read: (View<M>) throws -> Void) throws -> String? {
  do {
    try read(try message.decode())
    return nil
  } catch let error as InvalidField {
    return error.field
  }
}

func text(_ bytes: Int) -> String { String(repeating: "x", count: bytes) }
