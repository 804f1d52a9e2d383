import Commerce
import Testing

@Suite("Commerce: CSV")
struct CSVTests {
  /// What a reader makes of a text that comes in chunks of a given size.
  private func read(_ bytes: [UInt8], chunk: Int) throws -> [(Int, Result<[String], CSVError>)] {
    var at = 0
    var reader = CSVReader {
      defer { at = min(bytes.count, at + chunk) }
      return Array(bytes[at..<min(bytes.count, at + chunk)])
    }
    var lines: [(Int, Result<[String], CSVError>)] = []
    while let line = try reader.next() { lines.append((line.number, line.fields)) }
    return lines
  }

  typealias Expected = (Int, Result<[String], CSVError>)

  static let texts: [(text: String, lines: [Expected])] = [
    ("", []),
    ("\n\r\n\n", []),
    ("a", [(1, .success(["a"]))]),
    ("a,b\n", [(1, .success(["a", "b"]))]),
    ("a,b\r\nc,d", [(1, .success(["a", "b"])), (2, .success(["c", "d"]))]),
    ("\u{feff}a\nb", [(1, .success(["a"])), (2, .success(["b"]))]),
    ("\u{feff}\"a\"", [(1, .success(["a"]))]),
    ("a,\n,b\n,\n", [(1, .success(["a", ""])), (2, .success(["", "b"])), (3, .success(["", ""]))]),
    ("a\n\nb\n", [(1, .success(["a"])), (3, .success(["b"]))]),
    ("\"\"\n", [(1, .success([""]))]),
    ("\"a\"\"b\",\"\"\"\"", [(1, .success(["a\"b", "\""]))]),
    ("\"a,b\",c", [(1, .success(["a,b", "c"]))]),
    ("\"a\r\nb\",c\r\nd", [(1, .success(["a\r\nb", "c"])), (3, .success(["d"]))]),
    ("a \"b,c", [(1, .failure(.strayQuote(column: 1)))]),
    ("a,b\"\nc,d", [(1, .failure(.strayQuote(column: 2))), (2, .success(["c", "d"]))]),
    ("\"a\"b,c\nd", [(1, .failure(.textAfterQuote(column: 1))), (2, .success(["d"]))]),
    ("x,\"a\"\rb\nd", [(1, .failure(.textAfterQuote(column: 2))), (2, .success(["d"]))]),
    // An open quote costs the line that it stands in, and no other.
    (
      "a,\"b\nc,d\ne,f\n",
      [(1, .failure(.openQuote(column: 2))), (2, .success(["c", "d"])), (3, .success(["e", "f"]))]
    ),
    (
      "a,\"b\nc,\"d\"\ne,f",
      [(1, .failure(.textAfterQuote(column: 2))), (2, .success(["c", "d"])), (3, .success(["e", "f"]))]
    ),
    (
      "a\"\n\"\n\"b\"",
      [
        (1, .failure(.strayQuote(column: 1))), (2, .failure(.textAfterQuote(column: 1))), (3, .success(["b"])),
      ]
    ),
    ("\"a", [(1, .failure(.openQuote(column: 1)))]),
    ("é,漢字,\"ü\"", [(1, .success(["é", "漢字", "ü"]))]),
  ]

  @Test("texts are read alike, however they are cut into chunks", arguments: 0..<texts.count, [1, 2, 3, 7, 1 << 16])
  func read(index: Int, chunk: Int) throws {
    let lines = try read(Array(Self.texts[index].text.utf8), chunk: chunk)
    #expect(lines.map(\.0) == Self.texts[index].lines.map(\.0))
    #expect(lines.map(\.1) == Self.texts[index].lines.map(\.1))
  }

  @Test("what is not text costs its line", arguments: [1, 4, 100])
  func notText(chunk: Int) throws {
    let bytes = Array("a,b\nc,".utf8) + [0xff] + Array("\nd,\0\n\"".utf8) + [0xc3] + Array("\",x\ne,f".utf8)
    let lines = try read(bytes, chunk: chunk)
    #expect(
      lines.map(\.1) == [
        .success(["a", "b"]), .failure(.notText(column: 2)), .failure(.notText(column: 2)),
        .failure(.notText(column: 1)), .success(["e", "f"]),
      ])
    #expect(lines.map(\.0) == [1, 2, 3, 4, 5])
  }

  @Test("a line of 10 MB is one error, and reading goes on behind it", arguments: [4_096, 1 << 16, 1 << 24])
  func longLine(chunk: Int) throws {
    let limit = CSVReader.maximumLineBytes
    let long = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000_000)
    let bytes = Array("a\n".utf8) + long + Array("\nb\n\"".utf8) + long + Array("\nc\nd".utf8)
    let lines = try read(bytes, chunk: chunk)
    #expect(lines.map(\.0) == [1, 2, 3, 4, 5, 6])
    #expect(lines[1].1 == .failure(.tooLong(limit: limit)))
    // An open quote in a long line: by the limit or by the end of the file.
    #expect([.failure(.openQuote(column: 1)), .failure(.tooLong(limit: limit))].contains(lines[3].1))
    #expect([lines[0], lines[2], lines[4], lines[5]].map(\.1) == ["a", "b", "c", "d"].map { .success([$0]) })
  }

  @Test("a line at the limit is read, one byte more is not", arguments: [1000, 1 << 21])
  func limit(chunk: Int) throws {
    let fits = [UInt8](repeating: UInt8(ascii: "x"), count: CSVReader.maximumLineBytes - 1)
    let lines = try read(fits + Array("\nx".utf8) + fits + Array("\ny".utf8), chunk: chunk)
    #expect(lines.count == 3)
    #expect(lines[0].1 == .success([String(decoding: fits, as: UTF8.self)]))
    #expect(lines[1].1 == .failure(.tooLong(limit: CSVReader.maximumLineBytes)))
    #expect(lines[2].1 == .success(["y"]))
  }

  @Test("any fields, written as RFC 4180 says, are read again", arguments: 0..<8)
  func roundTrip(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let alphabet = ["a", "é", ",", "\"", "\n", "\r\n", " ", "漢", "1"]
    var rows: [[String]] = []
    var text = ""
    for _ in 0..<200 {
      let row = (0..<Int.random(in: 2...5, using: &random)).map { _ in
        (0..<Int.random(in: 0...6, using: &random)).map { _ in alphabet.randomElement(using: &random)! }.joined()
      }
      rows.append(row)
      let quoted = row.map { "\"\($0.replacing("\"", with: "\"\""))\"" }
      text += quoted.joined(separator: ",") + (Bool.random(using: &random) ? "\n" : "\r\n")
    }
    let lines = try read(Array(text.utf8), chunk: Int.random(in: 1...300, using: &random))
    #expect(lines.map(\.1) == rows.map { .success($0) })
  }

  @Test("any bytes are read to their end without a crash, every line number growing", arguments: 0..<8)
  func noise(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let alphabet: [UInt8] = [0x22, 0x22, 0x2c, 0x0a, 0x0d, 0x61, 0xff, 0x00]
    for _ in 0..<300 {
      let bytes = (0..<Int.random(in: 0...80, using: &random)).map { _ in alphabet.randomElement(using: &random)! }
      let lines = try read(bytes, chunk: Int.random(in: 1...20, using: &random))
      let whole = try read(bytes, chunk: 1000)
      #expect(zip(lines, lines.dropFirst()).allSatisfy { $0.0 < $1.0 })
      #expect(lines.map(\.1) == whole.map(\.1))
    }
  }

  // MARK: Rows

  private func table<Row: CSVRow>(_: Row.Type, _ text: String) throws -> [(Int, Result<Row, CSVError>)] {
    var chunks = [Array(text.utf8)]
    var table = try CSVTable<Row>(reader: CSVReader { chunks.isEmpty ? [] : chunks.removeFirst() })
    var rows: [(Int, Result<Row, CSVError>)] = []
    while let (line, row) = try table.next() { rows.append((line, row)) }
    return rows
  }

  @Test("columns may stand in any order, optional ones may be left out, and bad lines are told from good ones")
  func events() throws {
    let rows = try table(
      Event.self,
      """
      occurred_at,id,customer,product,Kind,quantity,revenue,currency
      2011-09-30T08:26:00Z,e1,c1,p1,purchase,2,5.50,GBP
      2011-09-31,e2,c1,p1,purchase,1,,
      2011-09-30,e3,c1,p1,purchase,3x,,
      2011-09-30,e4,c1,p1,purchase,1
      2011-09-30,e5,c1,p1,bought,1,,
      2011-09-30,e6,c1,p1,purchase,1,5.505,GBP
      2011-09-30,e7,c1,p1,purchase,1,5.50,
      2011-09-30,e8,c1,p1,purchase,-1,,
      2011-09-30,"e9,c1,p1,purchase,1,,
       2011-09-30 , e10 , c1 , , search , , ,
      """)
    var event = Event(
      id: try EventID("e1"), kind: .purchase, customer: try CustomerID("c1"),
      occurredAt: try Timestamp(iso8601: "2011-09-30T08:26:00Z"))
    (event.product, event.quantity) = (try ProductID("p1"), 2)
    event.revenue = Money(minorUnits: 550, currency: try Currency("GBP"))
    #expect(try rows[0].1.get() == event)
    let errors = rows.dropFirst().dropLast().map { line, row in
      switch row {
      case .success: "line \(line): fine"
      case .failure(let error): "line \(line): \(error)"
      }
    }
    #expect(
      errors == [
        "line 3: occurred_at '2011-09-31' is no time; write 2011-09-30 or 2011-09-30T08:26:00Z",
        "line 4: quantity '3x' is not a whole number",
        "line 5: 6 columns where the header has 8",
        "line 6: kind 'bought' is none of view, search, impression, suggestion, click, accept, reject, override, "
          + "add-to-basket, purchase, return, rating",
        "line 7: revenue '5.505' has more than the 2 decimals of GBP",
        "line 8: currency '' is no currency code of ISO 4217, such as GBP",
        "line 9: quantity is -1; a purchase has 1 to 1000000000 units",
        "line 10: column 2: a quote is opened and not closed",
      ])
    #expect(try rows.last?.1.get().kind == .search)
    #expect(rows.last?.0 == 11)
  }

  @Test("customers, products and offers have every column of the schema")
  func entities() throws {
    let customer = try #require(
      try table(
        Customer.self,
        """
        id,country,region,language,segment,industry,gender,birth_year,first_seen,email,phone,post,message,attribute.Size
        c1,GB,north,en,gold,retail,Female,1984,2010-12-01,true,false,,1,XL
        """
      ).first?.1.get())
    #expect(customer.gender == .female && customer.birthYear == 1984 && customer.permissions == [.email, .message])
    #expect(customer.attributes == ["Size": .text("XL")] && customer.firstSeen?.iso8601 == "2010-12-01T00:00:00Z")
    let bare = try #require(try table(Customer.self, "id\nc1").first?.1.get())
    #expect(bare == Customer(id: try CustomerID("c1")))

    let product = try #require(
      try table(
        Product.self,
        """
        id,name,category_path,price,margin,currency,available_from,available_until,regions
        p1,"Cosy, red",Home > Kitchen,2.5,-0.1,GBP,2010-12-01,2011-12-01,north; south
        """
      ).first?.1.get())
    #expect(
      product.name == "Cosy, red" && product.categoryPath == ["Home", "Kitchen"]
        && product.regions == ["north", "south"])
    #expect(product.price?.minorUnits == 250 && product.margin?.minorUnits == -10)

    let offer = try #require(
      try table(
        Offer.self,
        "id,product,discount_ppm,bundle,channels,valid_from,valid_until\no1,p1,50000,p2;p3,push;pull,,2011-12-01"
      ).first?.1.get())
    #expect(offer.discountPPM == 50_000 && offer.bundle.count == 2 && offer.channels == [.push, .pull])
  }

  @Test(
    "a header without its columns is refused whole, and says what is missing and what is known",
    arguments: [
      ("", "header: the file is empty"),
      ("customer,kind\n", "missing: id, occurred_at"),
      ("id,kind,customer,occurred_at,quanity\n", "column 'quanity' is not known"),
      ("id,kind,customer,occurred_at,id\n", "column 'id' is there twice"),
      ("\"id\n", "a quote is opened and not closed"),
    ])
  func headers(text: String, problem: String) throws {
    #expect {
      try table(Event.self, text)
    } throws: { error in
      error is CSVHeaderError && "\(error)".contains(problem)
    }
  }
}
