/// What becomes of products that a customer has bought already, as of the bake.
enum BoughtProducts {
  /// They are recommended like any other.
  case listed
  /// They are not recommended, and customers' own lists have none of them; what else an answer is made from may have.
  case notInLists
  /// They are not recommended, though the lists have them.
  case leftOut

  /// `isAllowed`: the tenant sells what is bought again and again. `isInLists`: the lists were baked for such a tenant.
  init(isAllowed: Bool, isInLists: Bool) {
    self = isAllowed ? .listed : isInLists ? .leftOut : .notInLists
  }
}
