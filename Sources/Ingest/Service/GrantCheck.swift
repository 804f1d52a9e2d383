import Commerce
import Messages
import RPC
import Transport

/// Decides whether a trainer may read a snapshot: control must have said so, for this trainer and exactly this snapshot.
struct GrantCheck: Sendable {
  private let verifier: SignatureVerifier

  init(verifier: SignatureVerifier) {
    self.verifier = verifier
  }

  /// Throws PERMISSION_DENIED, with the reason, unless the grant covers the request.
  func check(
    _ request: View<Proto.StreamSnapshotRequest>, from caller: PeerIdentity, now: Timestamp
  ) throws(RPCError) {
    guard let signed = request.grant else { throw Self.denied("no grant is given; control gives one with a lease") }
    let grant: View<Proto.Grant>
    do {
      let signature = Signature(certificate: signed.certificate, signature: signed.signature)
      _ = try verifier.verify(signed.grant, signature, role: .control)
      grant = try Encoded<Proto.Grant>(unchecked: signed.grant).decode()
    } catch {
      throw Self.denied("the grant is not believed: \(error)")
    }
    guard grant.tenant == request.tenant else {
      throw Self.denied("the grant is for tenant '\(grant.tenant)', not for '\(request.tenant)'")
    }
    guard grant.trainer == caller.description else {
      throw Self.denied("the grant is for \(grant.trainer), the caller is \(caller)")
    }
    guard grant.watermark == request.watermark, grant.as_of_us == request.as_of_us else {
      throw Self.denied("the grant is for another snapshot of the tenant")
    }
    let expiry = Timestamp(microseconds: grant.expires_at_us)
    guard now < expiry else { throw Self.denied("the grant ran out at \(expiry)") }
  }

  private static func denied(_ reason: String) -> RPCError { RPCError(.permissionDenied, reason) }
}
