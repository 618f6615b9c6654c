"""A client of HTTP/2 frames (RFC 9113): writes every frame as it is told to, right or wrong, and
reads what comes back. Only the compression of fields is a library's (python3-hpack).

H2Client keeps the books that a well-behaved client keeps (streams, windows, acknowledgements), and
every part of that can be switched off. Reading waits for a condition with a deadline, never for a
time.
"""

import enum
import os
import select
import socket
import ssl
import struct
import time

import hpack
import tandem_testing

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DEFAULT_WINDOW = 65535
LARGEST_WINDOW = 2**31 - 1
DEFAULT_FRAME_MAX = 16384


class Kind(enum.IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9


class Code(enum.IntEnum):
    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(enum.IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20


# ---- writing: every function gives the bytes of one frame


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """`length`: what the frame says of itself, where that is not the truth."""
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(pairs=()):
    pairs = pairs.items() if isinstance(pairs, dict) else pairs
    return frame(
        Kind.SETTINGS, payload=b"".join(struct.pack(">HI", key, value) for key, value in pairs)
    )


def settings_ack():
    return frame(Kind.SETTINGS, ACK)


def ping(payload=b"12345678", flags=0):
    return frame(Kind.PING, flags, 0, payload)


def window_update(stream, increment):
    return frame(Kind.WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def reset(stream, code=Code.CANCEL):
    return frame(Kind.RST_STREAM, 0, stream, struct.pack(">I", code))


def goaway(last_stream=0, code=Code.NO_ERROR, debug=b""):
    return frame(Kind.GOAWAY, 0, 0, struct.pack(">II", last_stream, code) + debug)


def priority(stream, depends_on=0, weight=15, exclusive=False):
    return frame(Kind.PRIORITY, 0, stream, priority_fields(depends_on, weight, exclusive))


def priority_fields(depends_on=0, weight=15, exclusive=False):
    return struct.pack(">IB", depends_on | (0x80000000 if exclusive else 0), weight)


def headers(stream, block, flags=END_HEADERS | END_STREAM):
    return frame(Kind.HEADERS, flags, stream, block)


def continuation(stream, block, flags=END_HEADERS):
    return frame(Kind.CONTINUATION, flags, stream, block)


def data(stream, payload=b"", flags=END_STREAM):
    return frame(Kind.DATA, flags, stream, payload)


def headers_in_pieces(stream, block, size, flags=END_STREAM):
    """HEADERS and CONTINUATIONs of at most `size` bytes each."""
    pieces = [block[at : at + size] for at in range(0, len(block), size)]
    whole = b""
    for number, piece in enumerate(pieces):
        ends = END_HEADERS if number == len(pieces) - 1 else 0
        if number == 0:
            whole += headers(stream, piece, flags | ends)
        else:
            whole += continuation(stream, piece, ends)
    return whole


# ---- field blocks


def _integer(value, prefix_bits, first=0):
    """RFC 7541 section 5.1."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    coded = bytearray([first | most])
    value -= most
    while value >= 128:
        coded.append(value % 128 | 128)
        value //= 128
    coded.append(value)
    return bytes(coded)


def _text(value):
    value = value.encode("latin-1") if isinstance(value, str) else value
    return _integer(len(value), 7) + value


def indexed(number):
    return _integer(number, 7, 0x80)


def literal(name, value, remembered=False):
    """A field spelled out, whatever its bytes are; `remembered`: it goes into the table."""
    return (b"\x40" if remembered else b"\x00") + _text(name) + _text(value)


def block(fields):
    """A field block that needs no table: any bytes in names and values, in this order."""
    return b"".join(literal(name, value) for name, value in fields)


def request_fields(method="GET", path="/", authority="test.example", scheme="http", extra=()):
    """Pseudo-fields that are None are left out. `extra`: dict or pairs."""
    pseudo = ((":method", method), (":scheme", scheme), (":authority", authority), (":path", path))
    extra = extra.items() if isinstance(extra, dict) else extra
    return [(name, value) for name, value in pseudo if value is not None] + list(extra)


# ---- reading


class Frame:
    __slots__ = ("kind", "flags", "stream", "payload")

    def __init__(self, kind, flags, stream, payload):
        self.kind = kind
        self.flags = flags
        self.stream = stream
        self.payload = payload

    def has(self, flag):
        return bool(self.flags & flag)

    def number(self, at=0):
        """Four bytes of the payload."""
        return struct.unpack_from(">I", self.payload, at)[0]

    def __repr__(self):
        name = Kind(self.kind).name if self.kind in tuple(Kind) else self.kind
        shown = self.payload[:32]
        return f"<{name} flags={self.flags:#x} stream={self.stream} {shown!r}>"


class Stream:
    """What has come back on one stream. `reset`: the code of its RST_STREAM."""

    def __init__(self, number):
        self.number = number
        self.status = None
        self.fields = []
        self.interim = []  # [(status, fields)]
        self.body = bytearray()
        self.trailers = []
        self.ended = False  # by END_STREAM
        self.reset = None
        self.send_window = 0
        self.received = 0  # bytes of DATA, padding included

    @property
    def is_over(self):
        return self.ended or self.reset is not None

    def header(self, name, default=None):
        return next((value for key, value in self.fields if key == name), default)

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def __repr__(self):
        return (
            f"<Stream {self.number} status={self.status} reset={self.reset} ended={self.ended} "
            f"{len(self.body)} bytes>"
        )


class BadPeer(AssertionError):
    """The peer itself breaks RFC 9113."""


class H2Client:
    """One connection.

    `tls` is an ssl.SSLContext (ALPN "h2" is asked for, unless `alpn` says otherwise). `hello` are
    the first bytes sent; None: the preface and our SETTINGS. `acknowledges`: SETTINGS and PING are
    answered by themselves. `opens_windows`: what is received is given back at once, but for streams
    in `held`, which get nothing back of their own window.
    """

    def __init__(self, address, *, tls=None, server_name=None, alpn=("h2",), settings_sent=(),
                 hello=None, acknowledges=True, opens_windows=True, timeout=None):  # fmt: skip
        self.timeout = tandem_testing.TIMEOUT if timeout is None else timeout
        self.socket = tandem_testing.connect(address, self.timeout)
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            tls.set_alpn_protocols(list(alpn))
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.socket.setblocking(False)
        self.poll = select.poll()
        self.poll.register(self.socket, select.POLLIN)
        self.acknowledges = acknowledges
        self.opens_windows = opens_windows
        self.held = set()
        self.buffer = bytearray()
        self.closed = False  # nothing comes any more: an end or a reset
        self.was_reset = False  # by RST of TCP
        self.send_failed = False
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.frames = []  # all that came, DATA without payload
        self.streams = {}
        self.goaways = []  # [(last stream, code, debug)]
        self.peer_settings = {}
        self.settings_seen = 0
        self.acks = 0
        self.pongs = []
        self.send_window = DEFAULT_WINDOW
        self.initial_window = DEFAULT_WINDOW  # the peer's: for each stream that we send on
        self.our_initial_window = dict(
            settings_sent.items() if isinstance(settings_sent, dict) else settings_sent
        ).get(Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        self.frame_max = DEFAULT_FRAME_MAX
        self.received = 0  # bytes of DATA on all streams
        self.returned = 0  # of these, given back by WINDOW_UPDATE of stream 0
        self.next_stream = 1
        self._block = None  # (stream, flags, bytes) while CONTINUATION is to come
        self.send(PREFACE + settings(settings_sent) if hello is None else hello)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    # ---- bytes

    def send(self, wire):
        """Sends all of it, reading meanwhile what comes: neither side waits for the other. False:
        the peer does not take it any more."""
        left = memoryview(wire)
        deadline = time.monotonic() + self.timeout
        while left and not self.send_failed:
            try:
                left = left[self.socket.send(left) :]
                continue
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                pass
            except (OSError, ssl.SSLError):
                self.send_failed = True
                break
            if not self.closed:
                self._receive()
            self.poll.modify(self.socket, select.POLLOUT | (0 if self.closed else select.POLLIN))
            if not self.poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise AssertionError(f"the peer takes no more of {len(wire)} bytes")
        return not self.send_failed

    def _receive(self):
        """Takes what is there. False: nothing is, or nothing more will be."""
        try:
            received = self.socket.recv(262144)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except ConnectionResetError:
            self.closed = self.was_reset = True
            return False
        except (OSError, ssl.SSLError):
            self.closed = True
            return False
        if not received:
            self.closed = True
            return False
        self.buffer += received
        return True

    def _take_frame(self):
        if len(self.buffer) < 9:
            return None
        length = int.from_bytes(self.buffer[:3], "big")
        if len(self.buffer) < 9 + length:
            return None
        kind, flags, stream = struct.unpack_from(">BBI", self.buffer, 3)
        payload = bytes(self.buffer[9 : 9 + length])
        del self.buffer[: 9 + length]
        return Frame(kind, flags, stream & 0x7FFFFFFF, payload)

    def read_frame(self, timeout=None):
        """The next frame, with the books kept; None: the connection has ended."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            if (found := self._take_frame()) is not None:
                self._note(found)
                return found
            if self.closed:
                return None
            if self._receive() or self.closed:
                continue
            self.poll.modify(self.socket, select.POLLIN)
            if not self.poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError("no frame comes")

    def wait_for(self, condition, what="the condition", timeout=None):
        """Reads until `condition` gives something true (returned), or the connection ends (then
        what it gives last). Fails after the timeout."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while not (value := condition()):
            try:
                if self.read_frame(max(0.0, deadline - time.monotonic())) is None:
                    return condition()
            except TimeoutError:
                frames = self.frames[-5:]
                raise AssertionError(f"waited in vain until {what}: {frames}") from None
        return value

    def wait_for_end(self, timeout=None):
        """Reads until the peer has closed; True when it has."""
        return self.wait_for(lambda: self.closed and len(self.buffer) < 9, "it closes", timeout)

    def is_quiet(self):
        """What came is read; nothing more is there at this moment."""
        while self._receive():
            pass
        while (found := self._take_frame()) is not None:
            self._note(found)
        return not self.closed

    # ---- the books

    def stream(self, number):
        if number not in self.streams:
            self.streams[number] = Stream(number)
            self.streams[number].send_window = self.initial_window
        return self.streams[number]

    def _note(self, found):
        kept = found
        if found.kind == Kind.DATA:
            kept = Frame(found.kind, found.flags, found.stream, b"")
        self.frames.append(kept)
        if self._block is not None and found.kind != Kind.CONTINUATION:
            raise BadPeer(f"{found} between HEADERS and CONTINUATION")
        if len(found.payload) > DEFAULT_FRAME_MAX:
            raise BadPeer(f"{found} is larger than we allow")
        handler = getattr(self, f"_on_{Kind(found.kind).name.lower()}", None) if (
            found.kind in tuple(Kind)) else None  # fmt: skip
        if handler:
            handler(found)

    def _on_settings(self, found):
        if found.has(ACK):
            self.acks += 1
            return
        self.settings_seen += 1
        for at in range(0, len(found.payload), 6):
            key, value = struct.unpack_from(">HI", found.payload, at)
            self.peer_settings[key] = value
            if key == Setting.INITIAL_WINDOW_SIZE:
                for stream in self.streams.values():
                    stream.send_window += value - self.initial_window
                self.initial_window = value
            elif key == Setting.MAX_FRAME_SIZE:
                self.frame_max = value
            elif key == Setting.HEADER_TABLE_SIZE:
                self.encoder.header_table_size = min(value, 4096)
        if self.acknowledges:
            self.send(settings_ack())

    def _on_ping(self, found):
        if found.has(ACK):
            self.pongs.append(found.payload)
        elif self.acknowledges:
            self.send(ping(found.payload, ACK))

    def _on_goaway(self, found):
        self.goaways.append((found.number() & 0x7FFFFFFF, found.number(4), found.payload[8:]))

    def _on_window_update(self, found):
        if found.stream:
            self.stream(found.stream).send_window += found.number()
        else:
            self.send_window += found.number()

    def _on_rst_stream(self, found):
        stream = self.stream(found.stream)
        if stream.reset is None:
            stream.reset = found.number()

    def _on_headers(self, found):
        payload = _unpadded(found)
        if found.has(PRIORITY_FLAG):
            payload = payload[5:]
        self._collect(found.stream, found.flags, payload, found.has(END_HEADERS))

    def _on_continuation(self, found):
        if self._block is None or self._block[0] != found.stream:
            raise BadPeer(f"{found} follows no HEADERS")
        number, flags, before = self._block
        self._collect(number, flags, before + found.payload, found.has(END_HEADERS))

    def _collect(self, number, flags, payload, is_whole):
        self._block = None if is_whole else (number, flags, payload)
        if not is_whole:
            return
        stream = self.stream(number)
        fields = [(name.decode("latin-1"), value.decode("latin-1"))
                  for name, value in self.decoder.decode(payload, raw=True)]  # fmt: skip
        if stream.is_over:
            if stream.ended:
                raise BadPeer(f"HEADERS behind END_STREAM of stream {number}")
            return
        ends = bool(flags & END_STREAM)
        self._sort(stream, fields, ends)
        stream.ended = stream.ended or ends

    @staticmethod
    def _sort(stream, fields, ends):
        if any(name != name.lower() for name, _ in fields):
            raise BadPeer(f"capitals in {fields}")
        if stream.status is not None:
            if not ends:
                raise BadPeer("trailers without END_STREAM")
            stream.trailers = fields
            return
        if not fields or fields[0][0] != ":status":
            raise BadPeer(f"an answer without :status: {fields}")
        if any(name.startswith(":") for name, _ in fields[1:]):
            raise BadPeer(f"pseudo-fields of a request in {fields}")
        status = int(fields[0][1])
        if status < 200:
            if ends:
                raise BadPeer(f"{status} with END_STREAM")
            stream.interim.append((status, fields[1:]))
        else:
            stream.status, stream.fields = status, fields[1:]

    def _on_data(self, found):
        stream = self.stream(found.stream)
        size = len(found.payload)
        stream.received += size
        self.received += size
        if stream.ended:
            raise BadPeer(f"DATA behind END_STREAM of stream {found.stream}")
        if stream.status is None:
            raise BadPeer(f"DATA before HEADERS of stream {found.stream}")
        stream.body += _unpadded(found)
        stream.ended = found.has(END_STREAM)
        if self.opens_windows and size:
            self.returned += size
            updates = window_update(0, size)
            if not stream.is_over and found.stream not in self.held:
                updates += window_update(found.stream, size)
            self.send(updates)

    # ---- requests

    def take_stream(self):
        """The number of a new stream."""
        self.next_stream += 2
        return self.next_stream - 2

    def request(self, method="GET", path="/", extra=(), body=None, end=True, **pseudo):
        """Sends a request and returns its stream. With `body` windows are respected; without `end`
        the stream stays open for more."""
        number = self.take_stream()
        stream = self.stream(number)
        fields = request_fields(method, path, extra=extra, **pseudo)
        ends = END_STREAM if end and body is None else 0
        self.send(headers(number, self.encoder.encode(fields), END_HEADERS | ends))
        if body is not None:
            self.send_data(stream, body, end)
        return stream

    def send_data(self, stream, body, end=True):
        """DATA as the windows allow. False: the stream or the connection ended before."""
        left = memoryview(body)
        while True:
            if left:
                room = self.wait_for(
                    lambda: stream.reset is not None
                    or max(0, min(self.send_window, stream.send_window, self.frame_max)),
                    "a window opens",
                )  # fmt: skip
                if stream.reset is not None or self.closed or not room:
                    return False
            size = min(len(left), room) if left else 0
            is_last = end and size == len(left)
            if not self.send(data(stream.number, bytes(left[:size]), END_STREAM * is_last)):
                return False
            left = left[size:]
            self.send_window -= size
            stream.send_window -= size
            if not left:
                return True

    def send_fields(self, stream, fields, flags=END_HEADERS | END_STREAM):
        """Trailers, or whatever."""
        self.send(headers(stream.number, self.encoder.encode(fields), flags))

    def finish(self, stream, timeout=None):
        """Reads until the stream is over, or the connection."""
        self.wait_for(lambda: stream.is_over, f"stream {stream.number} is over", timeout)
        return stream

    def get(self, path="/", extra=(), **pseudo):
        return self.finish(self.request("GET", path, extra, **pseudo))

    def is_alive(self):
        """Whether a PING still comes back."""
        mark = os.urandom(8)
        return self.send(ping(mark)) and bool(
            self.wait_for(lambda: mark in self.pongs, "the PING comes back")
        )

    @property
    def error(self):
        """The code of the last GOAWAY, or None."""
        return self.goaways[-1][1] if self.goaways else None


def _unpadded(found):
    if not found.has(PADDED):
        return found.payload
    if not found.payload or found.payload[0] >= len(found.payload):
        raise BadPeer(f"padding longer than {found}")
    return found.payload[1 : len(found.payload) - found.payload[0]]
