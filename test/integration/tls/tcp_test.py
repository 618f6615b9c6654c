"""TLS in mode tcp: whatever is spoken, also by servers that speak first and towards servers."""

import select
import socket
import ssl

import tandem_testing as testing
import tls_stage


class Tcp(tls_stage.TlsTestCase):
    def start_lb(self, server):
        crt = self.authority.issue("www.pem", "www.example.org")
        self.tandem = self.start_tandem({
            "frontends": {"f": {"mode": "tcp", "default_backend": "b", "bind": [
                {"address": f"127.0.0.1:{self.port}", "ssl": {"crt": str(crt)}}]}},
            "backends": {"b": {"mode": "tcp", "servers": {"s": server}}},
        })  # fmt: skip

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), testing.TIMEOUT)
        client = self.context().wrap_socket(raw, server_hostname="www.example.org")
        self.addCleanup(client.close)
        return client

    def test_a_server_that_speaks_first_is_heard(self):
        def greet(connection):
            connection.sendall(b"220 ready\r\n")
            connection.sendall(connection.recv(100).upper())

        self.start_lb(self.serve(greet))
        for _ in range(20):
            client = self.connect()
            self.assertEqual(client.recv(100), b"220 ready\r\n")
            client.sendall(b"ehlo")
            self.assertEqual(client.recv(100), b"EHLO")

    def test_much_passes_byte_for_byte_both_ways(self):
        body = testing.origin_body(8 << 20)

        def echo(connection):
            while piece := connection.recv(65536):
                connection.sendall(piece)

        self.start_lb(self.serve(echo))
        client = self.connect()
        # One thread: OpenSSL's object for a connection is not made for two.
        client.setblocking(False)
        unsent = memoryview(body)
        received = bytearray()
        while len(received) < len(body):
            select.select([client], [client] if unsent else [], [], testing.TIMEOUT)
            try:
                while unsent:
                    unsent = unsent[client.send(unsent[:65536]) :]
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            try:
                while piece := client.recv(65536):
                    received += piece
                break  # the end
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
        self.assertEqual(bytes(received), body)

    def test_towards_a_server_too(self):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.authority.issue("app.pem", "app.internal"))

        def greet(connection):
            connection.sendall(b"hello")
            connection.sendall(connection.recv(100)[::-1])

        address = self.serve(greet, context)
        self.start_lb({"address": address,
                       "ssl": {"ca-file": str(self.authority.pem), "sni": "app.internal"}})  # fmt: skip
        for _ in range(5):
            client = self.connect()
            self.assertEqual(client.recv(100), b"hello")
            client.sendall(b"abc")
            self.assertEqual(client.recv(100), b"cba")


if __name__ == "__main__":
    testing.main()
