import Foundation
import Testing

@testable import Operations

@Suite("the claim to a folder")
struct FolderClaimTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "nightjar-claim-\(UUID())").path

  @Test("is one holder's at a time, and ends with its holder")
  func oneAtATime() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var first: FolderClaim? = try FolderClaim(folder)
    let error = #expect(throws: StartError.self) { _ = try FolderClaim(folder) }
    #expect(error?.problem.contains(folder) == true)
    _ = try FolderClaim(folder, file: "other")
    withExtendedLifetime(first) {}
    first = nil
    _ = try FolderClaim(folder)
  }

  @Test("makes the folder for its owner only, and names one that cannot be made")
  func folders() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try FolderClaim(folder)
    let mode = try FileManager.default.attributesOfItem(atPath: folder)[.posixPermissions] as? Int
    #expect(mode == 0o700)
    let error = #expect(throws: StartError.self) { _ = try FolderClaim("\(folder)/a/b") }
    #expect(error?.problem.contains("\(folder)/a/b") == true)
  }

  @Test("that fails closes nothing of anybody else's")
  func closesItsOwn() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let claim = try FolderClaim(folder)
    let folder = folder
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for _ in 0..<5_000 { #expect(throws: StartError.self) { _ = try FolderClaim(folder) } }
      }
      group.addTask {
        // Whoever closes a descriptor twice may hit one that another thread has opened in between.
        for _ in 0..<200_000 {
          let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
          let end = close(descriptor)
          #expect(end == 0)
          if end != 0 { return }
        }
      }
    }
    withExtendedLifetime(claim) {}
  }
}
