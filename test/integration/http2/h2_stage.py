"""The stage of the HTTP/2 tests: origins that record, a tandem-lb with a plain address and on
demand one with TLS, and clients of frames."""

import pathlib
import ssl
import sys

import tandem_testing
from h2_frames import H2Client
from tandem_testing import free_ports

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "smuggling"), str(HERE.parent / "tls")]

NAME = "www.example.org"


class Http2TestCase(tandem_testing.TestCase):
    def start_lb(self, origin, *, with_tls=False, defaults=None, frontend=None, server=None,
                 log="json", settings=None, port=None):  # fmt: skip
        """The dicts go into the sections of their names; `server` into that of the only server.
        `port`: where a bind of the `frontend`'s own is."""
        self.origin = origin
        self.port, self.tls_port = free_ports(2)
        self.port = port or self.port
        self.log_path = self.folder / "access.log"
        binds = [f"127.0.0.1:{self.port}"]
        if with_tls:
            import tls_stage  # makes certificates: only where they are needed

            self.authority = tls_stage.Authority(self.folder)
            crt = str(self.authority.issue("www.pem", NAME))
            binds.append({"address": f"127.0.0.1:{self.tls_port}", "ssl": {"crt": crt}})
        self.lb = self.start_tandem(
            {
                "log": {"access": {"format": log, "target": f"file:{self.log_path}"}},
                "defaults": {"timeout": {"client": "30s", "server": "30s"}, **(defaults or {})},
                "frontends": {"www": {"bind": binds, "default_backend": "app", **(frontend or {})}},
                "backends": {
                    "app": {
                        "http-reuse": "always",
                        "servers": {"web1": {"address": origin.address, **(server or {})}},
                    }
                },
                **(settings or {}),
            }
        )
        return self.lb

    def client(self, **options):
        """On the plain address, by prior knowledge."""
        client = H2Client(self.port, **options)
        self.addCleanup(client.close)
        return client

    def context(self):
        return ssl.create_default_context(cafile=str(self.authority.pem))

    def tls_client(self, **options):
        client = H2Client(self.tls_port, tls=self.context(), server_name=NAME, **options)
        self.addCleanup(client.close)
        return client

    def assert_serves(self, what=""):
        """Others are served, by both protocols."""
        with H2Client(self.port) as other:
            self.assertEqual(other.get("/bytes/20").status, 200, what)
        self.assertEqual(tandem_testing.get(self.port, "/bytes/20").status, 200, what)
