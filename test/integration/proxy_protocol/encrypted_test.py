"""PROXY headers beside TLS: they stand before the handshake, in plain text, in both directions."""

import socket
import ssl
import struct
import subprocess

import proxy_stage
import tandem_testing
from proxy_stage import ClientFrom, tlv, v1, v2
from tandem_testing import HttpClient, accepts, free_port, program, wait_until

CLIENT = ("192.0.2.7", 56324)
SERVICE = ("198.51.100.1", 443)


class OneSegmentClient(HttpClient):
    """Speaks TLS whose first bytes go out together with what stands before them."""

    def __init__(self, port, before, context):
        super().__init__(port)
        self.plain, self.incoming, self.outgoing = self.socket, ssl.MemoryBIO(), ssl.MemoryBIO()
        self.layer = context.wrap_bio(self.incoming, self.outgoing)
        self._step(self.layer.do_handshake, before)

    def _step(self, call, before=b""):
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError:
                result = None
            if data := before + self.outgoing.read():
                self.plain.sendall(data)
                before = b""
            if result is not None or call == self.layer.do_handshake and self.layer.cipher():
                return result
            received = self.plain.recv(65536)
            if not received:
                raise ConnectionResetError("closed in the middle of TLS")
            self.incoming.write(received)

    def send(self, data):
        self._step(lambda: self.layer.write(data))

    def receive(self):
        data = self._step(lambda: self.layer.read(65536))
        self.buffer += data
        return bool(data)


class EncryptedTest(proxy_stage.ProxyTestCase):
    def setUp(self):
        super().setUp()
        self.crt = self.folder / "site.pem"
        self.crt.touch(0o600)
        key, leaf = self.folder / "key", self.folder / "leaf"
        subprocess.run(
            [program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", leaf, "-days", "30",
             "-subj", "/CN=www.example.org", "-addext", "subjectAltName=DNS:www.example.org"],
            check=True, capture_output=True,
        )  # fmt: skip
        self.crt.write_text(leaf.read_text() + key.read_text())
        self.context = ssl.create_default_context(cafile=str(leaf))
        self.context.check_hostname = False

    def start_encrypted(self, **more):
        origin = self.start_origin("web1")
        bind = {"ssl": {"crt": str(self.crt)}, "accept-proxy": True}
        self.start_lb({"web1": origin.address}, bind, **more)

    def test_header_then_handshake(self):
        self.start_encrypted()
        for header in (v1(CLIENT, SERVICE), v2(CLIENT, SERVICE, tlv(4, b"x" * 500))):
            client = self.connect()
            client.send(header)
            client.socket = self.context.wrap_socket(client.socket)
            for _ in range(2):
                self.assertEqual(self.seen_client(client), "192.0.2.7")
            client.close()

    def test_header_and_hello_in_one_segment(self):
        self.start_encrypted()
        for header in (v1(CLIENT, SERVICE), v2(CLIENT, SERVICE)):
            with OneSegmentClient(self.port, header, self.context) as client:
                for _ in range(2):
                    self.assertEqual(self.seen_client(client), "192.0.2.7")
        self.assertEqual(self.refused(), {})

    def test_a_hello_without_a_header_is_closed(self):
        self.start_encrypted()
        with self.assertRaises(OSError):
            HttpClient(self.port, tls=self.context)
        self.wait_for_refused(missing=1)

    def test_a_balancer_in_front_that_passes_tls_on(self):
        self.start_encrypted()
        port = free_port()
        self.start_haproxy(
            f"listen l\n  bind 127.0.0.1:{port}\n"
            f"  server tandem 127.0.0.1:{self.port} send-proxy-v2 proxy-v2-options crc32c\n",
            mode="tcp",
            listens=port,
        )
        with ClientFrom(port, "127.0.0.5") as client:
            client.socket = self.context.wrap_socket(client.socket)
            self.assertEqual(self.seen_client(client), "127.0.0.5")

    def test_a_server_is_told_how_the_client_is_encrypted(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = {"address": "127.0.0.1:%d" % listener.getsockname()[1], "send-proxy": "v2"}
            self.start_lb({"web1": server}, {"ssl": {"crt": str(self.crt)}}, wait=False)
            wait_until(lambda: accepts(self.port), "tandem-lb listens")
            context = self.context
            context.set_alpn_protocols(["http/1.1"])
            with HttpClient(self.port, tls=context, server_name="www.example.org") as client:
                client.send_request("GET", "/")
                listener.settimeout(tandem_testing.TIMEOUT)
                connection, _ = listener.accept()
                with connection, connection.makefile("rb") as stream:
                    header = stream.read(16)
                    block = stream.read(struct.unpack("!H", header[14:])[0])
                    said = proxy_stage.tlvs_of(block[12:])
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    self.assertEqual(client.read_response().status, 200)
                name, version, cipher = (client.socket.server_hostname, client.socket.version(),
                                         client.socket.cipher()[0])  # fmt: skip
        self.assertEqual(said[0x01], b"http/1.1")
        self.assertEqual(said[0x02].decode(), name)
        # TLS, no certificate, and so none that is good.
        self.assertEqual(said[0x20][:5], b"\x01\x00\x00\x00\x01")
        inner = proxy_stage.tlvs_of(said[0x20][5:])
        self.assertEqual((inner[0x21].decode(), inner[0x23].decode()), (version, cipher))

    def test_a_server_that_reads_the_header_before_tls(self):
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                port = free_port()
                self.start_haproxy(
                    f"frontend f\n  bind 127.0.0.1:{port} accept-proxy ssl crt {self.crt}\n"
                    "  http-request return status 200 content-type text/plain"
                    ' lf-string "%[src] %[src_port] %[ssl_fc]"\n',
                    name=f"haproxy-{version}",
                    listens=port,
                )
                server = {"address": f"127.0.0.1:{port}", "send-proxy": version,
                          "ssl": {"verify": "none"}, "inter": "50ms"}  # fmt: skip
                self.start_lb({"web1": server}, backend={"check": {"type": "http"}})
                for _ in range(3):
                    with ClientFrom(self.port, "127.0.0.7") as client:
                        self.assertEqual(client.get().text, f"127.0.0.7 {client.port} 1")
                control = self.lb.control
                wait_until(
                    lambda c=control: c.row("app", "web1")["check_status"] == "L7OK",
                    "a check has passed",
                )


if __name__ == "__main__":
    tandem_testing.main()
