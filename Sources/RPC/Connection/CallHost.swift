/// The connection of a call, as the call sees it. Everything happens on the reactor's thread.
protocol CallHost: AnyObject {
  /// Queues a message.
  func send(_ call: Call, _ message: [UInt8], last: Bool)
  /// No more messages follow from this side.
  func finishSending(_ call: Call)
  /// Messages that cost `bytes` of credit have been read.
  func release(_ call: Call, _ bytes: Int)
  /// The task of the call no longer wants it.
  func abandon(_ call: Call)
}
