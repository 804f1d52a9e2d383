import Foundation
import Testing

@testable import RankedLists

@Suite("SipHash-2-4")
struct SipHashTests {
  @Test(
    "agrees with its authors' vectors",
    arguments: [
      (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (2, 0x0d6c_8009_d9a9_4f5a), (7, 0xab02_00f5_8b01_d137),
      (8, 0x93f5_f579_9a93_2462), (15, 0xa129_ca61_49be_45e5),
    ] as [(Int, UInt64)])
  func vectors(length: Int, expected: UInt64) {
    let hash = SipHash(keyBytes: Array(0..<16))
    let input = [UInt8](0..<UInt8(length))
    #expect(input.withUnsafeBytes { hash.hash($0) } == expected)
  }
}

@Suite("SHA-256")
struct SHA256Tests {
  @Test("agrees with FIPS 180's vector and spells itself in lower-case hexadecimal")
  func vector() throws {
    let digest = SHA256Digest(of: Array("abc".utf8))
    let hex = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(digest.description == hex)
    #expect(SHA256Digest(hex: hex) == digest)
  }

  @Test("reads no other spelling", arguments: ["", "ab", "../../etc/passwd", String(repeating: "A", count: 64)])
  func spellings(text: String) {
    #expect(SHA256Digest(hex: text) == nil)
  }

  @Test("a thread that yields between pieces hashes the same", arguments: [0, 1, 16_384, 32_768, 32_769, 100_000])
  func pieces(size: Int) async {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let own = SHA256Digest(of: bytes)
    let patient = await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var none = sched_param()
        // Linux's SCHED_IDLE.
        let isLowered = sched_setscheduler(0, 5, &none) == 0
        continuation.resume(returning: isLowered ? SHA256Digest(of: bytes) : nil)
      }
    }
    #expect(patient == own)
  }

  @Test("a million times 'a' (FIPS 180-2, appendix B.3)")
  func million() {
    let hex = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    #expect("\(SHA256Digest(of: [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)))" == hex)
  }
}
