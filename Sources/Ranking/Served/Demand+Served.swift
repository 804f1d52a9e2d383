extension Demand {
  /// The channel by its number in the contract; 0 = none was named.
  var channelNumber: UInt8 { channel == 0 ? 0 : UInt8(channel.trailingZeroBitCount) }
}
