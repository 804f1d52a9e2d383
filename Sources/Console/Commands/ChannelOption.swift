import ArgumentParser
import Messages

/// A channel of sale as a flag names it.
enum ChannelOption: String, CaseIterable, ExpressibleByArgument {
  case push, pull

  var proto: Proto.SalesChannel {
    switch self {
    case .push: .push
    case .pull: .pull
    }
  }
}
