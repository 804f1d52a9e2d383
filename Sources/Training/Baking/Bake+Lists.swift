import Foundation
import Learning
import RankedLists

extension Bake {
  /// Writes the lists file, with everything that a ranker needs beside the lists: details to filter by, groups, factors and
  /// neighbours to re-rank by in a call, reasons.
  func writeLists(to path: String) throws -> Lists {
    var sheet = ListSheet(self)
    var writer = try RankedListsWriter(
      path: path,
      header: RankedListsHeader(tenant: tenant.rawValue, model: model, bake: bake, asOf: night.cuts.served),
      parts: sheet.parts)
    try sheet.writeCandidates(to: &writer)
    try sheet.writeOffers(to: &writer)
    try sheet.writeFallbacks(to: &writer)
    try sheet.writeAttributes(to: &writer)
    try sheet.writeModel(to: &writer)
    let lists = try sheet.writeCustomers(to: &writer)
    try writer.finish()
    return lists
  }
}

/// One lists file under way.
private struct ListSheet {
  let data: TenantData
  let history: History
  let recipe: Recipe
  let scorer: Scorer
  let similar: SimilarProducts
  let eligible: [Bool]
  let listsBought: Bool
  /// µs.
  let asOf: Int64
  /// Index in the dictionary, by product; nil = not eligible.
  var candidate: [UInt32?]
  /// The product of each candidate, in the order of the dictionary.
  var products: [Int] = []
  var top: TopProducts
  var overall: [RankedEntry] = []
  var segments: [[RankedEntry]] = []
  var regions: [[RankedEntry]] = []

  init(_ bake: Bake) {
    let night = bake.night
    data = night.data
    recipe = bake.trained.recipe
    history = night.served.history
    scorer = Scorer(bake.trained.served, recipe: recipe, study: night.served, listsBought: bake.listsBought)
    similar = SimilarProducts(history, atMost: Limits.neighbours)
    eligible = data.eligible(at: night.cuts.served)
    listsBought = bake.listsBought
    asOf = night.cuts.served
    top = TopProducts(length: Limits.listLength, eligible: eligible)
    candidate = [UInt32?](repeating: nil, count: eligible.count)
  }

  var parts: RankedListsParts {
    let always: RankedListsParts = [.details, .groups, .neighbours, .reasons, .bought]
    return scorer.itemFactors == nil ? always : always.union(.factors)
  }

  /// Every product that may be listed.
  mutating func writeCandidates(to writer: inout RankedListsWriter) throws {
    for product in eligible.indices where eligible[product] {
      candidate[product] = try writer.addCandidate(
        product: data.products[product], details: CandidateDetails(data.facts[product]))
      products.append(product)
    }
  }

  /// The offers of those products that hold or are to hold, behind all products, those to be named first before the others.
  /// Lists and neighbours speak of products only: an offer has its product's place and score.
  mutating func writeOffers(to writer: inout RankedListsWriter) throws {
    var each = 0
    for (index, offer) in data.offers.enumerated() {
      if index == 0 || data.offers[index - 1].product != offer.product { each = 0 }
      guard eligible[offer.product], offer.validity.until > asOf, each < Limits.offersEach else { continue }
      _ = try writer.addCandidate(
        product: data.products[offer.product], offer: offer.id,
        details: CandidateDetails(data.facts[offer.product], offer))
      products.append(offer.product)
      each += 1
    }
  }

  /// The best of the scores, as entries.
  mutating func entries(_ scores: [Float], excluding bought: ArraySlice<Int32> = []) -> [RankedEntry] {
    top.select(scores, excluding: bought).compactMap { product, score in
      candidate[Int(product)].map { RankedEntry(candidate: $0, score: score) }
    }
  }

  /// Popularity's lists: overall, for each segment, for each region.
  mutating func writeFallbacks(to writer: inout RankedListsWriter) throws {
    overall = entries(scorer.popularity.logShares())
    guard !overall.isEmpty else { return }
    try writer.setFallback(.overall, entries: overall)
    for segment in data.segments.names {
      segments.append(entries(scorer.popularity.logShares(segment: segment)))
      try writer.setFallback(.segment(segment), entries: segments.last ?? [])
    }
    let byRegion = Popularity(history, segments: data.regions, halfLifeDays: recipe.trendHalfLifeDays)
    for region in data.regions.names {
      regions.append(entries(byRegion.logShares(segment: region)))
      try writer.setFallback(.region(region), entries: regions.last ?? [])
    }
  }

  /// Popularity's lists for those who share an attribute, as segments of the name `attribute=value`. A segment that the tenant
  /// itself calls so goes before, then the first attribute that makes the name: `a=b` of value `c` and `a` of `b=c` have one.
  mutating func writeAttributes(to writer: inout RankedListsWriter) throws {
    guard !overall.isEmpty else { return }
    var taken = Set(data.segments.names)
    for attribute in data.attributes {
      let popularity = Popularity(history, segments: attribute, halfLifeDays: recipe.trendHalfLifeDays)
      for name in attribute.names where taken.insert(name).inserted {
        try writer.setFallback(.segment(name), entries: entries(popularity.logShares(segment: name)))
      }
    }
  }

  /// What a ranker re-ranks by in a call: factors where the model has them, and neighbours, which are the model's own where
  /// it is made of them. A stack has those of its best generator.
  func writeModel(to writer: inout RankedListsWriter) throws {
    for product in candidate.indices {
      guard let own = candidate[product] else { continue }
      let neighbours = (scorer.neighbours(of: product, atMost: Limits.neighbours) ?? similar[product]).compactMap {
        other in
        candidate[other.product].map { RankedEntry(candidate: $0, score: other.similarity) }
      }
      try writer.setNeighbours(of: own, neighbours)
    }
    guard case .als(let als, _, _) = recipe.reranking.kind, let (vectors, biases) = scorer.itemFactors else { return }
    try writer.setFactors(
      ItemFactors(
        dimensions: als.factors, regularization: Float(als.regularisation), confidence: Float(als.alpha),
        gram: gram(of: vectors, rows: als.factors),
        biases: products.map { biases[$0] },
        vectors: products.flatMap { vectors[$0 * als.factors..<($0 + 1) * als.factors] }))
  }

  /// YᵀY over all products that the model knows, also those that may not be listed. Complexity: O(products · factors²).
  private func gram(of vectors: [Float], rows f: Int) -> [Float] {
    var gram = [Float](repeating: 0, count: f * f)
    for start in stride(from: 0, to: vectors.count, by: f) {
      for row in 0..<f {
        let value = vectors[start + row]
        for column in 0..<f { gram[row * f + column] += value * vectors[start + column] }
      }
    }
    return gram
  }

  /// Customers who did something, and those of whom the model knows enough to tell them apart, ascending.
  private func listed() -> [Int] {
    let isActive = history.isActive()
    return isActive.indices.filter { isActive[$0] || scorer.knows(stranger: $0) }
  }

  /// Every active customer's list, and that of whoever else the model knows.
  mutating func writeCustomers(to writer: inout RankedListsWriter) throws -> Bake.Lists {
    var lists = Bake.Lists()
    lists.candidates = UInt64(products.count)
    let (had, bought) = (history.possessions(), history.purchases())
    var reasons = Reasons(similar, candidate: candidate, overall: overall, segments: segments, regions: regions)
    for customer in listed() {
      if customer % Limits.customersPerCheck == 0 { try Task.checkCancellation() }
      let list = entries(scorer.scores(of: customer), excluding: listsBought ? [] : had[customer])
      let id = data.customers[customer]
      let (segment, region) = (data.segments.ofCustomer[customer], data.regions.ofCustomer[customer])
      let names = (segment: data.segmentNames[customer], region: data.regionNames[customer])
      let owned = had[customer].compactMap { candidate[Int($0)] }
      if list.isEmpty {
        try writer.add(
          customer: id, nothing: .nothingEligible, segment: names.segment, region: names.region, bought: owned)
      } else {
        try writer.add(
          customer: id, entries: list,
          reasons: reasons.of(list, bought: bought[customer], segment: segment, region: region),
          segment: names.segment, region: names.region, bought: owned)
      }
      if lists.probes.count < Limits.probes { lists.probes.append(id) }
      lists.customers += 1
    }
    return lists
  }
}

extension CandidateDetails {
  fileprivate init(_ facts: TenantData.ProductFacts) {
    let (from, until) = (facts.availability.from, facts.availability.until)
    self.init(
      name: facts.name, categories: facts.categories, regions: facts.regions,
      availableFrom: from == .min ? nil : from, availableUntil: until == .max ? nil : until)
  }

  /// An offer's are those of its product, but for its own channels and validity.
  fileprivate init(_ facts: TenantData.ProductFacts, _ offer: TenantData.Offer) {
    self.init(facts)
    let (from, until) = (offer.validity.from, offer.validity.until)
    channels = offer.channels
    availableFrom = from == .min ? nil : from
    availableUntil = until == .max ? nil : until
  }
}
