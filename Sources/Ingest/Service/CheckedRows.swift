import Commerce
import Messages

/// The rows of one request, checked one by one: those that are valid, and why the others are not.
struct CheckedRows<Row: Sendable>: Sendable {
  private(set) var valid: [Row] = []
  /// Index of the row, and what is wrong; in order.
  private(set) var invalid: [(row: Int, violation: InvalidField)] = []
  let count: Int

  init<M: Message>(_ views: ViewList<M>, _ read: (View<M>) throws(InvalidField) -> Row) {
    count = views.count
    valid.reserveCapacity(views.count)
    for (index, view) in views.enumerated() {
      do throws(InvalidField) {
        valid.append(try read(view))
      } catch {
        invalid.append((index, error))
      }
    }
  }

  /// The contract's answer, once the valid rows are judged.
  func response(_ outcome: WriteOutcome) -> Encoded<Proto.WriteResponse> {
    var verdicts: [Proto.Verdict] = []
    var rejections: [(row: Int, violation: InvalidField)] = []
    var judged = outcome.verdicts[...]
    var unread = invalid[...]
    for row in 0..<count {
      if unread.first?.row == row, let rejection = unread.popFirst() {
        verdicts.append(.rejected)
        rejections.append(rejection)
        continue
      }
      switch judged.popFirst() {
      case .accepted: verdicts.append(.accepted)
      case .duplicate: verdicts.append(.duplicate)
      case .rejected(let violation):
        verdicts.append(.rejected)
        rejections.append((row, violation))
      case nil: preconditionFailure("row \(row) of \(count) was not judged")
      }
    }
    return Encoded { draft in
      draft.scalars(\.n_verdicts, \.verdicts, verdicts)
      draft.list(\.n_rejections, \.rejections, of: rejections) { rejection, source in
        rejection.row = UInt32(source.row)
        rejection.field = source.violation.field
        rejection.reason = source.violation.reason
      }
      draft.sequence = outcome.sequence
    }
  }
}
