import Testing

@testable import RPC

@Suite("Which server a call goes to")
struct RendezvousTests {
  @Test("the weights are those of PROTOCOL.md")
  func vectors() throws {
    // Computed with Python from the definitions of FNV-1a and of MurmurHash3's finalizer.
    let lines = try #require(ProtocolVector.blocks("rendezvous").first).split(separator: "\n")
    #expect(lines.count == 5)
    for line in lines {
      let parts = line.split(separator: " ").map(String.init)
      let weight = try #require(UInt64(parts[3].dropFirst(2), radix: 16))
      #expect(Rendezvous(address: parts[0]).weight(of: parts[1]) == weight)
    }
  }

  private func candidates(_ servers: [Rendezvous], _ key: String) -> [ServerCandidate] {
    servers.map { ServerCandidate(standing: .ready, weight: $0.weight(of: key)) }
  }

  @Test("every server has its share of the keys, and one that goes away moves only its own", arguments: [2, 3, 5, 8])
  func shares(count: Int) {
    let servers = (0..<count).map { Rendezvous(address: "10.0.0.\($0):9443") }
    let keys = (0..<10_000).map { "tenant-\($0)" }
    let homes = keys.map { ServerCandidate.best(of: candidates(servers, $0), startingAt: 0)! }
    let share = keys.count / count
    for server in 0..<count {
      let own = homes.count { $0 == server }
      #expect(abs(own - share) < share / 10)
      for (key, home) in zip(keys, homes) {
        var candidates = candidates(servers, key)
        candidates[server].standing = .down(retryAt: .now)
        let moved = ServerCandidate.best(of: candidates, startingAt: 0)!
        #expect((moved == home) == (home != server))
        // Nor does it matter whether it is down or no longer there.
        candidates.remove(at: server)
        let rest = ServerCandidate.best(of: candidates, startingAt: 0)!
        #expect((rest < server ? rest : rest + 1) == moved)
      }
    }
  }

  @Test("without a key, the least busy server is taken, and chance decides among equals")
  func leastBusy() {
    var candidates = [3, 1, 1, 2].map { ServerCandidate(standing: .ready, inFlight: $0) }
    #expect((0..<4).map { ServerCandidate.best(of: candidates, startingAt: $0) } == [1, 1, 2, 1])
    candidates[1].standing = .untried
    #expect(ServerCandidate.best(of: candidates, startingAt: 0) == 1)
  }

  @Test("usable servers come first, untried ones before those where the call has been, the broken last")
  func ranks() {
    let now = ContinuousClock.now
    let down = ServerStanding.down(retryAt: now)
    let inOrder = [
      ServerCandidate(standing: .ready, inFlight: 100), ServerCandidate(standing: .untried, wasTried: true),
      ServerCandidate(standing: .ready, isServing: false),
      ServerCandidate(standing: .ready, isServing: false, wasTried: true),
      ServerCandidate(standing: down), ServerCandidate(standing: .down(retryAt: now + .seconds(1)), weight: 9),
      ServerCandidate(standing: down, wasTried: true, weight: .max),
    ]
    for first in inOrder.indices {
      let rest = Array(inOrder[first...].reversed())
      #expect(ServerCandidate.best(of: rest, startingAt: 0) == rest.count - 1)
    }
    #expect(ServerCandidate.best(of: [], startingAt: 0) == nil)
  }
}
