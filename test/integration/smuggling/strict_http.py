"""A second opinion on HTTP/1: takes byte streams apart as RFC 9112 says, and nothing more.

It is an oracle for what tandem writes to servers and clients. It shares no code and no thought
with tandem's parser, accepts only what a proxy may generate (no bare LF, no chunk extensions, one
way to frame a body, HTTP/1.1 alone), and raises Malformed for everything else.
"""

import dataclasses
import re

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/1\.1\Z")
_STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t -~\x80-\xff]*)\Z")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")
_HEX = re.compile(rb"[0-9a-fA-F]{1,16}\Z")
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+;=]*)(:[0-9]{0,5})?\Z")


class Malformed(Exception):
    pass


class Incomplete(Exception):
    """The stream ended inside a message."""


@dataclasses.dataclass
class Message:
    start: tuple  # (method, target), or (status,)
    fields: list  # [(lower-case name, value)]
    body: bytes = b""
    trailers: list = dataclasses.field(default_factory=list)

    def all(self, name):
        return [value for key, value in self.fields if key == name.lower()]


class _Stream:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def line(self):
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise Incomplete
        line = self.data[self.at : end]
        self.at = end + 1
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise Malformed(f"line ends badly: {line!r}")
        return line[:-1]

    def take(self, count):
        if self.at + count > len(self.data):
            raise Incomplete
        self.at += count
        return self.data[self.at - count : self.at]

    def is_at_end(self):
        return self.at == len(self.data)


def _field(line):
    name, colon, value = line.partition(b":")
    value = value.strip(b" \t")
    if not colon or not _TOKEN.match(name) or not _VALUE.match(value):
        raise Malformed(f"field line {line!r}")
    return name.lower().decode(), value.decode("latin-1")


def _section(stream):
    fields = []
    while line := stream.line():
        fields.append(_field(line))
    return fields


def _chunks(stream):
    body = b""
    while True:
        size_line = stream.line()
        if not _HEX.match(size_line):
            raise Malformed(f"chunk size {size_line!r}")
        size = int(size_line, 16)
        if size == 0:
            return body, _section(stream)
        body += stream.take(size)
        if stream.line() != b"":
            raise Malformed("chunk does not end where it says")


def _framing(message):
    lengths = message.all("content-length")
    codings = message.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        raise Malformed(f"framed in more than one way: {message}")
    if lengths and not re.fullmatch("0|[1-9][0-9]{0,18}", lengths[0]):
        raise Malformed(f"Content-Length {lengths[0]!r}")
    if codings and codings[0] != "chunked":
        raise Malformed(f"Transfer-Encoding {codings[0]!r}")
    return int(lengths[0]) if lengths else None, bool(codings)


def _read_request(stream):
    match = _REQUEST_LINE.match(stream.line())
    if not match:
        raise Malformed("request line")
    message = Message((match[1].decode(), match[2].decode()), _section(stream))
    hosts = message.all("host")
    if len(hosts) != 1 or not _HOST.match(hosts[0].encode("latin-1")):
        raise Malformed(f"Host: {hosts}")
    length, chunked = _framing(message)
    if chunked:
        message.body, message.trailers = _chunks(stream)
    elif length:
        message.body = stream.take(length)
    return message


def requests(data):
    """What a server sees on one connection: ([whole requests], whether another one broke off)."""
    stream = _Stream(data)
    found = []
    try:
        while not stream.is_at_end():
            found.append(_read_request(stream))
    except Incomplete:
        return found, True
    return found, False


def _read_response(stream, to_head):
    match = _STATUS_LINE.match(stream.line())
    if not match:
        raise Malformed("status line")
    message = Message((int(match[1]),), _section(stream))
    status = message.start[0]
    length, chunked = _framing(message)
    if status < 200 or status == 204:
        if length is not None or chunked:
            raise Malformed(f"{status} with a length")
    elif to_head or status == 304:
        pass
    elif chunked:
        message.body, message.trailers = _chunks(stream)
    elif length is not None:
        message.body = stream.take(length)
    else:
        if "close" not in message.all("connection"):
            raise Malformed("ends with the connection and does not say so")
        message.body = stream.take(len(stream.data) - stream.at)
    return message


def responses(data, to_head=False):
    """What a client sees on one connection that has ended: ([whole responses], broken off)."""
    stream = _Stream(data)
    found = []
    try:
        while not stream.is_at_end():
            found.append(_read_response(stream, to_head))
    except Incomplete:
        return found, True
    return found, False
