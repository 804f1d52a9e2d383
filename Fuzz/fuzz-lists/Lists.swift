import Foundation

@testable import RankedLists

/// The ranked-lists file under seals that are right: the input lies over a good file, is sealed, opened and read through.
///
/// An input is a list of changes, each u16 position, u8 length, bytes: so that what is changed lies under the seals' noses.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  var changes = UnsafeRawBufferPointer(start: data, count: size)[...]
  var file = good
  while changes.count >= 3 {
    let position = (Int(changes[changes.startIndex]) << 8 | Int(changes[changes.startIndex + 1])) % file.count
    let length = Int(changes[changes.startIndex + 2]) % 32
    changes = changes.dropFirst(3)
    for (index, byte) in changes.prefix(length).enumerated() where position + index < file.count {
      file[position + index] = byte
    }
    changes = changes.dropFirst(length)
  }
  seal(&file)
  file.withUnsafeBytes { bytes in
    var verifier = Verifier(path: "fuzz", bytes: FileBytes(bytes))
    guard let (_, sections) = try? verifier.verify(tenant: "uk", bake: "b-1") else { return }
    readThrough(sections)
  }
  return 0
}

private func readThrough(_ sections: ListSections) {
  var sum: Float = 0
  for place in 0..<sections.customers {
    let blob = ListBlob(sections.lists, at: Int(sections.record(place).offset))
    precondition(sections.find(blob.key.raw)?.place == place)
    for entry in ListEntries(blob.entries) {
      sum += entry.score
      _ = Candidate(sections.candidates.items, at: sections.candidates.offset(Int(entry.candidate)))
      if let details = sections.beside.details {
        let record = DetailsRecord(details.item(Int(entry.candidate)))
        _ = record.labels(record.categories).count + record.labels(record.regions).count
      }
    }
    sections.beside.bought?.forEach(blob: blob.offset) { sum += Float($0) }
    if let groups = sections.beside.groups {
      _ = groups.segmentLabel(groups.segment(place))
      _ = groups.regionLabel(groups.region(place))
    }
  }
  if let factors = sections.beside.factors {
    sum += factors.gram.reduce(0, +) + factors.biases.reduce(0, +) + factors.vectors.reduce(0, +)
  }
  if let neighbours = sections.beside.neighbours {
    for index in 0..<neighbours.count { for entry in ListEntries(neighbours.item(index)) { sum += entry.score } }
  }
}

/// Makes every seal right again, as far as the table still points into the file.
private func seal(_ file: inout [UInt8]) {
  func load(_ offset: Int) -> UInt64 {
    file.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }
  let rows = Int(UInt32(truncatingIfNeeded: load(Format.Header.sections)))
  for index in 0..<min(rows, Format.maximumSections) {
    let row = Format.Header.size + index * Format.TableRow.size
    guard row + Format.TableRow.size <= file.count else { break }
    let (offset, length) = (load(row + Format.TableRow.offset), load(row + Format.TableRow.length))
    guard offset <= UInt64(file.count), length <= UInt64(file.count) - offset else { continue }
    let digest = SHA256Digest(of: Array(file[Int(offset)..<Int(offset + length)])).bytes
    file.replaceSubrange(row + Format.TableRow.digest..<row + Format.TableRow.size, with: digest)
  }
  let end = min(file.count, Format.Header.size + min(rows, Format.maximumSections + 1) * Format.TableRow.size)
  let digest = SHA256Digest(of: Array(file[..<Format.Header.digest] + file[Format.Header.size..<end])).bytes
  file.replaceSubrange(Format.Header.digest..<Format.Header.size, with: digest)
}

/// A small file with every part.
private let good: [UInt8] = {
  let path = NSTemporaryDirectory() + "fuzz-lists-\(getpid())"
  defer { try? FileManager.default.removeItem(atPath: path) }
  do {
    var writer = try RankedListsWriter(
      path: path, header: RankedListsHeader(tenant: "uk", model: "m-1", bake: "b-1", asOf: 1),
      parts: [.details, .groups, .factors, .neighbours, .reasons, .bought])
    for product in ["a", "b", "c"] {
      _ = try writer.addCandidate(
        product: product, offer: product == "c" ? "o" : nil,
        details: CandidateDetails(name: product, categories: ["k", "l"], regions: ["r"], availableUntil: 9))
    }
    let entries = (0..<3 as Range<UInt32>).map { RankedEntry(candidate: $0, score: 1 - Float($0)) }
    for (index, customer) in ["x", "yy", "zzz"].enumerated() {
      try writer.add(
        customer: customer, entries: Array(entries.prefix(index + 1)),
        reasons: entries.prefix(index + 1).map { ListReason(.boughtWith, candidate: $0.candidate) }, segment: "s",
        region: "r", bought: [2, UInt32(index) % 2])
    }
    try writer.add(customer: "nobody", nothing: .notPermitted)
    try writer.setFallback(.overall, entries: entries)
    try writer.setFallback(.segment("s"), entries: [])
    try writer.setNeighbours(of: 0, [entries[1], entries[2]])
    try writer.setFactors(
      ItemFactors(
        dimensions: 2, regularization: 1, confidence: 1, gram: [1, 0, 0, 1], biases: [0, 0, 0],
        vectors: [1, 2, 3, 4, 5, 6]))
    try writer.finish()
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
  } catch {
    fatalError("the good file cannot be made: \(error)")
  }
}()
