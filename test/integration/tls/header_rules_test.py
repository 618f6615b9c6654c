"""Rules that change a request's headers: what a recording origin got is what counts; clients with
certificates, of HTTP/1 and HTTP/2, and such that try to pass for another."""

import subprocess

import tandem_testing as testing
import tls_stage
from tandem_testing import HttpClient

SPOOFED = [("X-Client-CN", "root"), ("x-client-cn", "admin")]


def subject_rules(*more):
    return [
        {"set-header": {"X-Client-CN": "%[ssl_c_s_dn(CN)]", "X-Client-Used": "%[ssl_c_used]",
                        "X-Client-Verify": "%[ssl_c_verify]"}},
        {"set-header": {"X-Client-DN": "%[ssl_c_s_dn]", "X-Client-2253": "%[ssl_c_s_dn(,0,rfc2253)]",
                        "X-Client-Issuer": "%[ssl_c_i_dn]", "X-Client-Serial": "%[ssl_c_serial,hex]",
                        "X-Client-Sha1": "%[ssl_c_sha1,hex]", "X-Client-From": "%[ssl_c_notbefore]",
                        "X-Client-To": "%[ssl_c_notafter]"}},
        *more,
    ]  # fmt: skip


class HeaderRulesTest(tls_stage.TlsTestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin(record=True)
        self.seen = []

    def start_with(self, rules, frontend=None, **ssl_options):
        return self.start_lb(self.origin, {"rules": rules} | (frontend or {}), **ssl_options)

    def received(self):
        """Headers of the request that the origin got since it was last asked for one: name, in
        small letters, to values."""
        heads = [head for stream in self.origin.recorded() for head in stream.split(b"\r\n\r\n")
                 if head and head not in self.seen]  # fmt: skip
        self.assertEqual(len(heads), 1, heads)
        self.seen.append(heads[0])
        headers = {}
        for line in heads[0].decode("latin-1").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        return headers

    def marked(self, headers=()):
        """No two requests look alike."""
        self.number = getattr(self, "number", 0) + 1
        return [("X-Number", str(self.number)), *headers]

    def sent_plainly(self, headers=(), target="/"):
        with HttpClient(self.plain_port) as client:
            self.assertEqual(client.get(target, headers=self.marked(headers)).status, 200)
        return self.received()

    # ---- the edits
    def test_set_replaces_add_joins_and_del_removes(self):
        self.start_with([
            {"set-header": {"X-A": "ours", "X-Forwarded-Proto": "http"}},
            {"add-header": {"X-B": "100%%"}},
            {"del-header": ["X-C", "X-D"]},
        ])  # fmt: skip
        got = self.sent_plainly([("x-a", "1"), ("X-A", "2"), ("X-B", "3"), ("x-c", "4"),
                                 ("X-D", "5"), ("X-E", "6")])  # fmt: skip
        self.assertEqual(got["x-a"], ["ours"])
        self.assertEqual(got["x-forwarded-proto"], ["http"])
        self.assertEqual(got["x-b"], ["3", "100%"])
        self.assertNotIn("x-c", got)
        self.assertNotIn("x-d", got)
        self.assertEqual(got["x-e"], ["6"])

    def test_rules_work_in_order_and_only_up_to_the_one_that_decides(self):
        self.start_with([
            {"set-header": {"X-A": "1"}},
            {"if": {"path_beg": "/api/"}, "set-header": {"X-A": "2"}},
            {"if": {"not": {"path_beg": "/api/"}}, "del-header": "X-Api"},
            {"if": {"path": "/api/early"}, "use_backend": "app"},
            {"add-header": {"X-A": "3"}},
            {"if": {"path": "/api/gone"}, "return": {"status": 410}},
        ])  # fmt: skip
        self.assertEqual(self.sent_plainly()["x-a"], ["1", "3"])
        self.assertNotIn("x-api", self.sent_plainly([("X-Api", "1")]))
        self.assertEqual(self.sent_plainly([("X-Api", "1")], "/api/x")["x-api"], ["1"])
        self.assertEqual(self.sent_plainly((), "/api/x")["x-a"], ["2", "3"])
        self.assertEqual(self.sent_plainly((), "/api/early")["x-a"], ["2"])
        with HttpClient(self.plain_port) as client:
            self.assertEqual(client.get("/api/gone").status, 410)

    def test_the_host_that_a_server_sees_can_be_another(self):
        self.start_with([{"set-header": {"Host": "app.internal"}}])
        self.assertEqual(self.sent_plainly()["host"], ["app.internal"])

    def test_addresses_and_the_proxies_own_headers(self):
        self.start_with(
            [{"set-header": {"X-Real-IP": "%[src]:%[src_port]", "X-To": "%[dst]:%[dst_port]",
                             "X-Forwarded-For": "192.0.2.1", "X-Tls": "%[ssl_fc]"}}],
            {"forwardfor": True, "unique-id-header": "X-Id"})  # fmt: skip
        with HttpClient(self.plain_port) as client:
            address, port = client.socket.getsockname()
            client.get("/", headers=[("X-Forwarded-For", "203.0.113.9")])
        got = self.received()
        self.assertEqual(got["x-real-ip"], [f"{address}:{port}"])
        self.assertEqual(got["x-to"], [f"127.0.0.1:{self.plain_port}"])
        self.assertEqual(got["x-tls"], ["0"])
        # The proxy's own word on where it came from stands last, as HAProxy has it.
        self.assertEqual(got["x-forwarded-for"], ["192.0.2.1", address])
        self.assertRegex(got["x-id"][0], "^[0-9a-f]{32}$")

    def test_a_server_is_chosen_by_what_it_will_see(self):
        others = [self.start_origin(f"web{i}", record=True) for i in range(4)]
        self.tandem = self.start_tandem({
            "frontends": {"www": {
                "bind": f"127.0.0.1:{self.plain_port}", "default_backend": "app",
                "rules": [{"set-header": {"X-User": "the same"}}]}},
            "backends": {"app": {"balance": "hash", "hash": "hdr(X-User)", "servers": {
                other.name: other.address for other in others}}},
        })  # fmt: skip
        with HttpClient(self.plain_port) as client:
            for number in range(20):
                client.get("/", headers=[("X-User", f"user{number}")])
        self.assertEqual(sum(bool(other.recorded()) for other in others), 1)

    # ---- certificates of clients
    def expect_subject(self, got, mine):
        def openssl(*words):
            return tls_stage.openssl("x509", "-in", mine, "-noout", *words).strip()

        self.assertEqual(got["x-client-cn"], ["me"])
        self.assertEqual(got["x-client-used"], ["1"])
        self.assertEqual(got["x-client-verify"], ["0"])
        self.assertEqual(got["x-client-dn"], ["/CN=me"])
        self.assertEqual(got["x-client-2253"], ["CN=me"])
        self.assertEqual(got["x-client-issuer"], ["/CN=the CA"])
        self.assertEqual(got["x-client-serial"], [openssl("-serial").split("=")[1]])
        fingerprint = openssl("-fingerprint", "-sha1").split("=")[1].replace(":", "")
        self.assertEqual(got["x-client-sha1"], [fingerprint])
        self.assertRegex(got["x-client-from"][0], r"^\d{12}Z$")
        self.assertLess(got["x-client-from"], got["x-client-to"])

    def test_a_certificate_tells_who_the_client_is_and_nobody_else_can(self):
        self.start_with(subject_rules(), verify="optional", ca_file=str(self.authority.pem))
        mine = self.authority.issue("me.pem", "me", usage="clientAuth")
        with self.subTest("with a certificate"):
            context = self.context()
            context.load_cert_chain(mine)
            first = self.client(context=context)
            self.assertEqual(first.get("/", headers=self.marked(SPOOFED)).status, 200)
            self.expect_subject(self.received(), mine)
        with self.subTest("of a session that is resumed"):
            again = context.wrap_socket(testing.connect(self.port),
                                        server_hostname="www.example.org",
                                        session=first.socket.session)  # fmt: skip
            again.sendall(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            while again.recv(4096):
                pass
            self.assertTrue(again.session_reused)
            again.close()
            self.expect_subject(self.received(), mine)
        with self.subTest("without one"):
            self.assertEqual(self.client().get("/", headers=self.marked(SPOOFED)).status, 200)
            got = self.received()
            self.assertEqual(got["x-client-cn"], [""])
            self.assertEqual(got["x-client-used"], ["0"])
        with self.subTest("in plain text"):
            got = self.sent_plainly(SPOOFED)
            self.assertEqual(got["x-client-cn"], [""])
            self.assertEqual(got["x-client-dn"], [""])
            self.assertEqual(got["x-client-used"], ["0"])

    def test_the_same_over_http2(self):
        self.start_with(
            subject_rules({"set-header": {"X-Tls": "%[ssl_fc_protocol] %[ssl_fc_cipher] "
                                                   "%[ssl_fc_sni] %[ssl_fc_alpn]"}}),
            verify="optional", ca_file=str(self.authority.pem))  # fmt: skip
        mine = self.authority.issue("me.pem", "me", usage="clientAuth")
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--fail", "--http2", "--cacert",
             str(self.authority.pem), "--cert", str(mine), "--resolve",
             f"www.example.org:{self.port}:127.0.0.1", "-H", "X-Client-CN: root", "-w",
             "%{http_version}", "-o", "/dev/null", f"https://www.example.org:{self.port}/"],
            capture_output=True, text=True, check=False)  # fmt: skip
        self.assertEqual((done.returncode, done.stdout), (0, "2"), done.stderr)
        got = self.received()
        self.expect_subject(got, mine)
        self.assertRegex(got["x-tls"][0], r"^TLSv1\.3 TLS_[A-Z0-9_]+ www\.example\.org h2$")

    def test_a_name_with_control_characters_stays_one_header(self):
        self.start_with(subject_rules({"set-header": {"X-Sni": "%[ssl_fc_sni]"}}),
                        verify="optional", ca_file=str(self.authority.pem))  # fmt: skip
        mine = self.authority.issue("me.pem", "me\r\nX-Admin: 1", usage="clientAuth",
                                    alternative="me.example.org")  # fmt: skip
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{self.port}", "-cert", str(mine),
             "-key", str(mine), "-servername", "a\r\nX-Admin: 1", "-quiet", "-ign_eof"],
            input=b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", capture_output=True,
            timeout=testing.TIMEOUT, check=False)  # fmt: skip
        self.assertIn(b" 200 ", done.stdout, done.stderr)
        got = self.received()
        self.assertNotIn("x-admin", got)
        self.assertEqual(got["x-client-cn"], ["me  X-Admin: 1"])
        self.assertEqual(got["x-sni"], [""])


if __name__ == "__main__":
    testing.main()
