"""Calls the real services with the Python client. Usage:
check_services.py CERTIFICATES DESCRIPTORS TENANT INGEST CONTROL RANKER (addresses as host:port)

TENANT has a customer c1 whose recommendations the ranker answers. Says 'ok' for each check; fails at the first that
does not hold.
"""

import sys

import nightjar_rpc
from nightjar_rpc import Connection, Contract, RpcError

INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, PERMISSION_DENIED, UNIMPLEMENTED = 3, 5, 6, 7, 12
EVENT_TIME_US = 1_704_067_200_000_000

certificates, descriptors, tenant, *addresses = sys.argv[1:]
contract = Contract(descriptors)
address = dict(zip(("ingest", "control", "ranker"), addresses))


def connect(role, identity, server_name=None, expecting=None):
    return Connection(
        contract, address[role], expecting or role, f"{certificates}/{identity}.pem",
        f"{certificates}/{identity}-key.pem", f"{certificates}/ca.pem", server_name)


def message(name, **fields):
    return contract.message(name)(**fields)


def failure(body):
    """The status that a call ends with."""
    try:
        body()
    except RpcError as error:
        return error
    raise AssertionError("no error")


def unary():
    ranker = connect("ranker", "platform-cli")
    request = message("GetRecommendationsRequest", tenant=tenant, customer="c1", limit=3)
    answer = ranker.call("Ranker/GetRecommendations", request).only()
    assert 1 <= len(answer.items) <= 3 and len(answer.recommendation_id) == 32, answer
    calls = [ranker.call("Ranker/GetRecommendations", request) for _ in range(100)]
    answers = {call.only().recommendation_id for call in reversed(calls)}
    assert len(answers) == 100, answers


def errors():
    ranker = connect("ranker", "platform-cli")
    bad = message("GetRecommendationsRequest", tenant=tenant, customer="c1", limit=51)
    error = failure(lambda: ranker.call("Ranker/GetRecommendations", bad).only())
    assert error.code == INVALID_ARGUMENT and "limit" in error.text, error
    unknown = nightjar_rpc.method_id("nightjar.v1.Ranker/NoSuchMethod")
    error = failure(lambda: ranker.open(unknown, type(bad), 5.0, b"", {}).only())
    assert error.code == UNIMPLEMENTED, error
    long_key = {"idempotency_key": "k" * 129}
    error = failure(lambda: ranker.call("Ranker/GetRecommendations", bad, **long_key).only())
    assert error.code == INVALID_ARGUMENT, error
    trainer = connect("ranker", "trainer-node-1")
    error = failure(lambda: trainer.call("Ranker/GetRecommendations", bad).only())
    assert error.code == PERMISSION_DENIED, error
    failure(lambda: connect("ranker", "platform-cli", expecting="control"))


def server_name():
    ranker = connect("ranker", "platform-cli", server_name=f"{tenant}.ranker.example")
    other = message("GetRecommendationsRequest", tenant="other", customer="c1")
    error = failure(lambda: ranker.call("Ranker/GetRecommendations", other).only())
    assert error.code == PERMISSION_DENIED, error
    own = message("GetRecommendationsRequest", tenant=tenant, customer="c1")
    assert ranker.call("Ranker/GetRecommendations", own).only().items


def idempotency():
    control = connect("control", "admin-cli")
    request = message("CreateTenantRequest", id="interop")
    first = control.call("Control/CreateTenant", request, idempotency_key="interop-1").only()
    again = control.call("Control/CreateTenant", request, idempotency_key="interop-1", attempt=1).only()
    assert first == again and first.id == "interop", (first, again)
    error = failure(lambda: control.call("Control/CreateTenant", request).only())
    assert error.code == ALREADY_EXISTS, error


def long_messages():
    ingest = connect("ingest", "platform-cli")
    customers = [message("Customer", id=f"c{number}", segment="s" * 60) for number in range(5_000)]
    request = message("UpsertCustomersRequest", tenant="interop", customers=customers)
    assert request.ByteSize() > nightjar_rpc.STREAM_CREDIT
    for _ in range(30):  # 11 MB: more than the connection's credit to begin with
        answer = ingest.call("Ingest/UpsertCustomers", request, timeout=60).only()
        assert len(answer.verdicts) == 5_000, answer
    described = ingest.call("Ingest/Describe", message("DescribeRequest", tenant="interop")).only()
    assert described.customers == 5_000, described


def bidirectional():
    ingest = connect("ingest", "platform-cli")
    verdicts = contract.message("WriteResponse").DESCRIPTOR.fields_by_name["verdicts"].enum_type.values_by_name
    accepted, duplicate = (verdicts["VERDICT_" + name].number for name in ("ACCEPTED", "DUPLICATE"))
    kinds = contract.message("Event").DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_name
    view = kinds["EVENT_KIND_VIEW"].number
    call = ingest.call("Ingest/RecordEvents", timeout=60)
    for batch in range(20):
        events = [
            message("Event", id=f"e{batch}-{row}", customer=f"c{row}", product="p1", kind=view,
                    occurred_at_us=EVENT_TIME_US) for row in range(500)]
        request = message("RecordEventsRequest", tenant="interop", events=events)
        call.send(request)
        assert list(next(call).verdicts) == [accepted] * 500
    call.send(request, last=True)
    assert [list(answer.verdicts) for answer in call] == [[duplicate] * 500]
    empty = ingest.call("Ingest/RecordEvents")
    empty.finish()
    assert list(empty) == []


def server_stream():
    ranker = connect("ranker", "platform-cli")
    watch = ranker.call("Health/Watch", message("HealthCheckRequest"), timeout=1.0)
    serving = next(watch).status
    error = failure(lambda: next(watch))
    assert error.code == nightjar_rpc.DEADLINE_EXCEEDED, error
    watch = ranker.call("Health/Watch", message("HealthCheckRequest"), timeout=60)
    assert next(watch).status == serving
    watch.cancel()
    ranker.ping(b"8 bytes.")
    error = failure(lambda: ranker.call("Health/Check", message("HealthCheckRequest", service="none")).only())
    assert error.code == NOT_FOUND, error


def reflection():
    """Every method of the contract is at one of the services, as the contract says."""
    kinds = {(False, False): 1, (False, True): 2, (True, False): 3, (True, True): 4}
    found = set()
    for role, service in (("ingest", "Ingest"), ("control", "Control"), ("ranker", "Ranker")):
        listed = connect(role, "platform-cli").call("Reflection/ListMethods", message("ListMethodsRequest")).only()
        for method in listed.methods:
            described = contract.method(method.name.removeprefix("nightjar.v1."))
            assert method.kind == kinds[described.client_streaming, described.server_streaming], method
            assert method.request_type == described.input_type.full_name, method
            assert method.response_type == described.output_type.full_name, method
            found.add(method.name)
        own = contract.pool.FindServiceByName("nightjar.v1." + service)
        assert {method.full_name.replace(f"{service}.", f"{service}/") for method in own.methods} <= found, found


for check in (unary, errors, server_name, idempotency, long_messages, bidirectional, server_stream, reflection):
    check()
    print("ok", check.__name__, flush=True)
