"""What a client may do wrong, or must be allowed to do, section by section of RFC 9113: a table.

Each case is what is sent behind the preface and our SETTINGS, and what must become of it. A stream
error may be made a connection error (section 5.4), so `resets` takes both. `reach` says what a
server may see of it: "nothing", at most a request that breaks off ("cut"), at most one whole
request ("maybe"), or exactly that ("once"). Targets hold C: and the number of the case; D: must
never arrive.
"""

import dataclasses
import struct

import h2_frames as h2
from h2_frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PRIORITY_FLAG,
    Code,
    Kind,
    Setting,
)

OPEN = END_HEADERS  # flags of HEADERS that more follows


@dataclasses.dataclass(frozen=True)
class Expect:
    goaway: tuple = ()  # codes of a connection error
    reset: tuple = ()  # codes of a stream error
    statuses: tuple = ()  # of an answer
    alive: bool = False  # nothing happens, and the connection is as good as before
    reach: str = "nothing"
    stream: int = 1


@dataclasses.dataclass(frozen=True)
class Case:
    section: str
    name: str
    expect: Expect
    wire: object  # path -> bytes
    path: str = "/bytes/10"
    hello: bytes | None = None

    def __str__(self):
        return f"{self.section} {self.name}"


def dies(*codes, reach="nothing"):
    return Expect(goaway=codes, reach=reach)


def resets(*codes, reach="nothing", stream=1, or_alive=False):
    return Expect(goaway=codes, reset=codes, alive=or_alive, reach=reach, stream=stream)


def malformed(*statuses, reach="nothing", stream=1):
    """Section 8.1.1: a stream error, before which a server may say why in an answer."""
    bad = (Code.PROTOCOL_ERROR,)
    return Expect(bad, bad, statuses or (400,), reach=reach, stream=stream)


def answers(status=200, reach="once", stream=1):
    return Expect(statuses=(status,), reach=reach, stream=stream)


def ignored(reach="nothing"):
    return Expect(alive=True, reach=reach)


PROTOCOL = Code.PROTOCOL_ERROR
SIZE = Code.FRAME_SIZE_ERROR
FLOW = Code.FLOW_CONTROL_ERROR
CLOSED = Code.STREAM_CLOSED
COMPRESSION = Code.COMPRESSION_ERROR


def get(path, stream=1, extra=(), flags=END_HEADERS | END_STREAM, **pseudo):
    return h2.headers(stream, h2.block(h2.request_fields("GET", path, extra=extra, **pseudo)), flags)


def post(path, stream=1, extra=(), flags=OPEN, **pseudo):
    return h2.headers(
        stream, h2.block(h2.request_fields("POST", path, extra=extra, **pseudo)), flags
    )


def blocked(path, stream=1, extra=()):
    """The field block of a GET."""
    return h2.block(h2.request_fields("GET", path, extra=extra))


# ---- section 3.4: the preface


def prefaces():
    def first(name, first_frame, *codes):
        return Case("3.4", name, dies(*codes or (PROTOCOL,)), get, hello=h2.PREFACE + first_frame)

    yield first("HEADERS in place of SETTINGS", get("/smuggled/first"))
    yield first("PING in place of SETTINGS", h2.ping())
    yield first("WINDOW_UPDATE in place of SETTINGS", h2.window_update(0, 1))
    yield first("PRIORITY in place of SETTINGS", h2.priority(1))
    yield first("an unknown frame in place of SETTINGS", h2.frame(0x42))
    yield first("an acknowledgement in place of SETTINGS", h2.settings_ack())
    yield first("the preface twice", h2.PREFACE, PROTOCOL, SIZE)
    yield Case("3.4", "SETTINGS of the preface are empty", answers(), get,
               hello=h2.PREFACE + h2.settings())  # fmt: skip


# ---- section 4: frames and field blocks


def frame_format():
    yield Case("4.1", "unknown types are ignored", answers(),
               lambda path: h2.frame(0x42, 0xFF, 0, b"whatever") + h2.frame(0xFF, 0, 0)
               + post(path) + h2.frame(0x16, 0xFF, 1, b"x" * 1000) + h2.data(1))  # fmt: skip
    yield Case("4.1", "the reserved bit of the stream is ignored", answers(),
               lambda path: h2.headers(0x80000001, blocked(path)))  # fmt: skip
    yield Case("4.1", "flags without a meaning are ignored", answers(),
               lambda path: h2.frame(Kind.PING, 0xFE, 0, b"87654321")
               + get(path, flags=END_HEADERS | END_STREAM | 0xD2))  # fmt: skip
    yield Case("4.2", "DATA of the largest size", answers(),
               lambda path: post(path) + h2.data(1, b"x" * 16384))  # fmt: skip
    yield Case("4.2", "DATA that is too large", resets(SIZE, reach="cut"),
               lambda path: post(path) + h2.data(1, b"x" * 16385))  # fmt: skip
    yield Case("4.2", "HEADERS that are too large", dies(SIZE),
               lambda path: h2.headers(1, blocked(path, extra=[("x-a", "a" * 16384)])))  # fmt: skip
    yield Case("4.2", "CONTINUATION that is too large", dies(SIZE),
               lambda path: h2.headers(1, blocked(path), END_STREAM)
               + h2.continuation(1, h2.literal("x-a", "a" * 16384)))  # fmt: skip
    yield Case("4.2", "SETTINGS that are too large", dies(SIZE),
               lambda path: h2.settings([(0x9999, 0)] * 2731))  # fmt: skip
    yield Case("4.2", "an unknown frame that is too large", dies(SIZE),
               lambda path: h2.frame(0x42, 0, 0, b"x" * 16385))  # fmt: skip
    yield Case("4.2", "a length of 16 MB", dies(SIZE),
               lambda path: h2.frame(Kind.HEADERS, END_HEADERS, 1, b"x", length=0xFFFFFF))  # fmt: skip


def field_blocks():
    def broken(name, tail, where="4.3"):
        return Case(where, name, dies(COMPRESSION), lambda path: h2.headers(1, blocked(path) + tail))

    yield broken("index of nothing", h2.indexed(62))
    yield broken("index far away", h2.indexed(1 << 20))
    yield broken("index 0", b"\x80")
    yield broken("name index of nothing", b"\x7f\x20\x01a")
    yield broken("literal that breaks off", b"\x00\x03x-")
    yield broken("value that breaks off", b"\x00\x03x-a\x7f")
    yield broken("integer that breaks off", b"\xff\xff")
    yield broken("integer without end", b"\xff" + b"\xff" * 12 + b"\x01")
    yield broken("Huffman code with padding of zeros", b"\x00\x03x-a\x81\x18")
    yield broken("Huffman code with padding of a byte", b"\x00\x03x-a\x82\x1f\xff")
    yield broken("Huffman code of the end", b"\x00\x03x-a\x84\xff\xff\xff\xff")
    yield broken("size of the table behind a field", b"\x3e")
    yield Case("4.3", "size of the table above what is allowed", dies(COMPRESSION),
               lambda path: h2.headers(1, b"\x3f\xe2\xff\xff\x0f" + blocked(path)))  # fmt: skip
    yield Case("4.3", "size of the table 0, then back", answers(),
               lambda path: h2.headers(1, b"\x20\x3f\xe1\x1f" + blocked(path)))  # fmt: skip
    yield Case("4.3", "what is broken in trailers", dies(COMPRESSION, reach="cut"),
               lambda path: post(path) + h2.headers(1, b"\x80"))  # fmt: skip
    yield Case("4.3", "what is broken on a stream that was reset", dies(COMPRESSION, CLOSED, reach="cut"),
               lambda path: post(path) + h2.reset(1) + h2.headers(1, b"\x80"))  # fmt: skip
    # The refused request put x-a into the table, and the next one refers to it.
    yield Case("4.3", "a refused request counts for the table", answers(stream=3),
               lambda path: h2.headers(1, h2.literal("X-Bad", "1") + h2.literal("x-a", "1", True))
               + h2.headers(3, blocked(path) + h2.indexed(62)))  # fmt: skip


# ---- section 5: streams


def states():
    idle = {
        "DATA": h2.data(1, b"x"),
        "RST_STREAM": h2.reset(1),
        "WINDOW_UPDATE": h2.window_update(1, 1),
        "CONTINUATION": h2.continuation(1, b""),
    }
    for name, wire in idle.items():
        yield Case("5.1", f"{name} on an idle stream", dies(PROTOCOL), lambda path, wire=wire: wire)
    yield Case("5.1", "PRIORITY on an idle stream", answers(stream=3),
               lambda path: h2.priority(1) + h2.priority(777) + get(path, 3))  # fmt: skip
    half = {
        "DATA": h2.data(1, b"x"),
        "empty DATA": h2.data(1),
        "HEADERS": h2.headers(1, h2.literal("x-a", "1")),
    }
    for name, wire in half.items():
        yield Case("5.1", f"{name} behind END_STREAM", resets(CLOSED, reach="maybe"),
                   lambda path, wire=wire: get(path) + wire, "/freeze")  # fmt: skip
        yield Case("5.1", f"{name} behind END_STREAM of DATA", resets(CLOSED, reach="maybe"),
                   lambda path, wire=wire: post(path) + h2.data(1, b"y") + wire, "/freeze")  # fmt: skip
        yield Case("5.1", f"{name} behind RST_STREAM of the client",
                   resets(CLOSED, reach="cut", or_alive=True),
                   lambda path, wire=wire: post(path) + h2.reset(1) + wire)  # fmt: skip
    yield Case("5.1", "CONTINUATION behind END_STREAM", resets(PROTOCOL, CLOSED, reach="maybe"),
               lambda path: get(path) + h2.continuation(1, b""), "/freeze")  # fmt: skip
    yield Case("5.1", "WINDOW_UPDATE and PRIORITY behind END_STREAM", answers(),
               lambda path: get(path) + h2.window_update(1, 1) + h2.priority(1),
               "/bytes/10?delay=50")  # fmt: skip
    yield Case("5.1", "RST_STREAM behind END_STREAM", ignored(reach="maybe"),
               lambda path: get(path) + h2.reset(1), "/freeze")  # fmt: skip
    yield Case("5.1", "RST_STREAM twice", ignored(reach="maybe"),
               lambda path: get(path) + h2.reset(1) + h2.reset(1), "/freeze")  # fmt: skip
    yield Case("5.1", "WINDOW_UPDATE behind RST_STREAM", resets(CLOSED, reach="maybe", or_alive=True),
               lambda path: get(path) + h2.reset(1) + h2.window_update(1, 1), "/freeze")  # fmt: skip


def identifiers():
    yield Case("5.1.1", "an even stream", dies(PROTOCOL), lambda path: get(path, 2))
    yield Case("5.1.1", "a stream below one that was used", dies(PROTOCOL, CLOSED, reach="maybe"),
               lambda path: get(path, 5) + get(path.replace("C:", "D:"), 3), "/freeze")  # fmt: skip
    yield Case("5.1.1", "a stream that is open is opened again", malformed(reach="cut"),
               lambda path: post(path) + post(path))  # fmt: skip
    yield Case("5.1.1", "streams may be left out", answers(stream=0x7FFFFFFF),
               lambda path: get(path, 0x7FFFFFFF))  # fmt: skip
    yield Case("5.3", "a stream depends on itself (PRIORITY)", resets(PROTOCOL, or_alive=True),
               lambda path: h2.priority(1, 1))  # fmt: skip
    yield Case("5.3", "a stream depends on itself (HEADERS)",
               Expect((PROTOCOL,), (PROTOCOL,), (200,), reach="maybe"),
               lambda path: h2.headers(1, h2.priority_fields(1) + blocked(path),
                                       END_HEADERS | END_STREAM | PRIORITY_FLAG))  # fmt: skip
    yield Case("5.5", "an unknown frame inside a field block", dies(PROTOCOL),
               lambda path: h2.headers(1, blocked(path), END_STREAM) + h2.frame(0x42, 0, 1)
               + h2.continuation(1, b""))  # fmt: skip


# ---- section 6: each type of frame


def data_frames():
    yield Case("6.1", "DATA on stream 0", dies(PROTOCOL), lambda path: h2.data(0, b"x"))
    for pad, size in ((6, 6), (7, 6), (255, 1), (1, 1)):
        yield Case("6.1", f"padding of {pad} in {size} bytes", dies(PROTOCOL, reach="cut"),
                   lambda path, pad=pad, size=size: post(path)
                   + h2.data(1, bytes([pad]) + b"x" * (size - 1), END_STREAM | PADDED))  # fmt: skip
    yield Case("6.1", "padding without its length", dies(PROTOCOL, SIZE, reach="cut"),
               lambda path: post(path) + h2.data(1, b"", END_STREAM | PADDED))  # fmt: skip
    yield Case("6.1", "nothing but padding", answers(),
               lambda path: post(path) + h2.data(1, b"\xff" + b"\0" * 255, END_STREAM | PADDED))  # fmt: skip
    yield Case("6.1", "padding of length 0", answers(),
               lambda path: post(path) + h2.data(1, b"\0abc", END_STREAM | PADDED))  # fmt: skip


def headers_frames():
    yield Case("6.2", "HEADERS on stream 0", dies(PROTOCOL), lambda path: get(path, 0))
    yield Case("6.2", "padding longer than the block", dies(PROTOCOL),
               lambda path: h2.headers(1, b"\xff" + blocked(path),
                                       END_HEADERS | END_STREAM | PADDED))  # fmt: skip
    yield Case("6.2", "padding without its length", dies(PROTOCOL, SIZE),
               lambda path: h2.headers(1, b"", END_HEADERS | END_STREAM | PADDED))  # fmt: skip
    yield Case("6.2", "padding that leaves no room for the priority", dies(PROTOCOL, SIZE),
               lambda path: h2.headers(1, b"\x04" + b"\0" * 8,
                                       END_HEADERS | END_STREAM | PADDED | PRIORITY_FLAG))  # fmt: skip
    yield Case("6.2", "priority that breaks off", dies(PROTOCOL, SIZE),
               lambda path: h2.headers(1, b"\0\0\0", END_HEADERS | END_STREAM | PRIORITY_FLAG))  # fmt: skip
    yield Case("6.2", "padding and priority", answers(),
               lambda path: h2.headers(1, b"\x03" + h2.priority_fields(0) + blocked(path) + b"\0" * 3,
                                       END_HEADERS | END_STREAM | PADDED | PRIORITY_FLAG))  # fmt: skip
    yield Case("6.2", "an empty block", malformed(), lambda path: h2.headers(1, b""))
    others = {
        "HEADERS of another stream": lambda path: get(path, 3),
        "HEADERS of the same stream": get,
        "DATA": lambda path: h2.data(1, b"x"),
        "PING": lambda path: h2.ping(),
        "SETTINGS": lambda path: h2.settings(),
        "PRIORITY": lambda path: h2.priority(1),
        "RST_STREAM": lambda path: h2.reset(1),
        "WINDOW_UPDATE": lambda path: h2.window_update(0, 1),
        "GOAWAY": lambda path: h2.goaway(),
        "CONTINUATION of another stream": lambda path: h2.continuation(3, b""),
        "CONTINUATION of stream 0": lambda path: h2.continuation(0, b""),
    }
    for name, wire in others.items():
        yield Case("6.2", f"{name} inside a field block", dies(PROTOCOL),
                   lambda path, wire=wire: h2.headers(1, blocked(path), END_STREAM) + wire(path)
                   + h2.continuation(1, b""))  # fmt: skip


def priority_and_reset_frames():
    yield Case("6.3", "PRIORITY on stream 0", dies(PROTOCOL), lambda path: h2.priority(0))
    yield Case("6.4", "RST_STREAM on stream 0", dies(PROTOCOL), lambda path: h2.reset(0))
    for size in (0, 4, 6):
        yield Case("6.3", f"PRIORITY of {size} bytes", resets(SIZE, reach="cut"),
                   lambda path, size=size: post(path)
                   + h2.frame(Kind.PRIORITY, 0, 1, b"\0" * size))  # fmt: skip
    for size in (0, 3, 5):
        yield Case("6.4", f"RST_STREAM of {size} bytes", dies(SIZE, reach="cut"),
                   lambda path, size=size: post(path)
                   + h2.frame(Kind.RST_STREAM, 0, 1, b"\0" * size))  # fmt: skip
    yield Case("7", "RST_STREAM with an unknown code", ignored(reach="maybe"),
               lambda path: get(path) + h2.reset(1, 0xFFFFFFFF), "/freeze")  # fmt: skip


def settings_frames():
    def one(key, value):
        return lambda path: h2.settings([(key, value)]) + get(path)

    yield Case("6.5", "acknowledgement with a payload", dies(SIZE),
               lambda path: h2.frame(Kind.SETTINGS, ACK, 0, b"\0" * 6))  # fmt: skip
    yield Case("6.5", "SETTINGS on a stream", dies(PROTOCOL),
               lambda path: h2.frame(Kind.SETTINGS, 0, 1, b""))  # fmt: skip
    for size in (1, 5, 7):
        yield Case("6.5", f"SETTINGS of {size} bytes", dies(SIZE),
                   lambda path, size=size: h2.frame(Kind.SETTINGS, 0, 0, b"\0" * size))  # fmt: skip
    for value in (2, 0xFFFFFFFF):
        yield Case("6.5.2", f"ENABLE_PUSH {value}", dies(PROTOCOL, reach="maybe"),
                   one(Setting.ENABLE_PUSH, value))  # fmt: skip
    for value in (0, 1):
        yield Case("6.5.2", f"ENABLE_PUSH {value}", answers(), one(Setting.ENABLE_PUSH, value))
    for value in (1 << 31, 0xFFFFFFFF):
        yield Case("6.5.2", f"INITIAL_WINDOW_SIZE {value}", dies(FLOW, reach="maybe"),
                   one(Setting.INITIAL_WINDOW_SIZE, value))  # fmt: skip
    yield Case("6.5.2", "INITIAL_WINDOW_SIZE at its largest", answers(),
               one(Setting.INITIAL_WINDOW_SIZE, h2.LARGEST_WINDOW))  # fmt: skip
    for value in (0, 16383, 1 << 24, 0xFFFFFFFF):
        yield Case("6.5.2", f"MAX_FRAME_SIZE {value}", dies(PROTOCOL, reach="maybe"),
                   one(Setting.MAX_FRAME_SIZE, value))  # fmt: skip
    for value in (16384, (1 << 24) - 1):
        yield Case("6.5.2", f"MAX_FRAME_SIZE {value}", answers(), one(Setting.MAX_FRAME_SIZE, value))
    for key in (0, 7, 0x99, 0xFFFF):
        yield Case("6.5.2", f"unknown setting {key}", answers(), one(key, 0xFFFFFFFF))
    for value in (0, 1, 0xFFFFFFFF):
        yield Case("6.5.2", f"HEADER_TABLE_SIZE {value}", answers(),
                   one(Setting.HEADER_TABLE_SIZE, value))  # fmt: skip
    yield Case("6.5.2", "MAX_CONCURRENT_STREAMS 0 is about pushes", answers(),
               one(Setting.MAX_CONCURRENT_STREAMS, 0))  # fmt: skip
    yield Case("6.5.3", "the last of two values counts", answers(),
               lambda path: h2.settings([(Setting.INITIAL_WINDOW_SIZE, 0),
                                         (Setting.INITIAL_WINDOW_SIZE, 65535)]) + get(path))  # fmt: skip


def push_ping_goaway_frames():
    yield Case("6.6", "PUSH_PROMISE from a client", dies(PROTOCOL, reach="maybe"),
               lambda path: get(path) + h2.frame(Kind.PUSH_PROMISE, END_HEADERS, 1,
                                                 struct.pack(">I", 2) + blocked(path)),
               "/freeze")  # fmt: skip
    yield Case("6.6", "PUSH_PROMISE on stream 0", dies(PROTOCOL),
               lambda path: h2.frame(Kind.PUSH_PROMISE, END_HEADERS, 0, struct.pack(">I", 2)))  # fmt: skip
    yield Case("6.7", "PING on a stream", dies(PROTOCOL),
               lambda path: h2.frame(Kind.PING, 0, 1, b"12345678"))  # fmt: skip
    for size in (0, 7, 9):
        yield Case("6.7", f"PING of {size} bytes", dies(SIZE),
                   lambda path, size=size: h2.ping(b"x" * size))  # fmt: skip
    yield Case("6.8", "GOAWAY on a stream", dies(PROTOCOL),
               lambda path: h2.frame(Kind.GOAWAY, 0, 1, b"\0" * 8))  # fmt: skip
    yield Case("6.8", "GOAWAY of 7 bytes", dies(SIZE),
               lambda path: h2.frame(Kind.GOAWAY, 0, 0, b"\0" * 7))  # fmt: skip
    yield Case("6.8", "running requests outlive a GOAWAY of the client", answers(),
               lambda path: get(path) + h2.goaway(debug=b"good night"), "/bytes/10?delay=50")  # fmt: skip


def window_update_frames():
    most = h2.LARGEST_WINDOW
    yield Case("6.9", "WINDOW_UPDATE of 0 on a stream", resets(PROTOCOL, reach="maybe"),
               lambda path: get(path) + h2.window_update(1, 0), "/freeze")  # fmt: skip
    yield Case("6.9", "WINDOW_UPDATE of 0 on the connection", dies(PROTOCOL),
               lambda path: h2.window_update(0, 0))  # fmt: skip
    yield Case("6.9", "WINDOW_UPDATE of nothing but the reserved bit", dies(PROTOCOL),
               lambda path: h2.window_update(0, 0x80000000))  # fmt: skip
    yield Case("6.9", "the reserved bit is ignored", answers(),
               lambda path: h2.window_update(0, 0x80000001) + get(path))  # fmt: skip
    for size in (0, 3, 5):
        yield Case("6.9", f"WINDOW_UPDATE of {size} bytes", dies(SIZE),
                   lambda path, size=size: h2.frame(Kind.WINDOW_UPDATE, 0, 0, b"\1" * size))  # fmt: skip
    yield Case("6.9.1", "the window of a stream overflows", resets(FLOW, reach="maybe"),
               lambda path: get(path) + h2.window_update(1, most), "/freeze")  # fmt: skip
    yield Case("6.9.1", "the window of the connection overflows", dies(FLOW),
               lambda path: h2.window_update(0, most))  # fmt: skip
    yield Case("6.9.1", "the window of a stream at its largest", answers(),
               lambda path: get(path) + h2.window_update(1, most - 65535), "/bytes/10?delay=50")  # fmt: skip
    yield Case("6.9.1", "the window of the connection at its largest", answers(),
               lambda path: h2.window_update(0, most - 65535) + get(path))  # fmt: skip
    # A connection error, says the section; ending the streams whose windows they are is as good.
    yield Case("6.9.2", "SETTINGS make the window of a stream overflow", resets(FLOW, reach="maybe"),
               lambda path: get(path) + h2.window_update(1, most - 65535)
               + h2.settings([(Setting.INITIAL_WINDOW_SIZE, 65536)]), "/freeze")  # fmt: skip


def continuation_frames():
    def pieces(path, size, extra=()):
        return h2.headers_in_pieces(1, blocked(path, extra=extra), size)

    yield Case("6.10", "a block in five pieces", answers(), lambda path: pieces(path, 16))
    yield Case("6.10", "a block in two pieces", answers(),
               lambda path: pieces(path, 40, [("x-a", "a" * 100)]))  # fmt: skip
    yield Case("6.10", "HEADERS without a byte, then CONTINUATION", answers(),
               lambda path: h2.headers(1, b"", END_STREAM) + h2.continuation(1, blocked(path)))  # fmt: skip
    yield Case("6.10", "an empty CONTINUATION ends the block", answers(),
               lambda path: h2.headers(1, blocked(path), END_STREAM) + h2.continuation(1, b""))  # fmt: skip
    yield Case("6.10", "CONTINUATION of nothing", dies(PROTOCOL),
               lambda path: h2.continuation(1, blocked(path)))  # fmt: skip
    yield Case("6.10", "CONTINUATION on stream 0", dies(PROTOCOL),
               lambda path: h2.continuation(0, blocked(path)))  # fmt: skip
    yield Case("6.10", "CONTINUATION behind END_HEADERS", dies(PROTOCOL, reach="cut"),
               lambda path: post(path) + h2.continuation(1, b""))  # fmt: skip
    yield Case("6.10", "CONTINUATION behind DATA", dies(PROTOCOL, reach="cut"),
               lambda path: post(path) + h2.data(1, b"x", 0) + h2.continuation(1, b""))  # fmt: skip
    yield Case("6.10", "trailers in pieces", answers(),
               lambda path: post(path) + h2.headers_in_pieces(1, h2.literal("x-sum", "12345"), 3))  # fmt: skip


# ---- section 8: messages


def sequences():
    trailers = h2.literal("x-sum", "1")
    yield Case("8.1", "trailers without END_STREAM", malformed(reach="cut"),
               lambda path: post(path) + h2.data(1, b"x", 0) + h2.headers(1, trailers, END_HEADERS))  # fmt: skip
    yield Case("8.1", "DATA behind trailers", resets(CLOSED, PROTOCOL, reach="maybe"),
               lambda path: post(path) + h2.headers(1, trailers) + h2.data(1, b"x"), "/freeze")  # fmt: skip
    yield Case("8.1", "trailers behind nothing", answers(),
               lambda path: post(path) + h2.headers(1, trailers))  # fmt: skip
    yield Case("8.1", "trailers behind DATA", answers(),
               lambda path: post(path) + h2.data(1, b"x", 0) + h2.headers(1, trailers))  # fmt: skip
    yield Case("8.1", "empty DATA, then trailers", answers(),
               lambda path: post(path) + h2.data(1, b"", 0) + h2.headers(1, trailers))  # fmt: skip
    for name, value in ((":path", "/"), (":status", "200"), (":method", "GET"), (":x", "y")):
        yield Case("8.1", f"{name} in trailers", malformed(reach="cut"),
                   lambda path, name=name, value=value: post(path)
                   + h2.headers(1, h2.literal(name, value)))  # fmt: skip
    for name, value in (("X-Sum", "1"), ("connection", "x"), ("transfer-encoding", "chunked"),
                        ("x-a", "1\r\nx-b: 2"), ("x\n", "1"), ("", "1"), ("x-a", "a\0b"),
                        ("x a", "1"), ("keep-alive", "1"), ("x:a", "1")):  # fmt: skip
        yield Case("8.2", f"{name!r}: {value!r} in trailers", malformed(reach="cut"),
                   lambda path, name=name, value=value: post(path) + h2.data(1, b"x", 0)
                   + h2.headers(1, h2.literal(name, value)))  # fmt: skip


def lengths():
    def sized(length, body, ends=END_STREAM):
        return lambda path: post(path, extra=[("content-length", length)]) + h2.data(1, body, ends)

    yield Case("8.1.1", "content-length that is right", answers(), sized("5", b"hello"))
    yield Case("8.1.1", "content-length 0 and empty DATA", answers(), sized("0", b""))
    for length, body in (("4", b"hello"), ("6", b"hello"), ("5", b"")):
        yield Case("8.1.1", f"content-length {length} for {len(body)} bytes", malformed(reach="cut"),
                   sized(length, body))  # fmt: skip
    # As HTTP/1 the head alone is a whole request, which may have left.
    yield Case("8.1.1", "content-length 0 for 5 bytes", malformed(reach="maybe"), sized("0", b"hello"))
    yield Case("8.1.1", "content-length 5 and no body", malformed(),
               lambda path: get(path, extra=[("content-length", "5")]))  # fmt: skip
    yield Case("8.1.1", "content-length 6, trailers come earlier", malformed(reach="cut"),
               lambda path: sized("6", b"hello", 0)(path) + h2.headers(1, h2.literal("x-a", "1")))  # fmt: skip
    yield Case("8.1.1", "content-length 4, more before the end", malformed(reach="cut"),
               sized("4", b"hello", 0))  # fmt: skip
    for length in ("-1", "+5", "0x5", "5,5", "5 ", " 5", "", "five", "5.0", "5;",
                   "99999999999999999999", "18446744073709551621"):  # fmt: skip
        yield Case("8.1.1", f"content-length {length!r}", malformed(400, 413), sized(length, b"hello"))
    yield Case("8.1.1", "two lengths", malformed(),
               lambda path: post(path, extra=[("content-length", "5"), ("content-length", "6")])
               + h2.data(1, b"hello"))  # fmt: skip
    yield Case("8.1.1", "padding does not count", answers(),
               lambda path: post(path, extra=[("content-length", "2")])
               + h2.data(1, b"\x03hi\0\0\0", END_STREAM | PADDED))  # fmt: skip


def fields():
    def bad(section, name, *extra):
        return Case(section, name, malformed(), lambda path: get(path, extra=extra))

    for name in ("X-A", "x-A", "Host", "", " x", "x ", "x a", "x\ta", "x\0", "x\r", "x\n", "x\r\nb",
                 "x:", "x:y", "\x7fx", "x\x80", "\xe9", "x(", "x\x01", 'x"', "x/", "x{", "x,"):  # fmt: skip
        yield bad("8.2.1", f"name {name!r}", (name, "1"))
    for value in ("\0", "a\0b", "a\rb", "a\nb", "a\r\nb", "\r\n", "a\r\nx-b: 1", "a\n\n", " a", "a ",
                  "\ta", "a\t", "a\x01b", "a\x1bb", "a\x7fb"):  # fmt: skip
        yield bad("8.2.1", f"value {value!r}", ("x-a", value))
    for name, value in (("x-a", ""), ("x-a", "a\tb c"), ("x-a", "\xe9\xff"),
                        ("x!#$%&'*+-.^_`|~1", "1")):  # fmt: skip
        yield Case("8.2.1", f"{name}: {value!r} is allowed", answers(),
                   lambda path, name=name, value=value: get(path, extra=[(name, value)]))  # fmt: skip
    for name, value in (("connection", "close"), ("connection", "x-a"), ("connection", ""),
                        ("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"),
                        ("transfer-encoding", "chunked"), ("transfer-encoding", "identity"),
                        ("upgrade", "websocket"), ("te", "gzip"), ("te", "trailers, deflate")):  # fmt: skip
        yield bad("8.2.2", f"{name}: {value!r}", (name, value))
    yield Case("8.2.2", "te: trailers", answers(),
               lambda path: get(path, extra=[("te", "trailers")]))  # fmt: skip


def pseudo_fields():
    def bad(section, name, wire):
        return Case(section, name, malformed(), wire)

    def raw(*pairs):
        return lambda path: h2.headers(1, h2.block(
            [(name, value.replace("@", path)) for name, value in pairs]))  # fmt: skip

    method, scheme, host, path = (
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "@"),
    )
    yield bad("8.3", "an unknown one", raw(method, scheme, host, path, (":x", "y")))
    yield bad("8.3", "one of an answer", raw(method, scheme, host, path, (":status", "200")))
    yield bad("8.3", "one behind a field", raw(method, scheme, host, ("x-a", "1"), path))
    yield bad("8.3", "all behind a field", raw(("x-a", "1"), method, scheme, host, path))
    yield bad("8.3", "in capitals", raw((":Method", "GET"), scheme, host, path))
    yield bad("8.3", "an empty name", raw((":", "GET"), method, scheme, host, path))
    for one in (method, scheme, host, path):
        yield bad("8.3", f"{one[0]} twice", raw(method, scheme, host, path, one))
    for left_out in (method, scheme, path):
        rest = [one for one in (method, scheme, host, path) if one != left_out]
        yield bad("8.3.1", f"without {left_out[0]}", raw(*rest))
    yield bad("8.3.1", "none at all", raw(("x-a", "1")))
    yield bad("8.3.1", "neither :authority nor host", raw(method, scheme, path))
    for value in ("", "GE T", "G\r\nET", "GET\0", "G\xe9T", "GET /x HTTP/1.1\r\nX: y\r\n\r\nGET"):
        yield bad("8.3.1", f":method {value!r}", raw((":method", value), scheme, host, path))
    for value in ("", "ht tp", "http\r\n", "http://a", "1http", "http\0", "http:"):
        yield bad("8.3.1", f":scheme {value!r}", raw(method, (":scheme", value), host, path))
    for value in ("", "a b", "a\r\nx: y", "a\0", "a/b", "a?b", "a#b", "u@a", "u:p@a", "a,b", "a:x",
                  "a:80:80", "[::1", "a\t", " a", "\\a"):  # fmt: skip
        yield bad("8.3.1", f":authority {value!r}",
                  lambda path, value=value: get(path, authority=value))  # fmt: skip
    for value in ("", "x", "*", "http://a/", "@ x", "@\r\nx: y", "@\0", "@#x", "@\t", "@\x7f", "@\xe9",
                  "?@", " @", "@ HTTP/1.1\r\nHost: b\r\n\r\nGET /smuggled/x"):  # fmt: skip
        yield bad("8.3.1", f":path {value!r}",
                  lambda path, value=value: get(value.replace("@", path)))  # fmt: skip
    yield bad("8.3.1", "host disagrees", raw(method, scheme, host, path, ("host", "b")))
    yield bad("8.3.1", "two hosts", raw(method, scheme, path, ("host", "a"), ("host", "b")))
    yield Case("8.3.1", "host agrees", answers(), raw(method, scheme, host, path, ("host", "a")))
    yield Case("8.3.1", "host alone", answers(), raw(method, scheme, path, ("host", "a")))
    yield Case("8.3.1", "in another order", answers(), raw(path, host, scheme, method))
    connect = (":method", "CONNECT")
    yield bad("8.5", "CONNECT with :scheme and :path", raw(connect, scheme, host, path))
    yield bad("8.5", "CONNECT with :path", raw(connect, host, path))
    yield bad("8.5", "CONNECT without :authority", raw(connect))
    yield Case("8.5", "CONNECT is not offered",
               Expect((PROTOCOL,), (PROTOCOL, Code.REFUSED_STREAM, Code.CONNECT_ERROR),
                      (400, 405, 501)),
               raw(connect, (":authority", "a:80")))  # fmt: skip
    # RFC 8441 section 4, whether it was announced or not.
    protocol = (":protocol", "websocket")
    yield bad("8.5", ":protocol without CONNECT", raw(method, protocol, scheme, host, path))
    yield bad("8.5", ":protocol without :path", raw(connect, protocol, scheme, host))
    yield bad("8.5", ":protocol without :scheme", raw(connect, protocol, host, path))
    yield bad("8.5", ":protocol without :authority", raw(connect, protocol, scheme, path))
    yield bad("8.5", ":protocol twice", raw(connect, protocol, protocol, scheme, host, path))
    for value in ("", "a b", "x\r\ny: z", "x\0"):
        yield bad("8.5", f":protocol {value!r}",
                  raw(connect, (":protocol", value), scheme, host, path))  # fmt: skip


def all_cases():
    makers = (
        prefaces,
        frame_format,
        field_blocks,
        states,
        identifiers,
        data_frames,
        headers_frames,
        priority_and_reset_frames,
        settings_frames,
        push_ping_goaway_frames,
        window_update_frames,
        continuation_frames,
        sequences,
        lengths,
        fields,
        pseudo_fields,
    )
    return [case for maker in makers for case in maker()]
