import Messages

/// Free attributes between their list in the contract and a dictionary.
enum Attributes {
  static func read(_ list: ViewList<Proto.Attribute>) throws(InvalidField) -> [String: AttributeValue] {
    try Check.count(list.count, atMost: Limits.attributes, "attributes")
    var attributes: [String: AttributeValue] = [:]
    for (index, view) in list.enumerated() {
      let key = view.key
      try Check.identifier(key, "attributes[\(index)].key")
      let value: AttributeValue
      switch view.value_case {
      case .text: value = .text(view.text)
      case .number: value = .number(view.number)
      case .flag: value = .flag(view.flag)
      default:
        throw InvalidField(field: "attributes[\(index)].value", reason: "is absent; a text, number or flag is needed")
      }
      guard attributes.updateValue(value, forKey: key) == nil else {
        throw InvalidField(field: "attributes[\(index)].key", reason: "'\(key)' is there twice")
      }
    }
    try check(attributes)
    return attributes
  }

  static func check(_ attributes: [String: AttributeValue]) throws(InvalidField) {
    try Check.count(attributes.count, atMost: Limits.attributes, "attributes")
    for (key, value) in attributes {
      try Check.identifier(key, "attributes.key")
      switch value {
      case .text(let text): _ = try Check.text(text, atMost: Limits.attributeTextBytes, "attributes[\(key)].text")
      case .number(let number):
        guard number.isFinite else { throw InvalidField(field: "attributes[\(key)].number", reason: "is not finite") }
      case .flag: break
      }
    }
  }

  /// In order of key, so that equal attributes are equal bytes.
  static func fill(_ draft: Draft<Proto.Attribute>, _ attribute: (key: String, value: AttributeValue)) {
    draft.key = attribute.key
    switch attribute.value {
    case .text(let text):
      draft.value_case = .text
      draft.text = text
    case .number(let number):
      draft.value_case = .number
      draft.number = number
    case .flag(let flag):
      draft.value_case = .flag
      draft.flag = flag
    }
  }
}
