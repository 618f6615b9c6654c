"""TLS towards clients: Python's ssl, curl and openssl on the other end, a real tandem-lb here."""

import json
import socket
import ssl
import subprocess
import threading

import tandem_testing as testing
import tls_stage
from tandem_testing import HttpClient, wait_until

LARGE = 20 << 20


class TlsTest(tls_stage.TlsTestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin()

    def curl(self, *arguments, port=None, name="www.example.org"):
        port = port or self.port
        return subprocess.run(
            ["curl", "-sS", "--cacert", str(self.authority.pem), "--resolve",
             f"{name}:{port}:127.0.0.1", *arguments],
            capture_output=True, timeout=testing.TIMEOUT, check=False)  # fmt: skip

    # ---- messages
    def test_requests_of_both_versions_of_tls_on_kept_connections(self):
        self.start_lb(self.origin)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version=version.name):
                client = self.client(context=self.context(version=version))
                for number in range(20):
                    self.assertEqual(client.get(f"/{number}").text, "origin\n")

    def test_bodies_arrive_byte_for_byte_both_ways(self):
        self.start_lb(self.origin)
        client = self.client()
        for size in (0, 1, 16383, 16384, 16385, 65536, LARGE):
            with self.subTest(size=size):
                response = client.get(f"/bytes/{size}")
                self.assertEqual(response.body, testing.origin_body(size))
        for size in (1, 16384, 70_000, 1 << 20):
            body = testing.origin_body(size)
            with self.subTest(upload=size):
                response = client.request("POST", "/echo", body=body)
                self.assertEqual(response.json()["body_hash"], testing.body_hash(body))

    def test_pipelined_requests_in_one_record(self):
        self.start_lb(self.origin)
        client = self.client()
        sizes = (5, 70_000, 0, 300_000, 17)
        client.send("".join(f"GET /bytes/{s} HTTP/1.1\r\nHost: a\r\n\r\n" for s in sizes))
        for size in sizes:
            self.assertEqual(client.read_response().body, testing.origin_body(size))

    def test_a_client_that_does_not_read_costs_bounded_memory(self):
        self.start_lb(self.origin)
        before = self.tandem.resident_bytes()
        client = self.client()
        client.send_request("GET", f"/bytes/{50 << 20}")
        other = self.client()
        for _ in range(50):
            self.assertEqual(other.get("/").status, 200)
        self.assert_memory(self.tandem.resident_bytes() - before, 4 << 20)
        self.assertEqual(client.read_response().body, testing.origin_body(50 << 20))

    def test_a_websocket_passes(self):
        self.start_lb(self.origin)
        client = self.client()
        response = client.request(
            "GET", "/upgrade", {"Connection": "Upgrade", "Upgrade": "websocket"})  # fmt: skip
        self.assertEqual(response.status, 101)
        for text in (b"ping", b"x" * 100_000):
            client.send(text)
            self.assertEqual(client.take(len(text)), text)

    def test_an_answer_that_breaks_off_is_seen_to(self):
        self.start_lb(self.origin)
        for target in ("/bytes/5000?cut=1000", "/bytes/5000?chunked=100&cut=1000",
                       "/bytes/5000?until-close&reset=1000"):
            with self.subTest(target=target), self.assertRaises((testing.Truncated, OSError)):
                self.client().get(target)

    def test_many_clients_at_once(self):
        self.start_lb(self.origin)
        failures = []

        def run():
            for _ in range(5):
                with HttpClient(self.port, tls=self.context(), server_name="www.example.org") as c:
                    failures.extend(s for s in (c.get("/bytes/5000").status for _ in range(5))
                                    if s != 200)  # fmt: skip

        threads = [threading.Thread(target=run) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        metrics = self.tandem.metrics()
        done = metrics['tandem_tls_handshakes_total{frontend="www",version="TLSv1.3",result="ok"}']
        self.assertEqual(done, 80)
        wait_until(lambda: self.tandem.metrics()[
            'tandem_tls_current_connections{frontend="www"}'] == 0, "all are closed")  # fmt: skip

    # ---- handshakes
    def test_old_versions_are_refused(self):
        self.start_lb(self.origin)
        for option in ("-tls1", "-tls1_1"):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", option, "-cipher",
                 "ALL@SECLEVEL=0"],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("protocol version", done.stderr)

    def test_the_order_of_ciphers_is_the_servers_but_for_chacha(self):
        self.start_lb(self.origin)
        aes128, aes256, chacha = (f"ECDHE-ECDSA-{name}" for name in (
            "AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"))  # fmt: skip
        for offered, chosen in (((aes256, aes128), aes128), ((aes256, chacha, aes128), aes128),
                                ((chacha, aes256, aes128), chacha)):  # fmt: skip
            context = self.context(version=ssl.TLSVersion.TLSv1_2)
            context.set_ciphers(":".join(offered))
            with self.subTest(offered=offered):
                self.assertEqual(self.client(context=context).socket.cipher()[0], chosen)

    def test_bytes_that_are_no_handshake_are_counted_and_closed(self):
        self.start_lb(self.origin)
        with socket.create_connection(("127.0.0.1", self.port), testing.TIMEOUT) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            received = b""
            while piece := plain.recv(4096):
                received += piece
        # An alert at most, never an answer.
        self.assertLessEqual(len(received), 7)
        with socket.create_connection(("127.0.0.1", self.port), testing.TIMEOUT) as plain:
            plain.sendall(b"\x16\x03\x01")
        name = 'tandem_tls_handshakes_total{frontend="www",version="none",result="%s"}'
        wait_until(lambda: self.tandem.metrics()[name % "failed"] >= 1, "the failure is counted")
        wait_until(lambda: self.tandem.metrics()[name % "aborted"] >= 1, "the other one too")

    def test_a_handshake_that_never_ends_is_cut(self):
        self.start_lb(self.origin, {"timeout": {"http-request": "300ms"}})
        with socket.create_connection(("127.0.0.1", self.port), testing.TIMEOUT) as slow:
            slow.sendall(b"\x16\x03\x01\x02\x00")
            self.assertEqual(slow.recv(100), b"")

    def test_a_ticket_resumes_the_session(self):
        self.start_lb(self.origin)
        context = self.context()
        with HttpClient(self.port, tls=context, server_name="www.example.org") as first:
            first.get("/")
            session = first.socket.session
        raw = socket.create_connection(("127.0.0.1", self.port), testing.TIMEOUT)
        with context.wrap_socket(raw, server_hostname="www.example.org", session=session) as again:
            self.assertTrue(again.session_reused)
        wait_until(lambda: self.tandem.metrics()['tandem_tls_resumptions_total{frontend="www"}'] == 1,
                   "the resumption is counted")  # fmt: skip

    def test_a_ticket_allows_no_early_data(self):
        self.start_lb(self.origin)
        session, early = self.folder / "session", self.folder / "early"
        early.write_bytes(b"GET /early HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        client = ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-tls1_3",
                  "-servername", "www.example.org", "-CAfile", str(self.authority.pem)]  # fmt: skip

        def run(*more, words=b""):
            return subprocess.run([*client, *more], input=words, capture_output=True, check=False,
                                  timeout=testing.TIMEOUT).stdout  # fmt: skip

        # With the answer the ticket has come too.
        run("-ign_eof", "-sess_out", session, words=early.read_bytes())
        text = tls_stage.openssl("sess_id", "-in", session, "-noout", "-text")
        self.assertIn("TLS session ticket:", text)
        self.assertNotRegex(text, "Max Early Data: [1-9]")
        said = run("-ign_eof", "-sess_in", session, "-early_data", early, words=early.read_bytes())
        self.assertIn(b"Reused, TLSv1.3", said)
        self.assertIn(b"Early data was not sent", said)

    def test_the_name_decides_the_certificate(self):
        folder = self.folder / "certs"
        self.authority.issue("certs/1.pem", "www.example.org")
        self.authority.issue("certs/2.pem", "*.shop.example.org")
        self.start_lb(self.origin, crt=str(folder))
        for name in ("www.example.org", "a.shop.example.org"):
            self.assertEqual(self.client(name).get("/").status, 200)
        # An unknown name gets the first one; the client then has its own opinion.
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.client("other.example.org")

    # ---- what the rest knows of it
    def test_rules_know_whether_a_client_speaks_tls(self):
        self.start_lb(self.origin, {"rules": [
            {"if": {"ssl_fc": False}, "redirect": {"scheme": "https", "code": 301}}]})  # fmt: skip
        self.assertEqual(self.client().get("/x").status, 200)
        with HttpClient(self.plain_port) as plain:
            response = plain.get("/x", {"Host": "www.example.org"})
        self.assertEqual(response.status, 301)
        self.assertEqual(response.header("Location"), "https://www.example.org/x")

    def test_the_log_and_show_info_tell_of_it(self):
        self.start_lb(self.origin)
        client = self.client()
        client.get("/logged")
        log = self.folder / "access.log"
        wait_until(lambda: "/logged" in log.read_text(), "the request is logged")
        line = json.loads(log.read_text().splitlines()[-1])
        self.assertEqual(line["tls_version"], "TLSv1.3")
        self.assertEqual(line["sni"], "www.example.org")
        self.assertTrue(line["tls_cipher"].startswith("TLS_"))
        info = self.tandem.control.info()
        self.assertEqual((info["CurrSslConns"], info["CumSslConns"]), ("1", "1"))

    def test_curl_agrees(self):
        self.start_lb(self.origin)
        done = self.curl(f"https://www.example.org:{self.port}/bytes/100000", "--compressed")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, testing.origin_body(100_000))

    def test_a_stop_lets_encrypted_requests_finish(self):
        self.start_lb(self.origin)
        client = self.client()
        client.send_request("GET", "/bytes/10?delay=500")
        wait_until(lambda: self.origin.stats()["in_flight"] == 1, "the request is under way")
        self.tandem.signal(15)
        response = client.read_response()
        self.assertEqual(response.status, 200)
        self.assertEqual(response.header("Connection"), "close")
        self.assertEqual(self.tandem.wait(), 0)


if __name__ == "__main__":
    testing.main()
