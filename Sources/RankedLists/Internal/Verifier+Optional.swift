import Glibc

/// The sections that a file may be without.
extension Verifier {
  func verifyDetails(_ sections: ListSections) throws(RankedListsError) {
    guard let table = sections.beside.details else { return }
    var expected = 0
    for index in 0..<table.count {
      let end = table.offset(index + 1)
      guard table.offset(index) == expected, end >= expected, end <= table.items.count,
        DetailsRecord(checking: table.item(index), candidates: table.count) != nil
      else { throw refusal(.details, "the item of candidate \(index) is not what the format says") }
      expected = end
    }
    guard table.offset(0) == 0, expected == table.items.count else {
      throw refusal(.details, "the section does not end with its last item")
    }
  }

  /// Every candidate once, as ascending is only possible for each of them once.
  func verifyOrder(_ sections: ListSections) throws(RankedListsError) {
    guard let order = sections.beside.order else { return }
    let count = sections.candidates.count
    for place in 0..<count {
      guard order.load(place * Format.orderBytes, as: UInt32.self) < UInt32(count) else {
        throw refusal(.order, "place \(place) names no candidate")
      }
      guard place == 0 || CandidateKey(sections, at: place - 1).precedes(CandidateKey(sections, at: place)) else {
        throw refusal(.order, "place \(place) does not ascend")
      }
    }
  }

  mutating func verifyNeighbours(_ sections: ListSections) throws(RankedListsError) {
    guard let table = sections.beside.neighbours else { return }
    var expected = 0
    for index in 0..<table.count {
      let end = table.offset(index + 1)
      guard table.offset(index) == expected, end >= expected, end <= table.items.count,
        (end - expected) % Format.entryBytes == 0
      else { throw refusal(.neighbours, "the list of candidate \(index) leaves the section") }
      let list = ListEntries(table.item(index))
      if let problem = check.problem(in: list, candidates: table.count) {
        throw refusal(.neighbours, "the list of candidate \(index): \(problem)")
      }
      guard !list.contains(where: { $0.candidate == UInt32(index) }) else {
        throw refusal(.neighbours, "candidate \(index) is its own neighbour")
      }
      expected = end
    }
    guard table.offset(0) == 0, expected == table.items.count else {
      throw refusal(.neighbours, "the section does not end with its last list")
    }
  }

  /// The blobs named must be blobs: both ascend, so one walk over the lists finds them all.
  func verifyBought(_ sections: ListSections) throws(RankedListsError) {
    guard let bought = sections.beside.bought else { return }
    guard bought.isRight(candidates: sections.candidates.count) else {
      throw refusal(.bought, "its candidates or their places are not what the format says")
    }
    var (number, offset) = (0, 0)
    while offset < sections.lists.count, number < bought.customers {
      if bought.blob(number) == UInt64(offset) { number += 1 }
      offset += ListBlob(sections.lists, at: offset).stride
    }
    guard number == bought.customers else { throw refusal(.bought, "it names a list that there is not") }
  }

  /// A word for an entry is a reason or 0, every other word is 0. The lists are verified before.
  func verifyReasons(_ sections: ListSections) throws(RankedListsError) {
    guard let reasons = sections.beside.reasons else { return }
    let candidates = sections.candidates.count
    func word(_ offset: Int) -> UInt32 {
      reasons.load(offset / Format.blobAlignment * Format.reasonBytes, as: UInt32.self)
    }
    var offset = 0
    while offset < sections.lists.count {
      let blob = ListBlob(sections.lists, at: offset)
      for place in stride(from: offset, to: offset + blob.stride, by: Format.blobAlignment) {
        let reason = ListReason(code: word(place))
        guard place >= blob.entriesOffset ? (reason == nil) == (word(place) == 0) : word(place) == 0,
          (reason?.candidate ?? 0) < max(1, candidates)
        else { throw refusal(.reasons, "the reason for byte \(place) of the lists is none") }
      }
      offset += blob.stride
    }
  }
}

/// Product and offer of a candidate as they are ordered: a product as such before its offers.
struct CandidateKey {
  private let product: UnsafeRawBufferPointer
  private let offer: UnsafeRawBufferPointer

  /// The candidate at a place of the order, which must name one.
  init(_ sections: ListSections, at place: Int) {
    let order = sections.beside.order.map { Int($0.load(place * Format.orderBytes, as: UInt32.self)) } ?? place
    let candidate = Candidate(sections.candidates.items, at: sections.candidates.offset(order))
    product = candidate.productBytes
    offer = candidate.offerBytes
  }

  init(product: UnsafeRawBufferPointer, offer: UnsafeRawBufferPointer) {
    self.product = product
    self.offer = offer
  }

  func precedes(_ other: CandidateKey) -> Bool {
    let order = Self.compare(product, other.product)
    return order == 0 ? Self.compare(offer, other.offer) < 0 : order < 0
  }

  func isOf(_ wanted: UnsafeRawBufferPointer) -> Bool { Self.compare(product, wanted) == 0 }

  /// Below 0 where `a` stands before `b`, 0 where they are equal.
  private static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    guard let left = a.baseAddress, let right = b.baseAddress else { return a.count - b.count }
    let order = memcmp(left, right, min(a.count, b.count))
    return order == 0 ? a.count - b.count : Int(order)
  }
}
