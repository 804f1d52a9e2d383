/// Where each section of a file begins, once the length of all is known.
struct FileLayout {
  /// Bytes of the file.
  let end: Int
  private let starts: [Format.Section: Int]

  init(_ sections: [Format.Section], lengths: [Format.Section: Int]) {
    var starts: [Format.Section: Int] = [:]
    var end = Format.firstSection(of: sections.count)
    for section in sections {
      let start = Format.aligned(end)
      starts[section] = start
      end = start + (lengths[section] ?? 0)
    }
    self.starts = starts
    self.end = end
  }

  func start(of section: Format.Section) -> Int {
    guard let start = starts[section] else { preconditionFailure("\(section) is not in the file") }
    return start
  }
}
