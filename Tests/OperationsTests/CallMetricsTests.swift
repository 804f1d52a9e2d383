import CoreMetrics
import Messages
import Testing
import Transport

@testable import Operations
@testable import RPC

@Suite("the metrics of calls")
struct CallMetricsTests {
  private static let methods = (0..<23).map { index in
    RPC.Method<Proto.SignedGrant, Proto.SignedGrant>(
      "test.Service/Method\(index)", .unary, callers: [.platform], server: .ranker, maximumRequestBytes: 9,
      maximumResponseBytes: 9, timeout: .seconds(1))
  }

  private func context(_ method: String, _ id: UInt32) -> CallContext {
    let caller = Caller(PeerIdentity(role: .platform, name: "a"), serverName: nil, tenantDomain: "")
    return CallContext(
      CallContext.Origin(caller, method: method, id: id), deadline: .now, metadata: CallMetadata())
  }

  @Test("count each method apart, refused calls and unknown methods too")
  func counts() throws {
    let metrics = Metrics()
    var router = Router()
    for method in Self.methods { router.unary(method) { request, _ in Encoded { $0.grant = request.grant } } }
    let calls = CallMetrics(router, factory: metrics)
    for (index, method) in Self.methods.enumerated() {
      let context = context(method.name, method.id)
      for round in 0...index {
        try calls.began(context)
        guard round > 0 else { continue }
        calls.ended(
          context,
          CallSummary(
            hasBegun: true, error: round == 1 ? RPCError(.notFound, "no") : nil, nanoseconds: 15_000,
            requestBytes: 10,
            responseBytes: 100))
      }
    }
    let refused = CallSummary(
      hasBegun: false, error: RPCError(.unimplemented, "no"), nanoseconds: 0, requestBytes: 0, responseBytes: 0)
    for id in 0..<5 as Range<UInt32> { calls.ended(context("0x0000000\(id)", id), refused) }

    let lines = metrics.exposition().split(separator: "\n")
    func value(_ series: String) -> String? {
      lines.first { $0.hasPrefix(series + " ") }.map { String($0.dropFirst(series.count + 1)) }
    }
    for (index, method) in Self.methods.enumerated() {
      let name = "method=\"\(method.name)\""
      #expect(value("nightjar_rpc_calls_in_flight{\(name)}") == "1")
      #expect(value("nightjar_rpc_calls_total{code=\"OK\",\(name)}") == "\(max(0, index - 1))")
      #expect(value("nightjar_rpc_calls_total{code=\"NOT_FOUND\",\(name)}") == (index > 0 ? "1" : nil))
      #expect(value("nightjar_rpc_request_bytes_total{\(name)}") == "\(10 * index)")
      #expect(value("nightjar_rpc_response_bytes_total{\(name)}") == "\(100 * index)")
      #expect(value("nightjar_rpc_call_seconds_bucket{\(name),le=\"1e-05\"}") == "0")
      #expect(value("nightjar_rpc_call_seconds_bucket{\(name),le=\"2e-05\"}") == "\(index)")
    }
    #expect(value("nightjar_rpc_calls_total{code=\"UNIMPLEMENTED\",method=\"unknown\"}") == "5")
    #expect(value("nightjar_rpc_calls_in_flight{method=\"unknown\"}") == "0")
  }
}
