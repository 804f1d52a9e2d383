import Testing

@testable import Learning

@Suite struct RandomTests {
  @Test("SplitMix64 gives the published sequence of its seed")
  func splitMix() {
    var random = SplitMix64(seed: 1_234_567)
    let expected: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423, 4_593_380_528_125_082_431,
    ]
    for value in expected { #expect(random.next() == value) }
  }

  @Test("indexes stay below their bound and come about equally often", arguments: [1, 2, 3, 7, 1_000])
  func indexes(bound: Int) {
    var random = Xoshiro256(seed: 3)
    var seen = [Int](repeating: 0, count: bound)
    for _ in 0..<bound * 100 { seen[random.nextIndex(below: bound)] += 1 }
    #expect(seen.allSatisfy { $0 > 40 && $0 < 180 })
  }

  @Test("normal draws have mean 0 and variance 1")
  func normals() {
    var random = Xoshiro256(seed: 4)
    let draws = (0..<20_000).map { _ in random.nextNormal() }
    let mean = draws.reduce(0, +) / 20_000
    #expect(abs(mean) < 0.03)
    #expect(abs(draws.reduce(0) { $0 + $1 * $1 } / 20_000 - mean * mean - 1) < 0.05)
  }
}
