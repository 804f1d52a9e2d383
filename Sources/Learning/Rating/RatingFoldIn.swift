/// Customers and products as a rating model scores them: a standardised rating is constant + xᵤᵀyᵢ.
struct RatingFoldIn: Sendable {
  /// Numbers of x and y.
  let columns: Int
  /// By customer.
  private(set) var constants: [Float]
  /// X [customers × columns]; zeros for customers that are not asked about.
  private(set) var x: [Float]
  /// Y [products × columns].
  let y: [Float]
  /// The scale of the fit.
  let scale: RatingScale
  /// Customers of whom the fit knows something that they have in common with others.
  private(set) var isDescribed: [Bool]

  /// Folds customers in from what they have rated and from their attributes.
  ///
  /// Complexity: O(blocks · (ratings · f² + customers · f³)).
  ///
  /// - Parameters:
  ///   - products: the fit's numbers of each product [products × model.columns].
  ///   - unknown: products that the fit has not met: they get what their attributes say.
  ///   - asked: which customers; nil = all.
  init(
    _ model: RatingModel, _ fit: RatingFit, products: [Float], unknown: [Int], study: Study, asked: [Bool]?
  ) {
    let (customers, ratings, scale) = (study.history.customers, study.ratings(), fit.scale)
    self.scale = scale
    columns = model.blocks * model.blockColumns
    y = Self.items(model, fit, products, unknown, study.attributes.products)
    constants = [Float](repeating: 0, count: customers)
    x = [Float](repeating: 0, count: customers * columns)
    isDescribed = [Bool](repeating: false, count: customers)
    let starts = ratings.user[...].offsets(rows: customers)
    let places = Self.places(fit.customerFeatures)
    for customer in 0..<customers where asked?[customer] ?? true {
      let rows = starts[customer]..<starts[customer + 1]
      let rated = rows.map { Int(ratings.item[$0]) }
      let values = rows.map { scale.standard(scale.range.clamp(ratings.value[$0])) }
      let attributes = study.attributes.customers.places(of: customer, in: places)
      isDescribed[customer] = !attributes.isEmpty
      for (index, block) in fit.blocks.enumerated() {
        let (base, strength) =
          switch model {
          case .mf(let model): (FoldedRow.Base(implied: rated, model.factors, products), Double(rated.count))
          case .fm: (FoldedRow.Base(block.customerAttributes, attributes, width: model.blockColumns), 1.0)
          }
        let first = index * model.blockColumns
        let row = FoldedRow(
          block.customers, strength: strength, noise: block.noise, base, others: y,
          places: rated.map { $0 * columns + first }, values: values.map { $0 - Double(block.offset) })
        set(row, of: customer, first, offset: Double(block.offset))
      }
    }
  }

  /// Sets a customer's numbers for the block that begins at column `first`.
  private mutating func set(_ row: FoldedRow, of customer: Int, _ first: Int, offset: Double) {
    let share = Double(row.values.count) / Double(columns)
    let start = customer * columns + first
    constants[customer] += Float(share * (offset + row.values[0]))
    x[start] = Float(share)
    for f in 1..<row.values.count { x[start + f] = Float(share * row.values[f]) }
  }

  /// Y: the blocks of each product.
  private static func items(
    _ model: RatingModel, _ fit: RatingFit, _ products: [Float], _ unknown: [Int], _ attributes: [EntityAttribute]
  ) -> [Float] {
    let (width, kept) = (model.blockColumns, model.columns)
    let columns = model.blocks * width
    var y: [Float] = []
    y.reserveCapacity(products.count / kept * columns)
    for start in stride(from: 0, to: products.count, by: kept) { y += products[start..<start + columns] }
    let places = places(fit.productFeatures)
    for product in unknown {
      let known = attributes.places(of: product, in: places)
      for (index, block) in fit.blocks.enumerated() {
        let row = FoldedRow(block.products, FoldedRow.Base(block.productAttributes, known, width: width))
        let start = product * columns + index * width
        y.replaceSubrange(start..<start + width, with: row.values.map { Float($0) })
      }
    }
    return y
  }

  private static func places(_ names: [String]) -> [String: Int] {
    Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
  }
}
