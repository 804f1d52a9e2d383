/// What happens when a call of a method is carried out twice.
public enum Idempotency: Sendable {
  /// Something may happen twice: repeated only when it was certainly not processed.
  case none
  /// The server carries out an idempotency key once, and gives the first answer again: repeated with the same key.
  case keyed
  /// Nothing more than when it is carried out once.
  case idempotent
}
