/// A person's gender, where the tenant knows it.
public enum Gender: String, CaseIterable, Sendable {
  case female, male, other
}
