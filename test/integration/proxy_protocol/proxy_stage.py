"""PROXY headers, the programs of Debian that send and read them, and a server that remembers which
requests came behind which header."""

import socket
import struct
import threading

import tandem_testing
from tandem_testing import HttpClient, Process, accepts, free_port, program, wait_until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

HAPROXY = """global
  stats socket {folder}/{name}.sock level admin
  log stdout format raw local0
defaults
  mode {mode}
  log global
  option {log}
  timeout connect 10s
  timeout client 10s
  timeout server 10s
{sections}
"""

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr info;
events {{ worker_connections 64; }}
http {{
  access_log off; root {folder};
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; default_type text/plain;
  server {{
    listen {listen};
    location / {{
      return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
    }}
  }}
}}
"""


def v1(source, destination):
    """`source` and `destination`: (host, port)."""
    family = "TCP6" if ":" in source[0] else "TCP4"
    return f"PROXY {family} {source[0]} {destination[0]} {source[1]} {destination[1]}\r\n".encode()


def v2(source=None, destination=None, tlvs=b""):
    """Without addresses: LOCAL."""
    if source is None:
        return SIGNATURE + b"\x20\x00" + struct.pack("!H", len(tlvs)) + tlvs
    family = socket.AF_INET6 if ":" in source[0] else socket.AF_INET
    block = b"".join(socket.inet_pton(family, host) for host, _ in (source, destination))
    block += struct.pack("!HH", source[1], destination[1]) + tlvs
    kind = b"\x21\x21" if family == socket.AF_INET6 else b"\x21\x11"
    return SIGNATURE + kind + struct.pack("!H", len(block)) + block


def tlv(kind, value):
    return struct.pack("!BH", kind, len(value)) + value


def tlvs_of(block):
    """By type."""
    found = {}
    while block:
        kind, size = struct.unpack("!BH", block[:3])
        found[kind] = block[3 : 3 + size]
        block = block[3 + size :]
    return found


class ClientFrom(HttpClient):
    """A client whose connection comes from this address of the loopback."""

    def __init__(self, port, source):
        self.socket = socket.create_connection(
            ("127.0.0.1", port), tandem_testing.TIMEOUT, source_address=(source, 0)
        )
        self.buffer = bytearray()

    @property
    def port(self):
        return self.socket.getsockname()[1]


class HeaderServer:
    """Accepts connections that begin with a PROXY header, answers every request with "ok", and
    keeps for each connection the header's source and the `X-Client` of its requests."""

    def __init__(self, test, refuse_first=0):
        self.connections = []  # (source, [X-Client])
        self.refuse = refuse_first  # so many connections are closed without an answer
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        test.addCleanup(self.close)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            line = stream.readline().decode()
            words = line.split()
            source = (words[2], int(words[4])) if words[:2] == ["PROXY", "TCP4"] else line
            clients = []
            with self.lock:
                self.connections.append((source, clients))
                self.refuse -= 1
                if self.refuse >= 0:
                    return
            while request := stream.readline():
                fields = {}
                while (field := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = field.decode().partition(":")
                    fields[name.lower()] = value.strip()
                with self.lock:
                    clients.append((request.split()[1].decode(), fields.get("x-client")))
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                except OSError:
                    return


class ProxyTestCase(tandem_testing.TestCase):
    def start_lb(
        self, servers, bind=None, frontend=None, backend=None, mode="http", wait=True, **more
    ):
        """tandem on self.port in front of `servers`. `bind`: what its bind has beside an address."""
        self.port = free_port()
        self.log = self.folder / "access.log"
        proxies = {"mode": mode} if mode != "http" else {}
        config = {
            "log": {"access": {"format": "json", "target": f"file:{self.log}"}},
            "frontends": {
                "www": {
                    "bind": {"address": f"127.0.0.1:{self.port}", **(bind or {})},
                    "default_backend": "app",
                    **({"forwardfor": True} if mode == "http" else {}),
                    **proxies,
                    **(frontend or {}),
                }
            },
            "backends": {"app": {"servers": servers, **proxies, **(backend or {})}},
            **more,
        }
        self.lb = self.start_tandem(config, wait=wait)
        return self.lb

    def start_haproxy(self, sections, name="haproxy", mode="http", listens=None):
        log = "httplog" if mode == "http" else "tcplog"
        config = self.folder / f"{name}.cfg"
        config.write_text(
            HAPROXY.format(folder=self.folder, name=name, mode=mode, log=log, sections=sections),
            encoding="utf-8",
        )
        process = Process([program("haproxy"), "-db", "-f", config], self.folder, name=name)
        self.keep(process)
        if listens:
            wait_until(lambda: accepts(listens), f"{name} listens")
        return process

    def start_nginx(self, listen, address):
        root = self.folder / f"www-{address if isinstance(address, int) else address[1]}"
        root.mkdir()
        config = root / "nginx.conf"
        config.write_text(NGINX.format(folder=root, listen=listen), encoding="utf-8")
        self.keep(Process([program("nginx"), "-p", root, "-c", config], self.folder))
        wait_until(lambda: accepts(address), "nginx listens")

    def connect(self, address=None):
        client = HttpClient(address or self.port)
        self.addCleanup(client.close)
        return client

    def seen_client(self, client, target="/echo"):
        """X-Forwarded-For, as the origin got it."""
        headers = client.get(target).json()["headers"]
        return [value for name, value in headers if name.lower() == "x-forwarded-for"][-1]

    def refused(self):
        """The metric of refused headers, by reason, without zeros."""
        family = "tandem_frontend_proxy_headers_refused_total"
        return {
            series.partition('reason="')[2].rstrip('"}'): int(value)
            for series, value in self.lb.metrics().items()
            if series.startswith(family) and value
        }

    def wait_for_refused(self, **reasons):
        wait_until(lambda: self.refused() == reasons, f"refused: {reasons}")
