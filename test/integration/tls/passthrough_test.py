"""TLS that is passed on: sites behind one address, each with a certificate of its own, told apart by
the client's hello. nginx and openssl are the servers; curl, openssl and Python's ssl the clients."""

import json
import socket
import ssl
import subprocess
import threading
import time

import tandem_testing as testing
import tls_stage
from tandem_testing import accepts, free_ports, program, wait_until

INSPECT_DELAY = 0.4  # seconds

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off; root {folder}; default_type text/plain;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
{servers}
}}
"""
SITE = """  server {{
    listen 127.0.0.1:{port} ssl{more}; ssl_certificate {crt}; ssl_certificate_key {crt};
    ssl_protocols TLSv1.2 TLSv1.3;
    location /big {{ alias {folder}/big; }}
    location / {{ return 200 "{name} for $ssl_server_name from $remote_addr $proxy_protocol_addr\\n"; }}
  }}
"""


class PassthroughTest(tls_stage.TlsTestCase):
    def setUp(self):
        super().setUp()
        self.sites = {}
        self.big = testing.origin_body(5 << 20)
        (self.folder / "big").write_bytes(self.big)
        servers = ""
        names = {"shop": ("shop.example.org", "*.shop.example.org"), "apps": ("*.apps.example.org",),
                 "www": ("www.example.org",)}  # fmt: skip
        for (site, name), port in zip(names.items(), free_ports(3)):
            crt = self.authority.issue(f"{site}.pem", *name)
            more = " proxy_protocol" if site == "apps" else ""
            servers += SITE.format(port=port, crt=crt, name=site, folder=self.folder, more=more)
            self.sites[site] = port
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, servers=servers), encoding="utf-8")
        self.start([program("nginx"), "-p", self.folder, "-c", config])
        wait_until(lambda: all(map(accepts, self.sites.values())), "nginx listens")

    def start_lb(self, default=None, **frontend):
        """`default`: the address of the server for everybody else."""
        backends = {site: {"servers": {site: f"127.0.0.1:{port}"}}
                    for site, port in self.sites.items()}  # fmt: skip
        backends["apps"]["default-server"] = {"send-proxy": "v2"}
        if default:
            backends["www"]["servers"]["www"] = default
        self.log = self.folder / "access.log"
        rules = [{"if": {"req.ssl_sni": ["Shop.example.org", "*.shop.example.org"]},
                  "use_backend": "shop"},
                 {"if": {"req.ssl_sni_end": ".APPS.example.org", "not": {"req.ssl_alpn": "h2"}},
                  "use_backend": "apps"}]  # fmt: skip
        self.tandem = self.start_tandem({
            "log": {"access": {"format": "json", "target": f"file:{self.log}"}},
            "defaults": {"mode": "tcp"},
            "frontends": {"tls": {
                "bind": f"127.0.0.1:{self.port}", "rules": rules, "default_backend": "www",
                "inspect-delay": f"{int(INSPECT_DELAY * 1000)}ms", **frontend}},
            "backends": backends,
        })  # fmt: skip

    def curl(self, name, *arguments, path="/", scheme="https"):
        return subprocess.run(
            ["curl", "-sS", "--cacert", str(self.authority.pem), "--resolve",
             f"{name}:{self.port}:127.0.0.1", *arguments, f"{scheme}://{name}:{self.port}{path}"],
            capture_output=True, timeout=testing.TIMEOUT, check=False)  # fmt: skip

    def body(self, name, *arguments, path="/"):
        done = self.curl(name, *arguments, path=path)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def logged(self):
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [json.loads(line) for line in lines]

    def hellos(self):
        """The counter, by result, without zeros."""
        family = "tandem_frontend_client_hellos_total"
        return {series.partition('result="')[2].rstrip('"}'): int(value)
                for series, value in self.tandem.metrics().items()
                if series.startswith(family) and value}  # fmt: skip

    def connect(self):
        connection = testing.connect(self.port)
        self.addCleanup(connection.close)
        return connection

    def hello(self, name, protocols=()):
        """What Python's client says first, and the means to go on."""
        context = self.context()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
        with self.assertRaises(ssl.SSLWantReadError):
            tls.do_handshake()
        return tls, incoming, outgoing, outgoing.read()

    def finish_handshake(self, connection, tls, incoming, outgoing):
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                connection.sendall(outgoing.read())
                data = connection.recv(65536)
                self.assertTrue(data, "the server closed within the handshake")
                incoming.write(data)
        connection.sendall(outgoing.read())
        return {value for row in tls.getpeercert()["subject"] for _, value in row}

    # ---- names
    def test_each_name_reaches_its_own_server_and_certificate(self):
        self.start_lb()
        for version in ("--tls-max 1.2", "--tlsv1.3"):
            options = version.split()
            self.assertEqual(self.body("shop.example.org", *options),
                             b"shop for shop.example.org from 127.0.0.1 \n")  # fmt: skip
            self.assertEqual(self.body("eu.shop.example.org", *options),
                             b"shop for eu.shop.example.org from 127.0.0.1 \n")  # fmt: skip
            self.assertEqual(self.body("www.example.org", *options),
                             b"www for www.example.org from 127.0.0.1 \n")  # fmt: skip
        # TLS is the servers': the certificate is theirs, and tandem has none.
        done = self.curl("other.example.org")
        self.assertEqual(done.returncode, 60, done.stderr)
        self.assertEqual(self.body("other.example.org", "-k"),
                         b"www for other.example.org from 127.0.0.1 \n")  # fmt: skip
        self.assertEqual(self.hellos(), {"read": 8})

    def test_the_client_is_told_in_a_proxy_header_before_its_hello(self):
        self.start_lb()
        for _ in range(3):
            self.assertEqual(self.body("a.apps.example.org", "--http1.1", "--no-alpn"),
                             b"apps for a.apps.example.org from 127.0.0.1 127.0.0.1\n")  # fmt: skip

    def test_the_protocols_that_are_offered_count(self):
        self.start_lb()
        for protocols, site in (((), "*.apps.example.org"), (("http/1.1",), "*.apps.example.org"),
                                (("h2", "http/1.1"), "www.example.org")):  # fmt: skip
            tls, incoming, outgoing, hello = self.hello("a.apps.example.org", protocols)
            tls.context.check_hostname = False
            connection = self.connect()
            connection.sendall(hello)
            if site == "www.example.org":
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, "Hostname mismatch"):
                    self.finish_handshake(connection, tls, incoming, outgoing)
            else:
                names = self.finish_handshake(connection, tls, incoming, outgoing)
                self.assertEqual(names, {site})

    def test_a_hello_without_a_name_goes_to_the_default(self):
        self.start_lb()
        shown = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-noservername",
             "-CAfile", str(self.authority.pem)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=testing.TIMEOUT,
            check=False)  # fmt: skip
        self.assertIn("subject=CN = www.example.org", shown.stdout)
        self.assertIn("Verification: OK", shown.stdout)
        wait_until(lambda: [line["backend"] for line in self.logged()] == ["www"], "it is logged")
        self.assertNotIn("sni", self.logged()[0])

    def test_the_log_tells_the_name(self):
        self.start_lb()
        self.body("eu.shop.example.org")
        wait_until(self.logged, "it is logged")
        line = self.logged()[0]
        self.assertEqual((line["sni"], line["backend"], line["server"], line["termination"]),
                         ("eu.shop.example.org", "shop", "shop", "--"))  # fmt: skip
        self.assertNotIn("tls_version", line)

    # ---- bytes
    def test_what_follows_the_hello_arrives_byte_for_byte(self):
        self.start_lb()
        for _ in range(3):
            self.assertEqual(self.body("shop.example.org", path="/big"), self.big)

    def test_a_hello_of_several_records(self):
        self.start_lb()
        protocols = ",".join(f"made-up-protocol-{n}" for n in range(60))
        shown = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-servername",
             "shop.example.org", "-max_send_frag", "512", "-alpn", protocols + ",http/1.1",
             "-CAfile", str(self.authority.pem)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=testing.TIMEOUT,
            check=False)  # fmt: skip
        self.assertIn("subject=CN = shop.example.org", shown.stdout, shown.stderr)
        self.assertIn("Verification: OK", shown.stdout)

    def test_a_hello_that_comes_slowly_byte_by_byte(self):
        # As long as it takes.
        self.start_lb(**{"inspect-delay": "1m"})
        tls, incoming, outgoing, hello = self.hello("shop.example.org")
        connection = self.connect()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(hello)):
            connection.sendall(hello[at : at + 1])
            if at % 50 == 0:
                threading.Event().wait(0.01)
        names = self.finish_handshake(connection, tls, incoming, outgoing)
        self.assertEqual(names, {"shop.example.org"})
        self.assertEqual(self.hellos(), {"read": 1})

    # ---- what is no hello
    def serve_greeting(self, greeting):
        """A server that says `greeting`, and hears what is said until nothing more comes."""
        heard = []

        def greet(connection):
            connection.settimeout(testing.TIMEOUT)
            connection.sendall(greeting)
            said = b""
            while piece := connection.recv(65536):
                said += piece
            heard.append(said)

        return self.serve(greet), heard

    def test_plain_http_goes_to_the_default_at_once(self):
        self.start_lb(**{"inspect-delay": "1m"})
        done = self.curl("shop.example.org", scheme="http")
        self.assertIn(b"The plain HTTP request was sent to HTTPS port", done.stdout)
        self.assertEqual(self.hellos(), {"not_tls": 1})

    def test_garbage_is_passed_on_whole(self):
        address, heard = self.serve_greeting(b"")
        self.start_lb(default=address, **{"inspect-delay": "1m"})
        _, _, _, hello = self.hello("shop.example.org")
        pieces = [b"\0" * 1000, b"\x80\x2e\x01\x03\x01" + hello, hello[:43] + b"\xff" + hello[44:],
                  b"\x16\x03\x01\x40\x00\x01\x00\x60\x00" + b"x" * 30_000]  # fmt: skip
        for piece in pieces:
            with testing.connect(self.port) as connection:
                connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.recv(1), b"")
        wait_until(lambda: heard == pieces, "the default has heard it all")
        self.assertEqual(self.hellos(), {"not_tls": 3, "too_long": 1})

    def test_a_hello_that_is_never_whole_goes_on_when_the_time_is_over(self):
        address, heard = self.serve_greeting(b"SSH-2.0-server\r\n")
        self.start_lb(default=address)
        _, _, _, hello = self.hello("shop.example.org")
        for said in (b"", hello[:100]):
            with testing.connect(self.port) as connection:
                began = time.monotonic()
                connection.sendall(said)
                self.assertEqual(connection.recv(100), b"SSH-2.0-server\r\n")
                took = time.monotonic() - began
                # The clock of the loop is coarse: it may be a few milliseconds early.
                self.assertGreater(took, INSPECT_DELAY - 0.05)
                # The rest is too late to lead anywhere else.
                connection.sendall(hello[len(said) :])
        wait_until(lambda: heard == [hello, hello], "the default has heard it all")
        self.assertEqual(self.hellos(), {"timeout": 2})

    def test_who_leaves_before_a_hello_is_counted(self):
        self.start_lb()
        for _ in range(3):
            testing.connect(self.port).close()
        wait_until(lambda: self.hellos() == {"aborted": 3}, "they are counted")
        wait_until(lambda: len(self.logged()) == 3, "they are logged")
        self.assertEqual({line["termination"] for line in self.logged()}, {"CR"})

    def test_many_at_once_each_reach_their_own(self):
        self.start_lb()
        wrong = []

        def run(number):
            name = ("shop.example.org", "www.example.org")[number % 2]
            expected = f"{name.split('.')[0]} for {name} from 127.0.0.1 \n".encode()
            for _ in range(10):
                raw = testing.connect(self.port)
                with self.context().wrap_socket(raw, server_hostname=name) as client:
                    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    answer = b""
                    while piece := client.recv(65536):
                        answer += piece
                if not answer.endswith(b"\r\n\r\n" + expected):
                    wrong.append(answer)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(testing.TIMEOUT * 2)
        self.assertEqual(wrong, [])
        self.assertEqual(self.hellos(), {"read": 160})


if __name__ == "__main__":
    testing.main()
