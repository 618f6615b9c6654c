"""Hundreds of requests that clients send to make a proxy and a server disagree.

Each variant says what must become of it:

  refused   nothing of it reaches a server; the client gets one of `statuses` and the end
  cut       the head was fine, so it may be on its way; the server must see it break off
  passed    the server sees exactly `requests`, whatever the spelling was

In `wire` @@@@ is the number of the variant: its own requests have targets /v/@@@@, and the one that
must not become a request of its own is /smuggled/@@@@.
"""

import dataclasses

SMUGGLED = b"GET /smuggled/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n"


@dataclasses.dataclass
class Expected:
    """One request as the server must see it. `without`: fields that must be gone."""

    method: str = "GET"
    target: str = "/v/@@@@"
    body: bytes = b""
    host: str | None = None
    trailers: tuple = ()
    fields: tuple = ()
    without: tuple = ()


@dataclasses.dataclass
class Variant:
    name: str
    wire: bytes
    fate: str
    statuses: tuple = (400,)
    requests: tuple = ()
    closes: bool = False  # passed, and the connection ends with the answer


def request(
    *lines, method=b"GET", target=b"/v/@@@@", version=b"HTTP/1.1", host=b"Host: a", body=b""
):
    """`lines` are field lines; `host` is the line before them, None for none."""
    head = [method + b" " + target + b" " + version]
    if host is not None:
        head.append(host)
    return b"\r\n".join([*head, *lines]) + b"\r\n\r\n" + body


def post(*lines, body=b"", **kwargs):
    return request(*lines, method=b"POST", body=body, **kwargs)


def chunked(body, *lines):
    return post(b"Transfer-Encoding: chunked", *lines, body=body)


def refused(name, wire, *statuses):
    return Variant(name, wire + SMUGGLED, "refused", statuses or (400,))


def cut(name, body, *statuses):
    return Variant(name, chunked(body + SMUGGLED), "cut", statuses or (400,))


def passed(name, wire, *requests, closes=False):
    return Variant(name, wire, "passed", (), requests or (Expected(),), closes)


LAST = b"0\r\n\r\n"

# Spellings of a coding that is not exactly "chunked": 400 when it makes no sense, 501 when it is a
# coding that this proxy does not know (RFC 9112 section 6.1).
CODINGS = [
    (b"Transfer-Encoding: xchunked", 501),
    (b"Transfer-Encoding: chunkedx", 501),
    (b"Transfer-Encoding: x", 501),
    (b"Transfer-Encoding: gzip", 501),
    (b"Transfer-Encoding: gzip, chunked", 501),
    (b"Transfer-Encoding: chunked, gzip", 501),
    (b"Transfer-Encoding: chunked, identity", 501),
    (b"Transfer-Encoding: identity", 501),
    (b"Transfer-Encoding: identity, chunked", 501),
    (b"Transfer-Encoding: cow, chunked", 501),
    (b"Transfer-Encoding: chunk", 501),
    (b"Transfer-Encoding: chunked, chunked", 400),
    (b"Transfer-Encoding: chunked,", 400),
    (b"Transfer-Encoding: ,chunked", 400),
    (b"Transfer-Encoding: chunked, ", 400),
    (b"Transfer-Encoding: , chunked", 400),
    (b"Transfer-Encoding:", 400),
    (b"Transfer-Encoding: ,", 400),
    (b'Transfer-Encoding: "chunked"', 400),
    (b"Transfer-Encoding: 'chunked'", 501),
    (b"Transfer-Encoding: chunked;q=1", 400),
    (b"Transfer-Encoding: chunked; foo=bar", 400),
    (b"Transfer-Encoding: chun ked", 400),
    (b"Transfer-Encoding: [chunked]", 400),
    (b"Transfer-Encoding: chunked\xa0", 400),
    (b"Transfer-Encoding: \xffchunked", 400),
    (b"Transfer-Encoding: chunked\x0b", 400),
    (b"Transfer-Encoding: \x0bchunked", 400),
    (b"Transfer-Encoding: \x0cchunked", 400),
    (b"Transfer-Encoding: \x00chunked", 400),
    (b"Transfer-Encoding: chunked\x00", 400),
    (b"Transfer-Encoding : chunked", 400),
    (b"Transfer-Encoding\t: chunked", 400),
    (b" Transfer-Encoding: chunked", 400),
    (b"\tTransfer-Encoding: chunked", 400),
    (b"Transfer-Encoding\x00: chunked", 400),
    (b"Transfer-Encoding\x0b: chunked", 400),
    (b"Transfer-Encoding\r\n: chunked", 400),
    (b"Transfer-Encoding:\r\n chunked", 400),
    (b"Transfer-Encoding:\n chunked", 400),
    (b"Transfer-Encoding: chun\r\n ked", 501),
    (b"X: y\nTransfer-Encoding: chunked", 400),
    (b"X: y\rTransfer-Encoding: chunked", 400),
    (b"X: y\r\n\x00Transfer-Encoding: chunked", 400),
    (b"Transfer-Encoding chunked", 400),
    (b"Transfer-Encoding= chunked", 400),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", 501),
    (b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", 501),
    (b"Transfer-Encoding: chunked\r\nTransfer-encoding: x", 501),
    (b"Transfer-Encoding:\r\nTransfer-Encoding: chunked", 400),
]

LENGTHS = [
    b"+5", b"-5", b"-0", b"+0", b" 5 5", b"5 ,5", b"5,5", b"5, 5", b"5, 6", b"5,", b",5", b"0x5",
    b"0X5", b"5x", b"x5", b"5h", b"5.0", b"5e0", b"1e1", b"5_0", b"1_0", b"", b" ", b"\t", b"five",
    b'"5"', b"'5'", b"5;a=b", b"5\xa0", b"\xa05", b"\xb2", b"\xd9\xa5", b"\x005", b"5\x00",
    b"5\x0b", b"\x0b5", b"5\x0c6", b"5\t5", b"18446744073709551616", b"18446744073709551621",
    b"9223372036854775808", b"18446744073709551615", b"99999999999999999999999999",
    b"4294967301" * 4,
    b"-9223372036854775808", b"00000000000000000000000000000005", b"%35", b"5/5", b"5-5",
]

CHUNK_SIZES = [
    b"", b" 5", b"5 ", b"\t5", b"5\t", b"0x5", b"0X5", b"+5", b"-5", b"-0", b"+0", b"5_0", b"0_5",
    b"5h", b"g", b"5,5", b"5.0", b'"5"', b"5 5", b"00000000000000005", b"8000000000000000",
    b"ffffffffffffffff", b"FFFFFFFFFFFFFFFB", b"10000000000000005", b"7fffffffffffffff5",
    b"fffffffffffffffffffff5", b"\x005", b"5\x00", b"\x0b5", b"5\x0b", b"\xa05", b"5\xff",
    b"5 ;a", b"5\t;a=b", b";a=b", b"%35", b"\xef\xbc\x95",
]

NAMES = [
    b"", b" ", b"X A", b"X A ", b"X ", b"X\t", b"X(", b"X)", b"X,Y", b"X/Y", b"X;Y", b"X<", b"X=Y",
    b"X>", b"X?", b"X@Y", b"X[", b"X]", b"X\\", b"X{", b"X}", b'X"', b"X\x80", b"\xffX", b"X\xe9",
]

HOSTS = [
    b"", b" ", b"a b", b"a,b", b"a/b", b"a@b", b"user@a", b"user:pw@a", b"a?b", b"a#b", b"a\\b",
    b"a<b", b"a>b", b'a"b', b"a|b", b"a^b", b"a`b", b"a{b", b"a%41", b"a\xe9", b"[::1", b"::1",
    b"[]", b"[z]", b"[::1]x", b"a:b", b"a:80:80", b"a:-1", b"a:+80", b"a:65536", b"a:999999",
    b"a: 80", b":80", b"http://a", b"a/", b"a\tb", b"[1]", b"[::1]]",
]

VERSIONS = [
    (b"HTTP/2.0", 505), (b"HTTP/3.0", 505), (b"HTTP/0.9", 505), (b"HTTP/9.9", 505),
    (b"HTTP/1", 400), (b"HTTP/1.", 400), (b"HTTP/1.1.1", 400), (b"HTTP/1.10", 400),
    (b"HTTP/01.1", 505), (b"HTTP/1.01", 400), (b"HTTP/1,1", 400), (b"HTTP/1.x", 400),
    (b"HTTP /1.1", 400), (b"HTTP/ 1.1", 400), (b"HTTP/1. 1", 400), (b"HTTP/+1.1", 400),
    (b"http/1.1", 400), (b"HtTP/1.1", 400), (b"HTTPS/1.1", 400), (b"ICY/1.1", 400),
    (b"HTTP-1.1", 400), (b"HTTP/1.1 ", 400), (b" HTTP/1.1", 400), (b"HTTP/1.1\t", 400),
    (b"HTTP/1.1 HTTP/1.1", 400), (b"HTTP/1.1x", 400), (b"\x00HTTP/1.1", 400), (b"FTP/1.1", 400),
    (b"HTTP/11", 400), (b"HTTP/A.1", 400), (b"HTTP/1.-1", 400), (b"", 400),
]

# Every control but HTAB, CR and LF, which have places of their own, and DEL.
CONTROLS = [0x00, 0x01, 0x07, 0x08, 0x0B, 0x0C, 0x0E, 0x1B, 0x1F, 0x7F]
LINE_ENDS = [b"\n", b"\r"]

HEAD_PLACES = {
    "before the method": b"%cGET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "in the method": b"G%cET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "behind the method": b"GET%c /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "before the target": b"GET %c/v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "in the target": b"GET /v/@@@@?a=%cb HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "behind the target": b"GET /v/@@@@%c HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "before the version": b"GET /v/@@@@ %cHTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "in the version": b"GET /v/@@@@ HTTP%c/1.1\r\nHost: a\r\nX: y\r\n\r\n",
    "behind the version": b"GET /v/@@@@ HTTP/1.1%c\r\nHost: a\r\nX: y\r\n\r\n",
    "before a name": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\n%cX: y\r\n\r\n",
    "in a name": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX%cX: y\r\n\r\n",
    "behind a name": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX%c: y\r\n\r\n",
    "before a value": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: %cy\r\n\r\n",
    "in a value": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y%cy\r\n\r\n",
    "behind a value": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y%c\r\n\r\n",
    "in Host": b"GET /v/@@@@ HTTP/1.1\r\nHost: a%cb\r\nX: y\r\n\r\n",
    "in Connection": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nConnection: clo%cse\r\n\r\n",
    "in Content-Length": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nContent-Length: 0%c0\r\n\r\n",
    "before the end": b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\nX: y\r\n%c\r\n\r\n",
}

BODY_PLACES = {
    "before a chunk's size": b"%c5\r\nhello\r\n0\r\n\r\n",
    "behind a chunk's size": b"5%c\r\nhello\r\n0\r\n\r\n",
    "in a chunk extension": b"5;a%cb\r\nhello\r\n0\r\n\r\n",
    "in a quoted chunk extension": b'5;a="%c"\r\nhello\r\n0\r\n\r\n',
    "behind chunk data": b"5\r\nhello%c\r\n0\r\n\r\n",
    "in place of a chunk's end": b"5\r\nhello%c0\r\n\r\n",
    "before the last chunk": b"5\r\nhello\r\n%c0\r\n\r\n",
    "behind the last chunk": b"5\r\nhello\r\n0%c\r\n\r\n",
    "before a trailer's name": b"5\r\nhello\r\n0\r\n%cX: y\r\n\r\n",
    "in a trailer's name": b"5\r\nhello\r\n0\r\nX%cX: y\r\n\r\n",
    "behind a trailer's name": b"5\r\nhello\r\n0\r\nX%c: y\r\n\r\n",
    "in a trailer's value": b"5\r\nhello\r\n0\r\nX: y%cy\r\n\r\n",
    "behind a trailer's value": b"5\r\nhello\r\n0\r\nX: y%c\r\n\r\n",
}

FORBIDDEN_TRAILERS = [
    b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil", b"Connection: close",
    b"Trailer: X", b"TE: trailers", b"Upgrade: x", b"Keep-Alive: 5", b"Proxy-Connection: close",
    b"Authorization: Basic eA==", b"Cookie: a=b", b"Content-Type: x/y", b"Content-Encoding: gzip",
    b"Content-Range: bytes 0-1/2", b"Expect: 100-continue", b"Cache-Control: no-store",
    b"Max-Forwards: 1", b"content-length: 0", b"tRANSFER-eNCODING: x",
]


def coding_attacks():
    for line, status in CODINGS:
        yield refused(f"TE.TE {line!r}", post(line, body=LAST), status)
        both = post(b"Content-Length: 5", line, body=LAST)
        yield refused(f"CL and {line!r}", both, 400, status)
    exact = b"Transfer-Encoding: chunked"
    for lines in ((b"Content-Length: 5", exact), (exact, b"Content-Length: 5"),
                  (exact, b"Content-Length: 0"), (b"Content-Length: 45", exact)):
        yield refused(f"CL and TE {lines!r}", post(*lines, body=LAST))
    yield refused("TE in HTTP/1.0", post(exact, body=LAST, version=b"HTTP/1.0"))
    keep = (exact, b"Connection: keep-alive")
    yield refused("TE in HTTP/1.0, kept", post(*keep, body=LAST, version=b"HTTP/1.0"))


def length_attacks():
    for value in LENGTHS:
        yield refused(f"Content-Length {value!r}", post(b"Content-Length: " + value, body=b"hello"))
    for pair in ((b"5", b"6"), (b"6", b"5"), (b"5", b"5"), (b"0", b"5"), (b"5", b"0"), (b"5", b"")):
        lines = [b"Content-Length: " + value for value in pair]
        yield refused(f"two Content-Lengths {pair!r}", post(*lines, body=b"hello"))
    for line in (b"Content-Length : 5", b" Content-Length: 5", b"Content-Length\x00: 5",
                 b"Content-Length\t: 5", b"Content-Length:\r\n 5", b"Content Length: 5",
                 b"X: y\nContent-Length: 5", b"Content-Length: 5\r\n\t"):
        yield refused(f"length line {line!r}", post(line, body=b"hello"))


def chunk_attacks():
    for size in CHUNK_SIZES:
        yield cut(f"chunk size {size!r}", size + b"\r\nhello\r\n" + LAST)
        zero = size.replace(b"5", b"0")
        yield cut(f"last chunk {size!r}", b"5\r\nhello\r\n" + zero + b"\r\n\r\n")
    yield cut("chunk longer than it says", b"4\r\nhello\r\n" + LAST)
    yield cut("chunk shorter than it says", b"6\r\nhello\r\n" + LAST)
    yield cut("size line of LF", b"5\nhello\r\n" + LAST)
    yield cut("data end of LF", b"5\r\nhello\n" + LAST)
    yield cut("last chunk of LF", b"5\r\nhello\r\n0\n\r\n")
    yield cut("end of LF", b"5\r\nhello\r\n0\r\n\n")
    yield cut("extension with LF", b"5;a\nhello\r\n" + LAST)
    yield cut("extension hides a chunk", b"2;\n\r\nhi\r\n" + LAST)
    yield cut("long extension", b"5;" + b"a" * 5000 + b"\r\nhello\r\n" + LAST)
    yield cut("many extensions", b"1;aaaaaaaaaaaaaaaa\r\nx\r\n" * 400 + LAST)
    yield cut("extension without end", b"5;" + b"a" * 20000)
    for line in FORBIDDEN_TRAILERS:
        yield cut(f"trailer {line!r}", b"5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n")
    for line in (b"X y", b" X: y", b": y", b"X : y", b"X\r\n y: z", b"X: y\r\n z", b"X: y\nZ: z",
                 b"X: y\rZ: z", b"X(: y", b"X\xff: y"):
        yield cut(f"trailer line {line!r}", b"5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n")
    yield cut("trailers too large", b"0\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 400, 431)


def controls():
    for place, pattern in HEAD_PLACES.items():
        for byte in CONTROLS:
            yield refused(f"{byte:#04x} {place}", pattern.replace(b"%c", bytes([byte])))
        for end in LINE_ENDS:
            yield refused(f"{end!r} {place}", pattern.replace(b"%c", end))
    for place, pattern in BODY_PLACES.items():
        for byte in CONTROLS:
            yield cut(f"{byte:#04x} {place}", pattern.replace(b"%c", bytes([byte])))
        for end in LINE_ENDS:
            yield cut(f"{end!r} {place}", pattern.replace(b"%c", end))


def head_attacks():
    for name in NAMES:
        yield refused(f"field name {name!r}", request(name + b": y"))
    for lines in ((b" folded: x",), (b"X: y", b" z"), (b"X: y", b"\tz"), (b"X:", b" y"),
                  (b"X: y", b" Content-Length: 5"), (b"X: y", b"\r z"), (b"no colon",), (b"X",),
                  (b"X: y", b"\tContent-Length: 5")):
        yield refused(f"field lines {lines!r}", request(*lines))
    yield refused("fold behind the request line", b"GET /v/@@@@ HTTP/1.1\r\n Host: a\r\n\r\n")
    yield refused("all lines end in LF", b"GET /v/@@@@ HTTP/1.1\nHost: a\n\n")
    yield refused("the head ends in LF", b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\n\n")
    yield refused("the head ends in LF LF", b"GET /v/@@@@ HTTP/1.1\r\nHost: a\n\n")
    yield refused("request line ends in LF", b"GET /v/@@@@ HTTP/1.1\nHost: a\r\n\r\n")
    yield refused("the head ends in CR", b"GET /v/@@@@ HTTP/1.1\r\nHost: a\r\n\r")
    yield refused("three empty lines first", b"\r\n\r\n\r\n" + request())
    yield refused("too many fields", request(*[b"X: y"] * 300), 400, 431)
    yield refused("a field too large", request(b"X: " + b"y" * 20000), 431)
    yield refused("a target too long", request(target=b"/v/@@@@?" + b"x" * 20000), 414, 431)
    options = b",".join(b"x%d" % n for n in range(99))
    yield refused("too many options", request(b"Connection: " + options))
    for version, status in VERSIONS:
        yield refused(f"version {version!r}", request(version=version), status)
    yield refused("HTTP/0.9", b"GET /v/@@@@\r\n")
    yield refused("HTTP/0.9 with fields", b"GET /v/@@@@\r\nHost: a\r\n\r\n")
    yield refused("TLS hello", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03")
    for method in (b"G(ET", b"GE T", b"G\xe9T", b"GET,", b"GET:", b"\tGET", b" GET", b"", b"{}"):
        yield refused(f"method {method!r}", request(method=method))
    yield refused("method too long", request(method=b"A" * 40), 400, 501)
    yield refused("CONNECT", request(method=b"CONNECT", target=b"a:80"), 405)
    for target in (b"v/@@@@", b"*", b"http:/v/@@@@", b"http://", b"http:///v/@@@@",
                   b"http://u@a/v/@@@@",
                   b"http://a b/v/@@@@", b"ftp://a/v/@@@@", b"/v/@@@@#x", b"/v/@@@@ x",
                   b"/v/@@@@\xff",
                   b"", b"a:80", b"http://a:x/v/@@@@", b"http://a,b/v/@@@@", b"?v/@@@@"):
        yield refused(f"target {target!r}", request(target=target))
    yield refused("two blanks before the target", b"GET  /v/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n")
    yield refused("tab before the target", b"GET\t/v/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n")


def host_attacks():
    yield refused("no Host", request(host=None))
    yield refused("two Hosts", request(b"Host: b"))
    yield refused("two equal Hosts", request(b"Host: a"))
    yield refused("two Hosts in HTTP/1.0", request(b"Host: b", version=b"HTTP/1.0"))
    for host in HOSTS:
        if host.strip() == b"":
            continue
        yield refused(f"Host {host!r}", request(host=b"Host: " + host))
    yield refused("blank Host name", request(host=b"Host : a"))
    yield refused("blank before Host", request(host=b" Host: a"))
    for target in (b"http://b/v/@@@@", b"http://a:81/v/@@@@", b"http://a.b/v/@@@@",
                   b"https://a:80/v/@@@@"):
        yield refused(f"Host disagrees with {target!r}", request(target=target, host=b"Host: a"))
    yield refused("absolute target without Host", request(target=b"http://a/v/@@@@", host=None))


def legal_bodies():
    evil = b"GET /smuggled/@@@@ HTTP/1.1\r\nHost: a\r\nX: "
    size = b"Content-Length: %d" % len(evil)
    chunk = b"%x\r\n" % len(evil) + evil + b"\r\n"
    post_evil = Expected("POST", body=evil)
    yield passed("CL.0: a request in a body", post(size, body=evil), post_evil)
    yield passed("CL.0 in a GET", request(size, body=evil), Expected("GET", body=evil))
    yield passed("CL.0 in a DELETE", request(size, body=evil, method=b"DELETE"),
                 Expected("DELETE", body=evil))
    yield passed("CL.0 in a HEAD", request(size, body=evil, method=b"HEAD"),
                 Expected("HEAD", body=evil))
    yield passed("a request in a chunk", chunked(chunk + LAST), post_evil)
    yield passed("leading zeros", post(b"Content-Length: 0005", body=b"hello"),
                 Expected("POST", body=b"hello"))
    five = Expected("POST", body=b"hello")
    for sizes in (b"5", b"05", b"0000000000000005", b"5;a", b"5;a=b", b'5;a="b c"', b"5;;",
                  b"5; a = b", b'5;a="\\""', b"5;a=\xe9", b"5;\t"):
        yield passed(f"chunk size {sizes!r}", chunked(sizes + b"\r\nhello\r\n" + LAST), five)
    yield passed("capital digits", chunked(b"A\r\n0123456789\r\n00\r\n\r\n"),
                 Expected("POST", body=b"0123456789"))
    yield passed("many chunks", chunked(b"1\r\nx\r\n" * 100 + LAST),
                 Expected("POST", body=b"x" * 100))
    for line in (b"Transfer-Encoding: Chunked", b"transfer-encoding:chunked",
                 b"Transfer-Encoding:\tchunked \t", b"TRANSFER-ENCODING: CHUNKED"):
        yield passed(f"legal {line!r}", post(line, body=b"5\r\nhello\r\n" + LAST), five)
    yield passed("trailers", chunked(b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-T:\r\n\r\n"),
                 Expected("POST", body=b"hello", trailers=(("x-sum", "1"), ("x-t", ""))))
    yield passed("trailers that look like heads",
                 chunked(b"0\r\nX: GET /smuggled/@@@@ HTTP/1.1\r\n\r\n"),
                 Expected("POST", trailers=(("x", "GET /smuggled/@@@@ HTTP/1.1"),)))
    for name in (b"Content_Length", b"Content-Length-", b"XContent-Length", b"Content.Length",
                 b"Transfer_Encoding", b"Transfer-Encodings"):
        yield passed(f"{name!r} is another field", request(name + b": 5"),
                     Expected(fields=((name.decode().lower(), "5"),)))
    yield passed("HTTP/1.0 with a length",
                 post(b"Content-Length: 5", body=b"hello", version=b"HTTP/1.0"), five,
                 closes=True)


def legal_heads():
    yield passed("plain", request())
    yield passed("two empty lines first", b"\r\n\r\n" + request())
    yield passed("pipelined", request() + request(target=b"/v/@@@@/2"), Expected(),
                 Expected(target="/v/@@@@/2"))
    yield passed("pipelined behind a body",
                 post(b"Content-Length: 5", body=b"hello") + request(target=b"/v/@@@@/2"),
                 Expected("POST", body=b"hello"), Expected(target="/v/@@@@/2"))
    yield passed("pipelined behind chunks",
                 chunked(b"5\r\nhello\r\n" + LAST) + request(target=b"/v/@@@@/2"),
                 Expected("POST", body=b"hello"), Expected(target="/v/@@@@/2"))
    for version in (b"HTTP/1.2", b"HTTP/1.9"):
        yield passed(f"version {version!r}", request(version=version))
    yield passed("HTTP/1.0", request(version=b"HTTP/1.0"), closes=True)
    yield passed("absolute target", request(target=b"http://a/v/@@@@"), Expected(host="a"))
    yield passed("absolute target, port said", request(target=b"http://a:80/v/@@@@"))
    yield passed("absolute target without path", request(target=b"http://A?v=@@@@"),
                 Expected(target="/?v=@@@@"))
    yield passed("path with two slashes", request(target=b"//v/@@@@"), Expected(target="//v/@@@@"))
    yield passed("path with everything", request(target=b"/v/@@@@?a=[]{}|\\^`\"<>%zz&&"),
                 Expected(target="/v/@@@@?a=[]{}|\\^`\"<>%zz&&"))
    for host in (b"a:8080", b"[::1]", b"[::1]:80", b"A.Example", b"a_b", b"192.0.2.1:1", b"a.:80"):
        yield passed(f"Host {host!r}", request(host=b"Host: " + host), Expected(host=host.decode()))
    yield passed("unknown method", request(method=b"BREW"), Expected("BREW"))
    symbols = "!#$%&'*+-.^_`|~"
    yield passed("method of symbols", request(method=symbols.encode()), Expected(symbols))
    yield passed("lower-case method is another", request(method=b"get"), Expected("get"))
    yield passed("obs-text and tabs in a value", request(b"X: \xe9\t\xff"),
                 Expected(fields=(("x", "\xe9\t\xff"),)))
    yield passed("empty value", request(b"X:", b"Y: \t "), Expected(fields=(("x", ""), ("y", ""))))
    yield passed("blanks around a value", request(b"X: \t y \t"), Expected(fields=(("x", "y"),)))
    yield passed("colons in a value", request(b"X:: y:"), Expected(fields=(("x", ": y:"),)))


def legal_connections():
    hop = ("connection", "keep-alive", "proxy-connection", "x-a")
    yield passed("Connection names a field", request(b"X-A: 1", b"Connection: X-A", b"X-B: 2"),
                 Expected(fields=(("x-b", "2"),), without=hop))
    yield passed("Connection names a field before it", request(b"Connection: x-a, x-c", b"X-A: 1"),
                 Expected(without=hop))
    yield passed("Keep-Alive and Proxy-Connection",
                 request(b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive"),
                 Expected(without=hop))
    for name in (b"Host", b"Content-Length", b"Transfer-Encoding", b"Cookie", b"Authorization",
                 b"X-Forwarded-For", b"X-Real-IP", b"Origin", b"Content-Type"):
        body = (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n" + LAST)
        if name != b"Transfer-Encoding":
            body = (b"Content-Length: 5", b"hello")
        is_there = name in (b"Host", b"Content-Length", b"Transfer-Encoding")
        extra = () if is_there else (name + b": 1",)
        kept = () if not extra else ((name.decode().lower(), "1"),)
        wire = post(b"Connection: " + name, body[0], *extra, body=body[1])
        yield passed(f"Connection names {name!r}", wire,
                     Expected("POST", body=b"hello", host="a", fields=kept))
    yield passed("TE of another hop", request(b"TE: gzip, deflate"), Expected(without=("te",)))
    h2c = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk")
    yield passed("h2c upgrade", request(*h2c),
                 Expected(without=("upgrade", "http2-settings", "connection")))
    yield passed("upgrade with a body",
                 post(b"Connection: upgrade", b"Upgrade: x", b"Content-Length: 5", body=b"hello"),
                 Expected("POST", body=b"hello", without=("upgrade", "connection")))
    yield passed("Trailer without chunks", request(b"Trailer: X"), Expected(without=("trailer",)))
    yield passed("Connection: close", request(b"Connection: close"), closes=True)


def all_variants():
    makers = (coding_attacks, length_attacks, chunk_attacks, controls, head_attacks, host_attacks,
              legal_bodies, legal_heads, legal_connections)
    return [variant for maker in makers for variant in maker()]
