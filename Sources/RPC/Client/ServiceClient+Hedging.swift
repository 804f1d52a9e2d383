import Messages

extension ServiceClient {
  private enum Event<R: Message>: Sendable {
    case answer(View<R>, from: Int)
    case failure(RPCError, from: Int)
    /// The time has come that was set as the `alarm`th.
    case due(alarm: Int)
  }

  /// Makes a call on one server after the other, without waiting for the end of the former, until one has answered; the
  /// others are cancelled.
  func hedge<Q, R>(
    _ method: Method<Q, R>, _ hedging: Hedging, _ timeout: Duration?, _ options: CallOptions, _ request: Encoded<Q>
  ) async throws(RPCError) -> View<R> {
    precondition(method.idempotency == .idempotent, "\(method.name) is not idempotent: it cannot be hedged")
    let deadline = method.deadline(timeout: timeout, now: .now)
    let result = await withTaskGroup(of: Event<R>.self, returning: Result<View<R>, RPCError>.self) { group in
      defer { group.cancelAll() }
      var hedges = Hedges(hedging)
      var tried: Set<Int> = []
      /// What the call ends with where no further attempt may be made.
      var last = RPCError(.internal, "\(method.name): a hedged call without attempts")
      /// Only the last alarm counts: where a server says when to come again, the one before it must not ring.
      var alarm = 0

      func wake(after delay: Duration) {
        alarm += 1
        group.addTask { [alarm] in
          try? await Task.sleep(for: delay)
          return .due(alarm: alarm)
        }
      }
      func begin() {
        let place = pick(options.key, tried)
        tried.insert(place)
        var metadata = CallMetadata(options)
        metadata.attempt = hedges.attempt
        group.addTask { [server = servers[place], metadata] in
          do throws(RPCError) {
            return .answer(try await server.call(method, by: deadline, metadata, request), from: place)
          } catch {
            return .failure(error, from: place)
          }
        }
        if let delay = hedges.began() { wake(after: delay) }
      }

      begin()
      while let event = await group.next() {
        switch event {
        case .answer(let answer, let place):
          servers[place].throttle.withLock { $0.succeeded() }
          return .success(answer)
        case .due(let rung):
          let isDue = rung == alarm && !Task.isCancelled
          if isDue, servers[pick(options.key, tried)].throttle.withLock({ hedges.mayBegin($0) }) { begin() }
        case .failure(let error, let place):
          last = error
          let isWelcomeElsewhere = isWelcome(at: usableServers(besides: tried))
          let next = servers[place].throttle.withLock {
            hedges.failed(
              error, throttle: &$0, isWelcomeElsewhere: isWelcomeElsewhere,
              left: ContinuousClock.now.duration(to: deadline))
          }
          switch next {
          case .fail: return .failure(error)
          case .again(let delay): wake(after: delay)
          case .wait: continue
          }
        }
      }
      return .failure(last)
    }
    return try result.get()
  }
}
