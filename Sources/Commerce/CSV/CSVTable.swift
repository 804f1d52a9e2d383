/// The rows of a file with a header, each read and checked.
///
/// ```swift
/// var table = try CSVTable<Event>(reader: CSVReader(chunks: file.read))
/// while let (line, event) = try table.next() { … }
/// ```
public struct CSVTable<Row: CSVRow>: ~Copyable {
  private var reader: CSVReader
  private let header: Header

  /// Reads the header. Throws `CSVHeaderError`, which names missing and unknown columns, or what reading throws.
  public init(reader: consuming CSVReader) throws {
    guard let header = try reader.next() else { throw CSVHeaderError(description: "header: the file is empty") }
    switch header.fields {
    case .success(let names): self.header = Header(places: try Row.columns.places(in: names), count: names.count)
    case .failure(let error): throw CSVHeaderError(description: "header: \(error)")
    }
    self.reader = reader
  }

  /// The next row with its line number, or what is wrong with that line; nil at the end. Throws only what reading throws.
  public mutating func next() throws -> (line: Int, row: Result<Row, CSVError>)? {
    guard let line = try reader.next() else { return nil }
    let header = header
    return (line.number, line.fields.flatMap { header.row($0) })
  }

  private struct Header {
    let places: [String: Int]
    let count: Int

    func row(_ fields: [String]) -> Result<Row, CSVError> {
      guard fields.count == count else { return .failure(.columnCount(found: fields.count, header: count)) }
      do throws(InvalidField) {
        return .success(try Row(csv: CSVFields(places: places, fields: fields)))
      } catch {
        return .failure(.invalid(error))
      }
    }
  }
}
