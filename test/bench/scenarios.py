"""The scenarios: what load, through what configuration, and what tandem must reach."""

import dataclasses

from tandem_testing import origin_body


@dataclasses.dataclass(frozen=True)
class Budget:
    """CPU ratio to the best of the others (lower is better), and what else is bounded."""

    must: float | None = None
    good: float | None = None
    calls: float | None = None  # system calls for each request
    instructions: int | None = None  # of user space, for each request


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str  # "s10.rr.1000": selected by any prefix that ends at a dot
    title: str
    target: str = "/bytes/1024"
    expected_size: int = 1024
    connections: int = 64
    rate: int = 0  # requests a second; 0: as fast as it goes
    close: bool = False  # a client connection for each request
    method: str = "GET"
    body_bytes: int = 0
    large: bool = False  # bodies worth splicing: from 64 KB on
    huge: bool = False  # from 1 MB on
    header_edits: bool = False
    tls: bool = False  # with clients; servers are spoken to plainly
    resume: bool = False  # connections with a ticket, one after the other
    h2: bool = False  # HTTP/2 with clients, HTTP/1.1 with servers
    streams: int = 100  # at once on each connection of HTTP/2
    tcp: bool = False  # the balancer passes bytes on, whatever they are
    servers: int = 1
    balance: str = "roundrobin"
    routes: int = 0
    origins: int = 1  # processes; the servers are spread over them
    maxconn: int = 0  # of each server
    origin_force: str = ""
    idle: int = 0  # idle connections in place of load
    budget: Budget = Budget()

    def matches(self, word):
        return self.name == word or self.name.startswith(word + ".")

    def requests_at_once(self):
        return self.connections * (self.streams if self.h2 else 1)

    def wrk_arguments(self):
        arguments = {"method": self.method}
        if self.body_bytes:
            arguments["body"] = self.body_bytes
        if self.close:
            arguments["close"] = 1
        if self.routes:
            arguments["routes"] = self.routes
        return arguments

    def warm_up_requests(self):
        """Enough that every server has its connections."""
        return 2 * max(self.servers, self.requests_at_once() if self.h2 else 0)

    def send(self, client, number=0):
        """Request `number` of an exact sequence, over an HttpClient."""
        headers, target = {"Host": "bench.example"}, self.target
        if self.routes:
            route = number * 7919 % self.routes
            headers["Host"] = f"h{route}.example"
            target = f"/p{route}{self.target}"
        if self.close:
            headers["Connection"] = "close"
        body = b"x" * self.body_bytes if self.body_bytes else None
        client.send_request(self.method, target, headers, body)

    def ask(self, client, number=0):
        """The same, and its answer."""
        self.send(client, number)
        return client.read_response(head_only=self.method == "HEAD")

    def expected_body(self):
        return origin_body(self.expected_size) if self.target.startswith("/bytes/") else None


def _body(name, title, size, budget, **options):
    return Scenario(name, title, f"/bytes/{size}" + options.pop("query", ""), size,
                    budget=budget, **options)  # fmt: skip


_KEEP_ALIVE = Budget(0.90, 0.80, 4.1, 6000)
_LARGE = Budget(0.98, 0.90, None, 10000)


def _scenarios():
    yield Scenario("s1", "keep-alive, 1 KB, 64 connections", budget=_KEEP_ALIVE)
    yield Scenario("s1r", "the same at 10,000 requests/s", rate=10_000, budget=Budget(0.90, 0.80))
    yield Scenario("s1x", "s1 with three header edits", header_edits=True, budget=_KEEP_ALIVE)
    yield Scenario("s2", "a client connection for each request", close=True,
                   budget=Budget(0.95, 0.87, 7, 9000))  # fmt: skip
    yield _body("s3", "64 KB bodies", 65536, Budget(0.88, 0.75, 7, 8000), large=True)
    yield _body("s3c", "64 KB bodies, chunked", 65536, Budget(0.88, 0.75, 7, 8000), large=True,
                query="?chunked=16384")  # fmt: skip
    yield _body("s4.1mb", "1 MB bodies", 1 << 20, _LARGE, large=True, huge=True)
    yield _body("s4.10mb", "10 MB bodies", 10 << 20, _LARGE, large=True, huge=True,
                connections=16)  # fmt: skip
    yield Scenario("s5.1kb", "TLS 1.3, keep-alive, 1 KB", tls=True,
                   budget=Budget(0.95, 0.87, 4.5, 27_000))  # fmt: skip
    yield _body("s5.64kb", "TLS 1.3, keep-alive, 64 KB", 65536, Budget(0.95, 0.84), large=True,
                tls=True)  # fmt: skip
    yield Scenario("s6.full", "TLS 1.3 handshakes, P-256", tls=True, close=True,
                   budget=Budget(0.97, 0.93, 21))  # fmt: skip
    yield Scenario("s6.resumed", "TLS 1.3 handshakes, resumed by a ticket", tls=True, close=True,
                   resume=True, connections=1, budget=Budget(0.97, 0.93, 21))  # fmt: skip
    yield Scenario("s7", "HTTP/2 over TLS 1.3, 4 connections of 100 streams, 1 KB", tls=True, h2=True,
                   connections=4, budget=Budget(1.00, 0.90, 2.3, 24_000))  # fmt: skip
    yield Scenario("s8", "10,000 idle connections", idle=10_000)
    yield Scenario("s8tls", "10,000 idle TLS connections", idle=10_000, tls=True)
    yield Scenario("s8h2", "10,000 idle HTTP/2 connections over TLS", idle=10_000, tls=True,
                   h2=True)  # fmt: skip
    yield Scenario("s9", "TCP mode, 1 KB round trips over 64 kept connections", tcp=True,
                   budget=Budget(0.97, 0.94, 4.1, 600))  # fmt: skip
    for short, balance in (("rr", "roundrobin"), ("lc", "leastconn")):
        for count in (1, 100, 1000, 10_000):
            yield Scenario(f"s10.{short}.{count}", f"{count:,} servers, {balance}", servers=count,
                           balance=balance)  # fmt: skip
    for count in (1, 100, 1000, 10_000):
        yield Scenario(f"s11.{count}", f"{count:,} routes by host and path", routes=count)
    yield Scenario("s12", "POST of 1 MB", "/status/200", 4, method="POST", body_bytes=1 << 20,
                   large=True, huge=True, budget=_LARGE)  # fmt: skip
    yield Scenario("s13", "overload: 512 clients, 4 servers of maxconn 32, 50 ms each",
                   connections=512, servers=4, origins=4, maxconn=32,
                   origin_force="/bytes/1024?delay=50", budget=Budget(calls=5.5))  # fmt: skip


SCENARIOS = list(_scenarios())

# How the cost grows within each of them is a figure of its own.
GROWING = ("s10.rr", "s10.lc", "s11")


def in_groups(wanted):
    """Scenarios whose rounds are to be played in turn stand together; in the order of `wanted`."""
    groups = {}
    for scenario in wanted:
        family = next((name for name in GROWING if scenario.matches(name)), scenario.name)
        groups.setdefault(family, []).append(scenario)
    return list(groups.values())



def chosen(words):
    """The scenarios that the words name, in their own order; all when there are none."""
    for word in words:
        if not any(scenario.matches(word) for scenario in SCENARIOS):
            names = " ".join(dict.fromkeys(scenario.name.split(".")[0] for scenario in SCENARIOS))
            raise SystemExit(f"scripts/bench: there is no scenario '{word}'; there are {names}")
    return [s for s in SCENARIOS if not words or any(s.matches(word) for word in words)]
