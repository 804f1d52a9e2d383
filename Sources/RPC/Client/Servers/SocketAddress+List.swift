import Transport

extension SocketAddress {
  /// Reads `host:port`, or several with commas between them: the servers of one service.
  public static func list(parsing text: String) throws(TransportError) -> [SocketAddress] {
    var addresses: [SocketAddress] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      addresses.append(try SocketAddress(parsing: part.trimmingPrefix { $0 == " " }.description))
    }
    return addresses
  }
}
