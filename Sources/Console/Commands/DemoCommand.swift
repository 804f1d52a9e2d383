import ArgumentParser

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Plays two months of a real wholesaler's orders against the real services.",
    discussion: """
      The orders are UCI Online Retail (CC BY 4.0), one tenant for each of its 37 countries. The exit status is 0 only \
      when the lists that were live in the United Kingdom hit more of what customers went on to buy than popularity's.
      """)

  @Option(help: "Folder for data, certificates and logs; what a demo left there is removed first.")
  var dir = ".nightjar"

  func run() async throws {
  }
}
