import NightjarClient
import RPC
import RankedLists

/// The caller's name for a call, the same in all of its attempts, whichever rankers they reach.
///
/// It makes the recommendation id: the first half says which customer's answer in which call, the second what was answered.
/// So attempts that are answered alike share one id, and those that are not, as when one ranker has the new lists already,
/// have ids that each say what was answered, and are still known for one call.
struct CallKey {
  private let first: SipHash
  private let second: SipHash

  /// Nil = the caller gave none.
  init?(_ bytes: UnsafeRawBufferPointer) throws(RPCError) {
    guard !bytes.isEmpty else { return nil }
    guard bytes.count == RankerService.callKeyBytes else {
      throw Demand.refusal("call_key", "has \(bytes.count) bytes; \(RankerService.callKeyBytes) are needed, or none")
    }
    let (k0, k1) = (
      UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)),
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    )
    first = SipHash(k0: k0, k1: k1)
    second = SipHash(k0: k1, k1: ~k0)
  }

  /// The halves of the id. `answer`: its encoding so far.
  func id(of customer: UnsafeRawBufferPointer, _ answer: UnsafeRawBufferPointer) -> (UInt64, UInt64) {
    (first.hash(customer), second.hash(answer))
  }
}
