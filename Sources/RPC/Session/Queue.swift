/// First in, first out. Complexity: O(1) amortised for both ends.
struct Queue<Element> {
  private var elements: [Element?] = []
  private var head = 0

  var isEmpty: Bool { head == elements.count }
  var count: Int { elements.count - head }
  var first: Element? { isEmpty ? nil : elements[head] }

  mutating func append(_ element: Element) { elements.append(element) }

  mutating func popFirst() -> Element? {
    guard !isEmpty else { return nil }
    let element = elements[head]
    elements[head] = nil
    head += 1
    // Dropping the dead half only when it is the larger one keeps popping O(1) amortised.
    if head == elements.count {
      elements.removeAll(keepingCapacity: true)
      head = 0
    } else if head > elements.count / 2, head > 16 {
      elements.removeSubrange(..<head)
      head = 0
    }
    return element
  }

  /// Drops those that are `dead`. Complexity: O(count).
  mutating func removeAll(where dead: (Element) -> Bool) {
    elements = elements[head...].filter { element in element.map { !dead($0) } ?? false }
    head = 0
  }
}
