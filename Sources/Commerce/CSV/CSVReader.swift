/// Reads comma-separated values (RFC 4180) from chunks of bytes, with bounded memory and without giving up.
///
/// Lines end in LF or CRLF, a quoted field may hold commas, line ends and doubled quotes, a UTF-8 byte order mark and
/// empty lines are passed over. A line that is broken is reported, and reading goes on at the line after the one it
/// began on, so that an open quote costs one line and not the file.
public struct CSVReader: ~Copyable {
  /// Longest record, its line ends included.
  public static let maximumLineBytes = 1 << 20

  private let readChunk: () throws -> [UInt8]
  /// Bytes read and not yet consumed start at `start`.
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  private var isAtBeginning = true
  private var lineNumber = 1

  /// A reader of what `chunks` returns call by call; an empty chunk is the end.
  public init(chunks: @escaping () throws -> [UInt8]) {
    readChunk = chunks
  }

  /// The next record; nil at the end. Throws only what reading a chunk throws.
  public mutating func next() throws -> CSVLine? {
    try skipByteOrderMark()
    while true {
      let number = lineNumber
      switch try scanRecord() {
      case .end: return nil
      case .empty: continue
      case .fields(let fields): return CSVLine(number: number, fields: .success(fields))
      case .broken(let error):
        try skipLine()
        return CSVLine(number: number, fields: .failure(error))
      }
    }
  }

  private enum Record {
    case end, empty
    case fields([String])
    case broken(CSVError)
  }

  /// Parses the record at `start`, reading on as long as it is incomplete. A broken record is not consumed.
  private mutating func scanRecord() throws -> Record {
    while true {
      let parsed = buffer.withUnsafeBufferPointer { bytes in
        CSVRecordParser(bytes: UnsafeBufferPointer(rebasing: bytes[start...])).parse(isLast: isAtEnd)
      }
      switch parsed {
      case .complete(let fields, let bytes, let lines):
        // A quoted field that runs over the limit is more likely an open quote.
        guard bytes <= Self.maximumLineBytes else { return .broken(.tooLong(limit: Self.maximumLineBytes)) }
        start += bytes
        lineNumber += lines
        return .fields(fields)
      case .emptyLine(let bytes):
        start += bytes
        lineNumber += 1
        return .empty
      case .broken(let error): return .broken(error)
      case .incomplete(let openQuote):
        if isAtEnd { return openQuote.map(Record.broken) ?? .end }
        guard buffer.count - start <= Self.maximumLineBytes else {
          return .broken(openQuote ?? .tooLong(limit: Self.maximumLineBytes))
        }
        try fill()
      }
    }
  }

  /// Passes over the rest of the physical line at `start`, however long, without keeping it.
  private mutating func skipLine() throws {
    while true {
      if let newline = buffer[start...].firstIndex(of: UInt8(ascii: "\n")) {
        start = newline + 1
        lineNumber += 1
        return
      }
      start = buffer.count
      if isAtEnd { return }
      try fill()
    }
  }

  private mutating func skipByteOrderMark() throws {
    guard isAtBeginning else { return }
    isAtBeginning = false
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    while buffer.count < mark.count, !isAtEnd { try fill() }
    if buffer.starts(with: mark) { start = mark.count }
  }

  private mutating func fill() throws {
    buffer.removeFirst(start)
    start = 0
    let chunk = try readChunk()
    isAtEnd = chunk.isEmpty
    buffer.append(contentsOf: chunk)
  }
}
