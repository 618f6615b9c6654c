"""The stage of the HTTP tests: one frontend, one backend "app", origins, and the httplog that
tells what became of each request in HAProxy's words."""

import dataclasses
import re
import socket

import tandem_testing
from tandem_testing import HttpClient, free_port, wait_until

_LINE = re.compile(
    r"(?P<client>\S+) \[[^]]+\] (?P<frontend>\S+) (?P<backend>[^/ ]+)/(?P<server>\S+) "
    r"(?P<request_time>-?\d+)/(?P<queue_time>-?\d+)/(?P<connect_time>-?\d+)/"
    r"(?P<response_time>-?\d+)/(?P<total_time>\d+) (?P<status>-?\d+) (?P<bytes>\d+) - - "
    r"(?P<termination>\S\S)\S\S \d+/\d+/\d+/\d+/(?P<redispatched>\+?)(?P<retries>\d+) "
    r"\d+/(?P<queue_ahead>\d+) \"(?P<request>.*)\"$"
)


@dataclasses.dataclass
class LogLine:
    server: str
    status: int
    termination: str
    retries: int
    redispatched: bool
    request: str
    line: str


def read_log_line(line):
    match = _LINE.match(line)
    if not match:
        raise AssertionError(f"not a line of httplog: {line!r}")
    return LogLine(
        match["server"],
        int(match["status"]),
        match["termination"],
        int(match["retries"]),
        bool(match["redispatched"]),
        match["request"],
        line,
    )


class HttpTestCase(tandem_testing.TestCase):
    def start_lb(self, servers, defaults=None, frontend=None, backend=None, settings=None, **more):
        """Starts tandem in front of `servers`, a dict of name to address or server object, or one
        origin. The other dicts go into the sections of their names; `more` are the global ones."""
        if isinstance(servers, tandem_testing.Origin):
            servers = {"web1": servers.address}
        self.port = free_port()
        self.log_path = self.folder / "access.log"
        config = {
            "global": more,
            "log": {"access": {"format": "httplog", "target": f"file:{self.log_path}"}},
            "defaults": defaults or {},
            "frontends": {
                "www": {
                    "bind": f"127.0.0.1:{self.port}",
                    "default_backend": "app",
                    **(frontend or {}),
                }
            },
            "backends": {"app": {"servers": servers, **(backend or {})}},
            **(settings or {}),
        }
        self.lb = self.start_tandem(config)
        return self.lb

    def client(self, port=None):
        client = HttpClient(port or self.port)
        self.addCleanup(client.close)
        return client

    def get(self, target="/", headers=()):
        return tandem_testing.get(self.port, target, headers)

    def log(self):
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_text(encoding="utf-8").split("\n")[:-1]
        return [read_log_line(line) for line in lines]

    def logged(self, wanted):
        """The line of the first request that has `wanted` in it, once it is there."""
        return wait_until(
            lambda: next((line for line in self.log() if wanted in line.line), None),
            f"a line with {wanted!r} is logged",
        )

    def assert_logged(self, wanted, status, *terminations):
        line = self.logged(wanted)
        self.assertEqual(line.status, status, line.line)
        self.assertIn(line.termination, terminations, line.line)
        return line

    def stat(self, service, column):
        return self.lb.control.row("app", service)[column]

    def wait_for_queue(self, count):
        wait_until(lambda: int(self.stat("BACKEND", "qcur")) == count, f"{count} requests wait")


class Blackhole:
    """An address that never answers a SYN: a listening socket whose backlog is full."""

    def __init__(self, test):
        self.listener = socket.socket()
        test.addCleanup(self.listener.close)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        for _ in range(4):
            filler = socket.socket()
            test.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(self.listener.getsockname())
