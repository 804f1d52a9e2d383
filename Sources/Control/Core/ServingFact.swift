import Commerce
import Messages
import RPC

/// One thing that a ranker says of itself.
struct ServingFact: Sendable {
  let tenant: String
  let digest: String
  let bake: String
  let state: Int64
  let stateName: String
  let at: Timestamp
  let reason: String

  init(_ fact: View<Proto.ServingFact>, at path: String) throws(RPCError) {
    tenant = try Check.tenant("\(path).tenant", fact.tenant)
    bake = try Check.text("\(path).bake", fact.bake, bytes: 0...Limits.identifierBytes)
    reason = try Check.text("\(path).reason", fact.reason, bytes: 0...1_024)
    at = Timestamp(microseconds: fact.at_us)
    state = Int64(fact.state.rawValue)
    switch fact.state {
    case .adopted: stateName = "adopted"
    case .refused: stateName = "refused"
    case .stopped: stateName = "stopped"
    default: throw Check.failure("\(path).state", "is none of ADOPTED, REFUSED, STOPPED")
    }
    digest =
      fact.state == .stopped && fact.manifest_digest.isEmpty
      ? "" : try Check.digest("\(path).manifest_digest", fact.manifest_digest)
  }
}
