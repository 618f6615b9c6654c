"""Hundreds of HTTP/2 requests that shall become more, or other, requests of HTTP/1.

What must become of each:

  refused   nothing of it reaches a server
  passed    the server sees exactly one request, which is `expected`
  cut       the head was fine: at most a request that breaks off, or one without the bad trailers
  either    nothing, or exactly one request with the body that was sent

@@@@ is the number of the variant: its own target is /v/@@@@, and the one that must never become a
target of its own is /smuggled/@@@@.
"""

import dataclasses

SMUGGLED = "GET /smuggled/@@@@ HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = "0\r\n\r\n"
CONTROLS = ["\x01", "\x07", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f"]


@dataclasses.dataclass
class Expected:
    method: str = "POST"
    target: str = "/v/@@@@"
    host: str | None = "a"
    fields: tuple = ()
    without: tuple = ()


@dataclasses.dataclass
class Variant:
    name: str
    fate: str
    fields: list  # pseudo-fields and all, in the order of the wire
    body: str | None = SMUGGLED  # None: HEADERS end the stream
    trailers: tuple = ()
    expected: Expected = dataclasses.field(default_factory=Expected)


def pseudo(method="POST", path="/v/@@@@", authority="a", scheme="http"):
    pairs = ((":method", method), (":scheme", scheme), (":authority", authority), (":path", path))
    return [(name, value) for name, value in pairs if value is not None]


def refused(name, *fields, body=SMUGGLED, **changed):
    return Variant(name, "refused", pseudo(**changed) + list(fields), body)


def either(name, *fields, body=SMUGGLED, **changed):
    return Variant(name, "either", pseudo(**changed) + list(fields), body)


def passed(name, *fields, body=SMUGGLED, trailers=(), expected=None, **changed):
    return Variant(name, "passed", pseudo(**changed) + list(fields), body, trailers,
                   expected or Expected())  # fmt: skip


def lengths():
    size = len(SMUGGLED)
    for value in (0, 1, 5, size - 1, size + 1, size * 2, 10**9, 2**31, 2**32, 2**63, 2**64,
                  2**64 + size, 10**30):  # fmt: skip
        yield Variant(f"H2.CL: {value}", "cut", [*pseudo(), ("content-length", str(value))])
    for value in ("", " ", f" {size}", f"{size} ", f"+{size}", f"-{size}", "-0", "0x0", f"{size},{size}",
                  f"{size}, {size}", f"{size};", f"{size}.0", f"{size}e0", "chunked", f"{size}\t",
                  f"\x0b{size}", "\xb2", f"{size}_0", f'"{size}"'):  # fmt: skip
        yield refused(f"H2.CL: {value!r}", ("content-length", value))
    for pair in ((0, size), (size, 0), (size, size + 1), (0, 0), (size, "")):
        lines = [("content-length", str(value)) for value in pair]
        yield refused(f"H2.CL twice: {pair}", *lines)
    yield either("H2.CL twice the same", ("content-length", str(size)), ("content-length", str(size)))
    yield either("H2.CL with leading zeros", ("content-length", f"000{size}"))
    yield passed("H2.CL that is right", ("content-length", str(size)))
    yield refused("H2.CL without a body", ("content-length", str(size)), body=None)
    yield passed("H2.CL of 0 without a body", ("content-length", "0"), body=None)
    for name in ("Content-Length", "content-length ", " content-length", "content-length:",
                 "content-length\t", "content-length\0", "content-length\r\n", "content length",
                 "\ncontent-length", "content-length\x0b"):  # fmt: skip
        yield refused(f"H2.CL named {name!r}", (name, "0"))
    for name in ("content_length", "content-length-", "xcontent-length", "content.length"):
        yield passed(f"{name} is another field", (name, "0"),
                     expected=Expected(fields=((name, "0"),)))  # fmt: skip


def codings():
    for value in ("chunked", "Chunked", "CHUNKED", " chunked", "chunked ", "\tchunked", "chunked\t",
                  "xchunked", "chunkedx", "gzip", "gzip, chunked", "chunked, gzip", "identity",
                  "identity, chunked", "chunked, identity", "chunked, chunked", ", chunked", "chunked,",
                  "", ",", '"chunked"', "chunked;q=1", "chun ked", "\x0bchunked", "chunked\0",
                  "\xffchunked", "trailers", "chunked\r\n", "cow"):  # fmt: skip
        yield refused(f"H2.TE: {value!r}", ("transfer-encoding", value), body=LAST + SMUGGLED)
    for name in ("Transfer-Encoding", "transfer-encoding ", " transfer-encoding", "transfer-encoding:",
                 "transfer-encoding\t", "transfer-encoding\0", "transfer-encoding\r\n",
                 "transfer-encoding\x0b", "transfer encoding", "\ntransfer-encoding",
                 "x:\r\ntransfer-encoding",
                 "x\ntransfer-encoding", "transfer-encoding: chunked\r\nx"):  # fmt: skip
        yield refused(f"H2.TE named {name!r}", (name, "chunked"), body=LAST + SMUGGLED)
    for pair in ((("transfer-encoding", "chunked"), ("content-length", "5")),
                 (("content-length", str(len(LAST + SMUGGLED))), ("transfer-encoding", "chunked")),
                 (("transfer-encoding", "chunked"), ("transfer-encoding", "identity"))):  # fmt: skip
        yield refused(f"H2.TE: {pair}", *pair, body=LAST + SMUGGLED)
    for name in ("transfer_encoding", "transfer-encodings", "x-transfer-encoding"):
        yield passed(f"{name} is another field", (name, "chunked"), body=LAST + SMUGGLED,
                     expected=Expected(fields=((name, "chunked"),)))  # fmt: skip
    yield passed("a body that looks like chunks", body=LAST + SMUGGLED)


INJECTIONS = [
    "\r\nTransfer-Encoding: chunked",
    "\r\nContent-Length: 0",
    "\r\n\r\n" + SMUGGLED,
    "\r\nX: y",
    "\r\n x",
    "\r\n",
    "\nTransfer-Encoding: chunked",
    "\n\n" + SMUGGLED,
    "\n",
    "\rTransfer-Encoding: chunked",
    "\r",
    "\r\r\n",
    "\0",
    "\0\r\nX: y",
    "\x85Transfer-Encoding: chunked\r\n",
]

# Where a text is put into a request, as a function of that text.
PLACES = {
    "a value": lambda text: (pseudo() + [("x-a", "1" + text)], ()),
    "a value, before": lambda text: (pseudo() + [("x-a", text + "1")], ()),
    "a name": lambda text: (pseudo() + [("x-a" + text, "1")], ()),
    "a name, before": lambda text: (pseudo() + [(text + "x-a", "1")], ()),
    ":method": lambda text: (pseudo(method="POST" + text), ()),
    ":method, before": lambda text: (pseudo(method=text + "POST"), ()),
    ":path": lambda text: (pseudo(path="/v/@@@@" + text), ()),
    ":path, before": lambda text: (pseudo(path=text + "/v/@@@@"), ()),
    ":path with a version": lambda text: (pseudo(path="/v/@@@@ HTTP/1.1" + text), ()),
    ":authority": lambda text: (pseudo(authority="a" + text), ()),
    ":authority, before": lambda text: (pseudo(authority=text + "a"), ()),
    ":scheme": lambda text: (pseudo(scheme="http" + text), ()),
    ":scheme as an address": lambda text: (pseudo(scheme="http://a/smuggled/@@@@" + text), ()),
    "host": lambda text: (pseudo(authority=None) + [("host", "a" + text)], ()),
    "cookie": lambda text: (pseudo() + [("cookie", "a=1" + text)], ()),
    "a crumb": lambda text: (pseudo() + [("cookie", "a=1"), ("cookie", "b=2" + text)], ()),
    "content-type": lambda text: (pseudo() + [("content-type", "a/b" + text)], ()),
    "content-length": lambda text: (
        pseudo() + [("content-length", f"{len(SMUGGLED)}" + text)],
        (),
    ),
    "user-agent": lambda text: (pseudo() + [("user-agent", "x" + text)], ()),
    "x-forwarded-for": lambda text: (pseudo() + [("x-forwarded-for", "::1" + text)], ()),
    "the name of a trailer": lambda text: (pseudo(), (("x-a" + text, "1"),)),
    "the value of a trailer": lambda text: (pseudo(), (("x-a", "1" + text),)),
}


def injections():
    for place, put in PLACES.items():
        for text in INJECTIONS + CONTROLS:
            if text == "\x85Transfer-Encoding: chunked\r\n" and "name" not in place:
                text = "\x85\r\nTransfer-Encoding: chunked"
            fields, trailers = put(text)
            fate = "cut" if trailers else "refused"
            yield Variant(f"{text!r} in {place}", fate, fields, SMUGGLED, trailers)


def request_lines():
    for method in ("", "PO ST", "POST ", " POST", "POST /smuggled/@@@@ HTTP/1.1", "POST\t", "P(ST",
                   "POST,", "POST:", "\xe9", "GET\x20/smuggled/@@@@\x20HTTP/1.1\x20", "P\"", "{}"):  # fmt: skip
        yield refused(f":method {method!r}", method=method)
    for path in ("", " ", "v/@@@@", "*", "/v/@@@@ ", " /v/@@@@", "/v/@@@@ x", "/v/@@@@\tx",
                 "/v/@@@@ HTTP/1.1", "/v/@@@@ HTTP/1.0", "http://a/v/@@@@", "http://b/smuggled/@@@@",
                 "https://a/v/@@@@", "a:80", "?v=@@@@", "#x", "/v/@@@@#x", "/v/@@@@\xff",
                 "/v/@@@@\x80", "\\v\\@@@@", "@/v/@@@@", "http:/v/@@@@"):  # fmt: skip
        yield refused(f":path {path!r}", path=path)
    for path in ("//v/@@@@", "/v/@@@@?a=http://b/", "/v/@@@@?a=[]{}|\\^`\"<>%zz&&", "/v/@@@@/../..",
                 "/v/@@@@%0d%0aX:%20y", "/v/@@@@%00", "/v/@@@@;x=y", "//b/v/@@@@", "/v/@@@@//"):  # fmt: skip
        yield passed(f":path {path!r}", path=path, expected=Expected(target=path))
    for scheme in ("", " ", "http ", "ht tp", "http:", "http://", "http://b/", "http/", "1", "\xe9", "h,"):
        yield refused(f":scheme {scheme!r}", scheme=scheme)
    for scheme in ("https", "http"):
        yield passed(f":scheme {scheme!r}", scheme=scheme)
    for scheme in ("HTTP", "ftp", "coap+tcp"):
        yield either(f":scheme {scheme!r}", scheme=scheme)
    for method in ("BREW", "post", "!#$%&'*+-.^_`|~", "M-SEARCH"):
        yield passed(f":method {method!r}", method=method, expected=Expected(method))
    yield refused("CONNECT with all", method="CONNECT")
    yield refused("CONNECT", method="CONNECT", path=None, scheme=None, authority="a:80")
    yield refused("the client's preface as a request", method="PRI", path="*")


HOSTS = ["", " ", "a b", "a,b", "a/b", "a@b", "user@a", "user:pw@a", "a?b", "a#b", "a\\b", "a<b", "a>b",
         'a"b', "a|b", "a^b", "a`b", "a{b", "a\xe9", "[::1", "[]", "a:b", "a:80:80", "a:-1", "a:+80",
         "a: 80", ":80", "http://a", "a/smuggled/@@@@", "a\tb", "[1]", "[::1]]", " a", "a ", "a:80 "]  # fmt: skip


def hosts():
    for host in HOSTS:
        yield refused(f":authority {host!r}", authority=host)
        yield refused(f"host {host!r}", ("host", host), authority=None)
    yield refused("no authority at all", authority=None)
    yield refused("two hosts", ("host", "a"), ("host", "b"), authority=None)
    yield refused("two equal hosts", ("host", "a"), ("host", "a"), authority=None)
    for host in ("b", "a:81", "a.b", "b.a", "", "aa"):
        yield refused(f":authority a, host {host!r}", ("host", host))
    yield Variant(":authority twice", "refused", [*pseudo(), (":authority", "b")])
    yield Variant(":authority behind a field", "refused",
                  [*pseudo(authority=None), ("x-a", "1"), (":authority", "a")])  # fmt: skip
    for host in ("a", "a:8080", "[::1]", "[::1]:80", "a_b", "192.0.2.1:1"):
        yield passed(f":authority {host}", authority=host, expected=Expected(host=host))
        yield passed(f"host {host}", ("host", host), authority=None, expected=Expected(host=host))
        yield passed(f":authority and host {host}", ("host", host), authority=host,
                     expected=Expected(host=host))  # fmt: skip


def pseudo_fields():
    for name, value in pseudo():
        yield Variant(f"{name} twice", "refused", [*pseudo(), (name, value)])
        other = "/smuggled/@@@@" if name == ":path" else value
        yield Variant(f"{name} twice, other", "refused", [(name, other), *pseudo()])
        yield Variant(f"{name} behind a field", "refused",
                      [one for one in pseudo() if one[0] != name] + [("x-a", "1"), (name, value)])  # fmt: skip
        for changed in (name.upper(), name + " ", " " + name, name + "\0", name + "\r", name + ":",
                        name[1:] + ":"):  # fmt: skip
            yield Variant(f"{changed!r}", "refused", [*pseudo(), (changed, value)])
        yield Variant(f"{name} in trailers", "cut", pseudo(), SMUGGLED, ((name, value),))
    broken = ("websocket\r\nTransfer-Encoding: chunked", "a\r\n\r\n" + SMUGGLED, "a b", "a\0", "")
    for protocol in ("websocket", *broken):
        yield Variant(f"{protocol!r} asked for by GET", "refused",
                      [*pseudo(method="GET"), (":protocol", protocol)])  # fmt: skip
    for protocol in ("h2c", "HTTP/1.1", "TLS/1.2"):  # a tunnel would go round every rule
        yield Variant(f"a tunnel of {protocol}", "refused",
                      [*pseudo(method="CONNECT"), (":protocol", protocol)])  # fmt: skip
    for protocol in broken:
        yield Variant(f"{protocol!r} asked for by CONNECT", "refused",
                      [*pseudo(method="CONNECT"), (":protocol", protocol)])  # fmt: skip
    for name in (":", ":x", ":status", ":protocol", ":host", "::path", ":path ", ":content-length"):
        yield Variant(f"a pseudo-field {name!r}", "refused", [*pseudo(), (name, "200")])


def connection_fields():
    for name, value in (("connection", "close"), ("connection", "keep-alive"), ("connection", "te"),
                        ("connection", "content-length"), ("connection", "host"), ("connection", ""),
                        ("connection", "transfer-encoding"), ("connection", "upgrade"),
                        ("keep-alive", "timeout=5"), ("proxy-connection", "close"),
                        ("upgrade", "h2c"), ("upgrade", "websocket"), ("upgrade", ""),
                        ("te", "gzip"), ("te", "chunked"), ("te", "trailers, chunked"),
                        ("te", "TRAILERS, x")):  # fmt: skip
        yield refused(f"{name}: {value!r}", (name, value))
    yield refused("h2c upgrade", ("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"),
                  ("http2-settings", "AAMAAABk"))  # fmt: skip
    yield passed("te: trailers", ("te", "trailers"))
    yield either("HTTP2-Settings", ("http2-settings", "AAMAAABk"))
    yield either("Trailer", ("trailer", "x-a"))
    for name in ("x-connection", "proxy-authorization", "x-keep-alive"):
        yield either(name, (name, "close"))


TRAILERS_THAT_MAY_NOT_PASS = [
    ("content-length", "0"),
    ("transfer-encoding", "chunked"),
    ("host", "b"),
    ("connection", "x-a"),
    ("te", "gzip"),
    ("trailer", "x"),
    ("upgrade", "x"),
    ("keep-alive", "x"),
    ("authorization", "x"),
    ("cookie", "a=b"),
    ("content-type", "a/b"),
    ("content-encoding", "gzip"),
    ("expect", "100-continue"),
    ("X-A", "1"),
    ("", "1"),
    (" x", "1"),
]


def trailers():
    for name, value in TRAILERS_THAT_MAY_NOT_PASS:
        yield Variant(f"trailer {name!r}", "cut", pseudo(), SMUGGLED, ((name, value),))
    yield passed("trailers", trailers=(("x-sum", "1"), ("x-t", "")))
    yield passed("a trailer that looks like a head", trailers=(("x", "GET /smuggled/@@@@ HTTP/1.1"),))
    yield passed("trailers behind no body", body="", trailers=(("x-sum", "1"),))
    # A message with a length has no place for them in HTTP/1.1.
    yield Variant("trailers behind a length", "cut",
                  [*pseudo(), ("content-length", str(len(SMUGGLED)))], SMUGGLED, (("x-sum", "1"),))  # fmt: skip


def cookies():
    crumbs = [("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")]
    yield passed("crumbs", *crumbs, expected=Expected(fields=(("cookie", "a=1; b=2; c=3"),)))
    yield passed("crumbs with others between", crumbs[0], ("x-a", "1"), crumbs[1],
                 expected=Expected(fields=(("cookie", "a=1; b=2"), ("x-a", "1"))))  # fmt: skip
    yield passed("one cookie of many", ("cookie", "a=1; b=2"),
                 expected=Expected(fields=(("cookie", "a=1; b=2"),)))  # fmt: skip
    yield passed("a hundred crumbs", *[("cookie", f"c{n}=1") for n in range(60)],
                 expected=Expected(fields=(("cookie", "; ".join(f"c{n}=1" for n in range(60))),)))  # fmt: skip
    yield refused("a crumb in capitals", crumbs[0], ("Cookie", "b=2"))
    for crumb in (" a=1", "a=1 ", "\ta=1", "a=1\t"):
        yield refused(f"a crumb {crumb!r}", crumbs[0], ("cookie", crumb))


def legal():
    for method in ("GET", "DELETE", "HEAD", "OPTIONS", "PUT"):
        yield passed(f"{method} with a body", method=method, expected=Expected(method))
        yield passed(f"{method} without a body", method=method, body=None, expected=Expected(method))
        yield passed(f"{method} with an empty body", method=method, body="", expected=Expected(method))
        size = ("content-length", str(len(SMUGGLED)))
        yield passed(f"{method} with a length", size, method=method, expected=Expected(method))
    yield passed("a body that is a chunk", body="5\r\nhello\r\n" + LAST + SMUGGLED)
    yield passed("a body that ends chunks", body="\r\n" + LAST + SMUGGLED)
    yield passed("values with everything", ("x-a", "\xe9\t\xff"), ("x-b", ""), ("x-c", ": y:"),
                 expected=Expected(fields=(("x-a", "\xe9\t\xff"), ("x-b", ""), ("x-c", ": y:"))))  # fmt: skip
    yield passed("a value that looks like a head", ("x-a", "GET /smuggled/@@@@ HTTP/1.1"),
                 expected=Expected(fields=(("x-a", "GET /smuggled/@@@@ HTTP/1.1"),)))  # fmt: skip
    yield passed("expect", ("expect", "100-continue"))


def all_variants():
    makers = (lengths, codings, injections, request_lines, hosts, pseudo_fields, connection_fields,
              trailers, cookies, legal)  # fmt: skip
    return [variant for maker in makers for variant in maker()]
