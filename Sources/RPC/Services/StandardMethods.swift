import Messages
import Transport

/// The methods that every server has: whether it takes calls, and which.
public enum StandardMethods {
  private static let everybody = Set(Role.allCases)

  /// The status of a service now.
  public static let checkHealth = Method<Proto.HealthCheckRequest, Proto.HealthCheckResponse>(
    "nightjar.v1.Health/Check", .unary, callers: everybody, server: nil, maximumRequestBytes: 256,
    maximumResponseBytes: 256, maximumMessagesPerSecond: 1_000, timeout: .seconds(5), idempotency: .idempotent)

  /// The status of a service now, and each time that it changes.
  public static let watchHealth = Method<Proto.HealthCheckRequest, Proto.HealthCheckResponse>(
    "nightjar.v1.Health/Watch", .serverStream, callers: everybody, server: nil, maximumRequestBytes: 256,
    maximumResponseBytes: 256, maximumMessagesPerSecond: 100, timeout: .seconds(3_600), idempotency: .idempotent)

  /// Every method of the server.
  public static let listMethods = Method<Proto.ListMethodsRequest, Proto.ListMethodsResponse>(
    "nightjar.v1.Reflection/ListMethods", .unary, callers: everybody, server: nil, maximumRequestBytes: 256,
    maximumResponseBytes: 1 << 20, maximumMessagesPerSecond: 100, timeout: .seconds(5), idempotency: .idempotent)

  /// Types of the methods' messages.
  public static let describeTypes = Method<Proto.DescribeTypesRequest, Proto.DescribeTypesResponse>(
    "nightjar.v1.Reflection/DescribeTypes", .unary, callers: everybody, server: nil, maximumRequestBytes: 16 << 10,
    maximumResponseBytes: 1 << 20, maximumMessagesPerSecond: 100, timeout: .seconds(5), idempotency: .idempotent)

  /// All of them, without their types.
  public static let all = [
    AnyMethod(checkHealth), AnyMethod(watchHealth), AnyMethod(listMethods), AnyMethod(describeTypes),
  ]
}
