"""The stage of the TCP tests: one frontend "pg", one backend "db", servers that are functions, and
the tcplog that tells what became of each session in HAProxy's words."""

import dataclasses
import re
import socket
import struct
import threading

import tandem_testing
from tandem_testing import TIMEOUT, free_port, wait_until

_LINE = re.compile(
    r"(?P<client>\S+) \[[^]]+\] (?P<frontend>\S+) (?P<backend>[^/ ]+)/(?P<server>\S+) "
    r"(?P<queue>-?\d+)/(?P<connect>-?\d+)/(?P<total>\d+) (?P<bytes>\d+) (?P<termination>\S\S) "
    r"\d+/\d+/\d+/\d+/(?P<redispatched>\+?)(?P<retries>\d+) \d+/\d+$"
)


@dataclasses.dataclass
class LogLine:
    server: str
    queue_ms: int
    connect_ms: int
    total_ms: int
    bytes: int
    termination: str
    retries: int
    redispatched: bool


def read_log_line(line):
    match = _LINE.match(line)
    if not match:
        raise AssertionError(f"not a line of tcplog: {line!r}")
    return LogLine(
        match["server"],
        int(match["queue"]),
        int(match["connect"]),
        int(match["total"]),
        int(match["bytes"]),
        match["termination"],
        int(match["retries"]),
        bool(match["redispatched"]),
    )


def reset(connection):
    """Closes with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_to_end(connection):
    data = bytearray()
    while piece := connection.recv(1 << 20):
        data += piece
    return bytes(data)


def read_exactly(connection, count):
    data = bytearray()
    while len(data) < count:
        piece = connection.recv(min(count - len(data), 1 << 20))
        if not piece:
            raise AssertionError(f"the connection ended after {len(data)} of {count} bytes")
        data += piece
    return bytes(data)


class Server:
    """A server that runs `serve(connection)` in a thread for each connection."""

    def __init__(self, test, serve, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.accepted = 0
        self.connections = []
        self._serve = serve
        test.addCleanup(self.close)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(TIMEOUT)
            self.connections.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            self._serve(connection)
        except OSError:
            pass

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            connection.close()


def echo(connection):
    """Says back what it hears, and FIN for FIN."""
    while data := connection.recv(65536):
        connection.sendall(data)
    connection.close()


class TcpTestCase(tandem_testing.TestCase):
    def start_lb(self, servers, defaults=None, frontend=None, backend=None, **more):
        self.port = free_port()
        self.log_path = self.folder / "access.log"
        config = {
            "global": more,
            "log": {"access": {"format": "tcplog", "target": f"file:{self.log_path}"}},
            "defaults": {"mode": "tcp", **(defaults or {})},
            "frontends": {
                "pg": {
                    "bind": f"127.0.0.1:{self.port}",
                    "default_backend": "db",
                    **(frontend or {}),
                }
            },
            "backends": {"db": {"servers": servers, **(backend or {})}},
        }
        self.lb = self.start_tandem(config)
        return self.lb

    def client(self):
        connection = tandem_testing.connect(self.port)
        self.addCleanup(connection.close)
        return connection

    def log(self):
        if not self.log_path.exists():
            return []
        lines = self.log_path.read_text(encoding="utf-8").split("\n")[:-1]
        return [read_log_line(line) for line in lines]

    def logged(self, termination):
        """The first session that ended so, once it is there."""
        return wait_until(
            lambda: next((line for line in self.log() if line.termination == termination), None),
            f"a session ends {termination}",
        )

    def stat(self, service, column, proxy="db"):
        return self.lb.control.row(proxy, service)[column]

    def wait_for_stat(self, service, column, value, proxy="db"):
        wait_until(
            lambda: self.stat(service, column, proxy) == str(value),
            f"{proxy}/{service} has {column} {value}",
        )

    def assert_refused(self):
        """The reset may come before the client has seen that it was connected."""
        with self.assertRaises(ConnectionResetError):
            read_to_end(self.client())

    def assert_reset(self, connection):
        with self.assertRaises(ConnectionResetError):
            read_to_end(connection)
