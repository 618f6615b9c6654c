"""The soak of everything at once: clients of many kinds through one tandem-lb, real servers of four
kinds that are killed and drained, a certificate that is replaced. Each loss of a client is held
against the access log: it needs a line of its own that the kill of its server explains."""

import collections
import contextlib
import pathlib
import ssl
import sys

import mixed_clients
import tandem_testing
from soak import Nginx, Recurring, Server, Soak, caught_by, say
from tandem_testing import get, program, wait_until

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "tls"))

import tls_stage  # noqa: E402

RATE = 100.0  # of each h2load
CERTIFICATES = 3
TOLD = 3  # losses of each kind of clients


class WebSocketServer(Server):
    def command(self):
        return [sys.executable, "-B", HERE / "mixed_servers.py", "websocket", self.port, self.name]

    def answers(self):
        return get(self.port, "/healthz").status == 200


class GrpcServer(Server):
    def command(self):
        return [sys.executable, "-B", HERE / "mixed_servers.py", "grpc", self.port, self.name]

    def answers(self):
        return tandem_testing.accepts(self.port)


class RedisServer(Server):
    def command(self):
        return [program("redis-server"), "--port", self.port, "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", self.home]  # fmt: skip

    def answers(self):
        return tandem_testing.accepts(self.port)


def unexplained_losses(losses, explained):
    """The losses of clients for which there is no line in the log: each takes one, of those that
    failed under its name and were explained."""
    lines = collections.Counter(
        entry.get("target") or f"tcp:{entry['client_port']}" for entry in explained
    )
    others = []
    for loss in losses:
        if lines[loss.name] > 0:
            lines[loss.name] -= 1
        else:
            others.append(loss)
    return others


class MixedSoak(Soak):
    def __init__(self, arguments, folder):
        super().__init__(arguments, folder)
        self.seed = arguments.seed
        self.rate = arguments.rate or RATE
        self.ledger = mixed_clients.Ledger()
        self.port, self.tls_port, self.tcp_port = tandem_testing.free_ports(3)
        authority = tls_stage.Authority(folder)
        self.ca = authority.pem
        self.certificate = authority.issue("www.pem", mixed_clients.HOST)
        self.others = [
            authority.issue(f"www-{number}.pem", mixed_clients.HOST).read_text()
            for number in range(CERTIFICATES)
        ]
        self.serials = []
        self.upload = folder / "upload"
        self.upload.write_bytes(Nginx.FILE[:60_000])
        self.webs, self.sockets, self.calls, self.caches = self.groups = [
            [kind(folder, f"{name}{number}", backends) for number in (1, 2, 3)]
            for kind, name, backends in (
                (Nginx, "web", ["app", "app-h2"]),
                (WebSocketServer, "ws", ["ws"]),
                (GrpcServer, "rpc", ["rpc"]),
                (RedisServer, "redis", ["redis"]),
            )
        ]

    def configuration(self):
        return {
            "defaults": {
                "timeout": {"client": "30s", "server": "30s", "tunnel": "60s"},
                "retry-on": ["conn-failure", "empty-response"],
                "default-server": {"inter": "500ms", "fastinter": "200ms"},
            },
            "frontends": {
                "www": {
                    "bind": [
                        f"127.0.0.1:{self.port}",
                        {
                            "address": f"127.0.0.1:{self.tls_port}",
                            "ssl": {"crt": str(self.certificate)},
                        },
                    ],
                    "rules": [
                        {"if": {"path_beg": "/two/"}, "use_backend": "app-h2"},
                        {"if": {"path_beg": "/ws/"}, "use_backend": "ws"},
                        {
                            "if": {"path_beg": ["/say/", "/count/", "/sum/", "/talk/"]},
                            "use_backend": "rpc",
                        },
                    ],
                    "default_backend": "app",
                },
                "cache": {
                    "mode": "tcp",
                    "bind": f"127.0.0.1:{self.tcp_port}",
                    "default_backend": "redis",
                },
            },
            "backends": {
                "app": {
                    "check": {"type": "http", "uri": "/healthz"},
                    "compression": {"algo": ["gzip"], "type": ["text/plain"]},
                    "servers": {server.name: server.address for server in self.webs},
                },
                "app-h2": {
                    "check": {"type": "tcp"},
                    "servers": {
                        server.name: {
                            "address": f"127.0.0.1:{server.h2_port}",
                            "proto": "h2",
                        }
                        for server in self.webs
                    },
                },
                "ws": {
                    "check": {"type": "http", "uri": "/healthz"},
                    "servers": {server.name: server.address for server in self.sockets},
                },
                "rpc": {
                    "check": {"type": "grpc"},
                    "servers": {
                        server.name: {"address": server.address, "proto": "h2"}
                        for server in self.calls
                    },
                },
                "redis": {
                    "mode": "tcp",
                    "retry-on": ["conn-failure"],
                    "check": {"type": "redis"},
                    "servers": {server.name: server.address for server in self.caches},
                },
            },
        }

    def context(self):
        """A client that believes the soak's CA."""
        return ssl.create_default_context(cafile=str(self.ca))

    # ---- certificates
    def shown_serial(self):
        raw = tandem_testing.connect(self.tls_port)
        with self.context().wrap_socket(raw, server_hostname=mixed_clients.HOST) as client:
            return client.getpeercert()["serialNumber"]

    def replace_certificate(self, _):
        pem = self.others[len(self.serials) % CERTIFICATES]
        path = self.certificate
        before = self.shown_serial()
        said = self.lb.control.command(f"set ssl cert {path} <<\n{pem}")
        said += self.lb.control.command(f"commit ssl cert {path}")
        if not said.endswith("Success!\n"):
            self.complain(f"the certificate is not replaced: {said}")
        if (serial := self.shown_serial()) == before:
            self.complain("a new client is shown the certificate that was replaced")
        self.serials.append(serial)

    def events(self):
        every = self.arguments.every
        return [*super().events(), Recurring(0.6 * every, 0.3 * every, self.replace_certificate)]

    # ---- clients
    def run(self):
        at_rest = self.lb.open_descriptors()
        with contextlib.ExitStack() as at_work:
            kinds = mixed_clients.all_kinds(self)
            for clients in kinds:
                self.ledger.done[clients.kind] = 0
                at_work.enter_context(clients)
            self.watch()
            for clients in kinds:  # all at once, before one is waited for
                clients.stopping.set()
        if self.lb.is_running():
            self.judge_rest(at_rest)
        self.finish()
        explained = self.judge_log()
        # The kernel closes the connections of a process that is killed: the end of a tunnel like
        # any other, if nothing was left unread. Only who is inside knows that something is missing.
        explained += [entry for entry in self.log.tunnels if caught_by(entry, self.kills)]
        self.judge_clients(explained)
        self.judge_posts(self.webs)
        self.judge_growth()
        say(f"{len(self.serials)} certificates replaced; done: "
            + ", ".join(f"{kind} {count}" for kind, count in self.ledger.done.items()))  # fmt: skip

    # ---- the verdict
    def judge_rest(self, at_rest):
        """Without clients all places are given back, and no descriptor is left."""

        def held():
            rows = [row for row in self.lb.control.stat() if row["svname"] != "FRONTEND"]
            return [f"{r['pxname']}/{r['svname']} {r['scur']}" for r in rows if r["scur"] != "0"]

        def too_many():
            metrics = self.lb.metrics().items()
            kept = sum(v for k, v in metrics if k.startswith("tandem_server_idle_connections{"))
            pipes = int(self.lb.control.info()["PipesFree"])
            return max(0, self.lb.open_descriptors() - at_rest - int(kept) - 2 * pipes)

        for what, count in (("places on servers", held), ("descriptors", too_many)):
            try:
                wait_until(lambda count=count: not count(), what)
            except AssertionError:
                self.complain(f"{what} are still held without clients: {count()}")

    def judge_clients(self, explained):
        ledger = self.ledger
        others = unexplained_losses(ledger.losses, explained)
        for what, losses in (("a loss without a line that explains it", others),
                             ("wrong", ledger.mistakes)):  # fmt: skip
            told = collections.Counter()
            for loss in losses:
                told[loss.kind] += 1
                if told[loss.kind] <= TOLD:
                    say(f"{what}: {loss}")
        say(f"clients lost {len(ledger.losses)}, of these explained by a line of their own: "
            f"{len(ledger.losses) - len(others)}")  # fmt: skip
        if others:
            self.complain(f"{len(others)} losses of clients that no line explains")
        if ledger.mistakes:
            self.complain(f"{len(ledger.mistakes)} wrong answers")
        if idle := [kind for kind, count in ledger.done.items() if count == 0]:
            self.complain(f"nothing was done by {', '.join(idle)}")
