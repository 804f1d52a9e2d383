import Foundation
import Testing

@testable import Ranking

@Suite("Served records: rings")
struct ServedRingTests {
  private let scratch: Scratch
  private let path: String

  init() throws {
    scratch = try Scratch()
    path = scratch.file("rings")
  }

  private func ring() throws -> (ServedRings, ServedRing) {
    let rings = try ServedRings.make(path: path, count: 1, ringBytes: 128 << 10)
    return (rings, rings.rings[0])
  }

  private func append(_ number: Int, items: Int = 3, to ring: ServedRing) -> Bool {
    Serve.withEntry(number, items: items) { ring.append($0) }
  }

  @Test("records come out in order, whole also where they run past the end, many times round")
  func wrap() throws {
    let (rings, ring) = try ring()
    var (written, taken) = (0, 0)
    for step in 0..<4_000 {
      #expect(append(written, items: step % 40, to: ring))
      written += 1
      guard step % 7 == 6 else { continue }
      let found = Serve.numbers(in: Array(ring.pending))
      #expect(found.numbers == Array(taken..<written) && found.gaps == 0)
      taken = written
      ring.take(ring.pending.count)
    }
    #expect(ring.records == 4_000)
    withExtendedLifetime(rings) {}
  }

  @Test("a full ring refuses, loses nothing that it holds, and takes again once there is room")
  func full() throws {
    let (rings, ring) = try ring()
    var written = 0
    while append(written, to: ring) { written += 1 }
    #expect(written == (128 << 10) / Serve.record(0).count)
    #expect(Serve.numbers(in: Array(ring.pending)).numbers == Array(0..<written))
    ring.take(Serve.record(0).count)
    #expect(append(written, to: ring) && !append(written + 1, to: ring))
    #expect(Serve.numbers(in: Array(ring.pending)).numbers == Array(1...written))
    withExtendedLifetime(rings) {}
  }

  @Test("a record longer than any may be is refused")
  func tooLong() throws {
    let (rings, ring) = try ring()
    #expect(!append(1, items: 20_000, to: ring) && ring.pending.isEmpty)
    withExtendedLifetime(rings) {}
  }

  @Test("one thread writes while another takes, and nothing is lost or seen half")
  func twoThreads() throws {
    let (rings, ring) = try ring()
    let count = 20_000
    let writer = Thread {
      for number in 0..<count { while !self.append(number, items: number % 20, to: ring) { sched_yield() } }
    }
    writer.start()
    var seen = 0
    while seen < count {
      let bytes = Array(ring.pending)
      let found = Serve.numbers(in: bytes)
      guard found.gaps == 0, found.numbers == Array(seen..<(seen + found.numbers.count)) else {
        Issue.record("after \(seen): \(found)")
        return
      }
      seen += found.numbers.count
      ring.take(bytes.count)
    }
    withExtendedLifetime(rings) {}
  }

  @Test("the next process finds what was written and not taken, wherever head and tail stand")
  func left() throws {
    for taken in [0, 1, 300, 900] {
      unlink(path)
      do {
        let (rings, ring) = try ring()
        for number in 0..<taken {
          #expect(append(number, to: ring))
          ring.take(ring.pending.count)
        }
        for number in taken..<(taken + 50) { #expect(append(number, to: ring)) }
        withExtendedLifetime(rings) {}
      }
      let rings = try #require(try ServedRings.open(path: path))
      let found = Serve.numbers(in: Array(rings.rings[0].left))
      #expect(found.numbers == Array(taken..<(taken + 50)) && found.gaps == 0)
    }
  }

  @Test("where head or tail has a flipped bit, every record is found all the same, and nothing that was none")
  func flippedPositions() throws {
    do {
      let (rings, ring) = try ring()
      for number in 0..<700 {
        #expect(append(number, to: ring))
        if number < 600 { ring.take(ring.pending.count) }
      }
      withExtendedLifetime(rings) {}
    }
    let good = try bytes(of: path)
    for position in [4_096, 4_096 + 64] {
      for bit in 0..<64 {
        var damaged = good
        damaged[position + bit / 8] ^= 1 << (bit % 8)
        try write(damaged, to: path)
        let rings = try #require(try ServedRings.open(path: path))
        let found = Set(Serve.numbers(in: Array(rings.rings[0].left)).numbers)
        #expect(found.isSubset(of: Set(0..<700)))
        // Below the ring's length a wrong position may look right: then what lies outside it is not looked for.
        if bit < 5 || bit >= 17 { #expect(found.isSuperset(of: 600..<700), "bit \(bit) of \(position)") }
      }
    }
  }

  @Test("no first page that a file may have is trusted: nothing is mapped past its end")
  func hostileHeaders() throws {
    _ = try ring()
    let good = try bytes(of: path)
    for bit in 0..<128 {
      var damaged = good
      damaged[bit / 8] ^= 1 << (bit % 8)
      try write(damaged, to: path)
      if let rings = try ServedRings.open(path: path) {
        for ring in rings.rings { #expect(Serve.numbers(in: Array(ring.left)).numbers.isEmpty) }
      }
    }
    for length in [0, 1, 15, 16, 4_095, 4_096, 8_192, good.count - 1] {
      try write(Array(good[..<length]), to: path)
      #expect(try ServedRings.open(path: path) == nil)
    }
  }
}
