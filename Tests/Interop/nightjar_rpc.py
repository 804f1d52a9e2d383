"""A client of Nightjar's services, written from proto/PROTOCOL.md with the standard library and protobuf alone.

One thread, one connection, many calls at once: whoever waits for one call takes in the frames of all.
"""

import collections
import socket
import ssl
import struct
import time

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

HEADER = struct.Struct(">BBHIIIIIII")
HELLO, CALL, MESSAGE, END, CANCEL, CREDIT, PING, PONG, GOAWAY = range(1, 10)
END_STREAM, MORE, IGNORABLE = 1, 2, 4
VERSION = 1
MAXIMUM_PAYLOAD_BYTES = 65_536
MAXIMUM_METADATA_BYTES = 8_192
STREAM_CREDIT = 262_144
CONNECTION_CREDIT = 8_388_608
MAXIMUM_STREAMS = 1_024
CANCELLED, UNKNOWN, DEADLINE_EXCEEDED, UNAVAILABLE = 1, 2, 4, 14


class RpcError(Exception):
    """How a call failed: a gRPC status code, a text, and `nightjar.v1.ErrorDetails` where the server gave them."""

    def __init__(self, code, text, details=None):
        super().__init__(f"status {code}: {text}")
        self.code, self.text, self.details = code, text, details


class ProtocolError(Exception):
    """The server does what PROTOCOL.md forbids."""


class Contract:
    """Messages and methods of a file that `protoc --include_imports --descriptor_set_out` wrote."""

    def __init__(self, path):
        self.pool = descriptor_pool.DescriptorPool()
        with open(path, "rb") as file:
            for proto in descriptor_pb2.FileDescriptorSet.FromString(file.read()).file:
                self.pool.AddSerializedFile(proto.SerializeToString())

    def message(self, name):
        """The class of `nightjar.v1.<name>`."""
        return self.class_of(self.pool.FindMessageTypeByName("nightjar.v1." + name))

    def method(self, name):
        """The descriptor of a method such as `Ranker/GetRecommendations`."""
        service, method = name.split("/")
        return self.pool.FindServiceByName("nightjar.v1." + service).methods_by_name[method]

    def class_of(self, descriptor):
        if hasattr(message_factory, "GetMessageClass"):
            return message_factory.GetMessageClass(descriptor)
        return message_factory.MessageFactory(self.pool).GetPrototype(descriptor)


def method_id(name):
    """FNV-1a, 32 bits, of a method's full name."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


class Call:
    """One call: send requests, iterate over the responses."""

    def __init__(self, connection, stream, response, timeout):
        self.connection, self.stream, self.response_class = connection, stream, response
        self.deadline = time.monotonic() + timeout
        self.credit = STREAM_CREDIT
        self.responses, self.fragments = collections.deque(), bytearray()
        self.owed = 0
        self.is_over, self.error = False, None

    def send(self, request, last=False):
        self.connection.send_message(self, request.SerializeToString(), last)

    def finish(self):
        if not self.is_over:
            self.connection.write(END, self.stream)

    def cancel(self, code=CANCELLED, text="cancelled"):
        if not self.is_over:
            self.connection.write(CANCEL, self.stream)
            self.end(RpcError(code, text))

    def end(self, error):
        self.is_over, self.error = True, error
        self.fragments.clear()
        self.connection.calls.pop(self.stream, None)

    def __iter__(self):
        return self

    def __next__(self):
        self.connection.take_until(self, lambda: self.responses or self.is_over)
        if self.responses:
            data, cost = self.responses.popleft()
            self.connection.give_back(self, cost)
            return self.response_class.FromString(data)
        if self.error:
            raise self.error
        raise StopIteration

    def only(self):
        """The response of a unary or client-streaming call."""
        response, *more = list(self)
        if more:
            raise ProtocolError(f"{1 + len(more)} responses where one is due")
        return response


class Connection:
    """A connection to the server of one role. `server_name` is asked for by SNI, and its certificate must have it."""

    def __init__(self, contract, address, role, certificate, key, authorities, server_name=None):
        self.contract = contract
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = server_name is not None
        context.load_verify_locations(authorities)
        context.load_cert_chain(certificate, key)
        context.set_alpn_protocols(["nightjar/1"])
        host, port = address.rsplit(":", 1)
        plain = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = context.wrap_socket(plain, server_hostname=server_name)
        identities = [value for kind, value in self.socket.getpeercert()["subjectAltName"] if kind == "URI"]
        if len(identities) != 1 or not identities[0].startswith(f"spiffe://nightjar/{role}/"):
            raise RpcError(UNAVAILABLE, f"{address} is {identities}, and not a {role}")
        self.received = bytearray()
        self.calls, self.last_stream = {}, 0
        self.credit, self.owed = CONNECTION_CREDIT, 0
        self.greeted, self.maximum_streams = False, MAXIMUM_STREAMS
        self.pongs, self.going_away = [], None
        # Goes out with the first call: nobody waits for a HELLO.
        self.unsent = self.frame(HELLO, 0, contract.message("Hello")(version=VERSION).SerializeToString())

    def close(self):
        self.socket.close()

    def call(self, name, request=None, timeout=5.0, **metadata):
        """Begins a call. Where the method takes one request, that is sent; else the caller sends and finishes."""
        if self.going_away or len(self.calls) >= self.maximum_streams:
            raise RpcError(UNAVAILABLE, "the connection takes no more calls")
        method = self.contract.method(name)
        return self.open(
            method_id("nightjar.v1." + name), self.contract.class_of(method.output_type), timeout,
            None if method.client_streaming else request.SerializeToString(), metadata)

    def open(self, identifier, response_class, timeout, request, metadata):
        """Begins a call of the method with this id; `request`: its only request, None where they follow."""
        self.last_stream += 1 if self.last_stream == 0 else UNKNOWN
        call = Call(self, self.last_stream, response_class, timeout)
        self.calls[call.stream] = call
        described = self.contract.message("CallMetadata")(**metadata).SerializeToString()
        if len(described) > MAXIMUM_METADATA_BYTES:
            raise ValueError(f"metadata of {len(described)} bytes; {MAXIMUM_METADATA_BYTES} are admitted")
        opening = (identifier, max(1, int(timeout * 1000)), described)
        self.send_message(call, request, request is not None, opening)
        return call

    def ping(self, body, timeout=5.0):
        """Asks for a sign of life, 8 bytes, and waits for it."""
        self.write(PING, 0, body)
        deadline = time.monotonic() + timeout
        while body not in self.pongs:
            self.take_in(deadline)
        self.pongs.remove(body)

    @staticmethod
    def frame(kind, stream, body=b"", flags=0, method=0, timeout=0, metadata=b""):
        header = HEADER.pack(VERSION, kind, flags, stream, method, timeout, len(metadata), len(body), 0, 0)
        return header + metadata + body

    def write(self, *parts, **named):
        data, self.unsent = self.unsent + self.frame(*parts, **named), b""
        self.socket.settimeout(None)
        self.socket.sendall(data)

    def send_message(self, call, data, last, opening=None):
        """Sends a message in as few fragments as frames and credit allow; `data`: None opens a call without one."""
        rest = data or b""
        while not call.is_over:
            method, timeout, metadata = opening or (0, 0, b"")
            overhead = HEADER.size + len(metadata)
            # A request that fits in the frame of its CALL must be there whole; later fragments may be of any size.
            fitting = min(len(rest), MAXIMUM_PAYLOAD_BYTES - len(metadata))
            needed = overhead + (fitting if opening else min(1, fitting))
            self.take_until(call, lambda: call.is_over or min(call.credit, self.credit) >= needed)
            if call.is_over:
                return
            part = rest[: min(fitting, min(call.credit, self.credit) - overhead)]
            rest = rest[len(part):]
            call.credit -= overhead + len(part)
            self.credit -= overhead + len(part)
            flags = MORE if rest else END_STREAM if last else 0
            self.write(CALL if opening else MESSAGE, call.stream, part, flags, method, timeout, metadata)
            opening = None
            if not rest:
                return

    def give_back(self, call, cost):
        """Returns credit for what was read of a call, when enough has come together."""
        call.owed += cost
        if call.owed >= STREAM_CREDIT // 4 and not call.is_over:
            self.write(CREDIT, call.stream, struct.pack(">I", call.owed))
            call.owed = 0

    def take_until(self, call, condition):
        """Takes in frames until the condition holds; gives the call up when its time is over."""
        while not condition():
            try:
                self.take_in(call.deadline)
            except TimeoutError:
                call.cancel(DEADLINE_EXCEEDED, "the time is up")

    def bytes(self, count, deadline):
        while len(self.received) < count:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.socket.settimeout(left)
            try:
                more = self.socket.recv(MAXIMUM_PAYLOAD_BYTES)
            except socket.timeout:
                continue
            except OSError:
                more = b""
            if not more:
                for call in list(self.calls.values()):
                    call.end(RpcError(UNAVAILABLE, "the connection was lost"))
                raise RpcError(UNAVAILABLE, "the connection was lost")
            self.received += more
        return self.received

    def take_in(self, deadline):
        """Takes in one frame."""
        header = HEADER.unpack_from(self.bytes(HEADER.size, deadline))
        version, kind, flags, stream, _, _, metadata_length, body_length, attachment_length, _ = header
        length = metadata_length + body_length + attachment_length
        if version != VERSION or length > MAXIMUM_PAYLOAD_BYTES or metadata_length > MAXIMUM_METADATA_BYTES:
            raise ProtocolError(f"frame {header}")
        self.bytes(HEADER.size + length, deadline)
        start = HEADER.size + metadata_length
        body = bytes(self.received[start: start + body_length])
        del self.received[: HEADER.size + length]
        if not self.greeted and kind != HELLO:
            raise ProtocolError("a first frame that is no HELLO")
        if kind == MESSAGE:
            self.take_message(self.calls.get(stream), flags, body, HEADER.size + length)
        elif kind == END:
            if stream in self.calls:
                status = self.contract.message("Status").FromString(body)
                code = status.code if status.code <= 16 else UNKNOWN
                self.calls[stream].end(RpcError(code, status.message, status.details) if code else None)
        elif kind == CREDIT:
            receiver = self.calls.get(stream) if stream else self
            if receiver:
                receiver.credit += struct.unpack(">I", body)[0]
        elif kind == PING:
            self.write(PONG, 0, body)
        elif kind == PONG:
            self.pongs.append(body)
        elif kind == HELLO:
            hello = self.contract.message("Hello").FromString(body)
            if self.greeted or hello.version < 1:
                raise ProtocolError("HELLO")
            self.greeted = True
            self.maximum_streams = min(hello.maximum_streams or MAXIMUM_STREAMS, MAXIMUM_STREAMS)
        elif kind == GOAWAY:
            self.going_away = self.contract.message("GoAway").FromString(body)
            for call in [call for number, call in self.calls.items() if number > self.going_away.last_stream]:
                call.end(RpcError(UNAVAILABLE, f"not processed: {self.going_away.reason}"))
        elif not flags & IGNORABLE:
            raise ProtocolError(f"type {kind}")

    def take_message(self, call, flags, body, cost):
        # The credit of the streams bounds what waits here, so the connection's is given back at once.
        self.owed += cost
        if self.owed >= CONNECTION_CREDIT // 4:
            self.write(CREDIT, 0, struct.pack(">I", self.owed))
            self.owed = 0
        if call is None:
            return
        call.fragments += body
        if flags & MORE:
            return self.give_back(call, cost)
        call.responses.append((bytes(call.fragments), cost))
        call.fragments.clear()
        if flags & END_STREAM:
            call.end(None)
