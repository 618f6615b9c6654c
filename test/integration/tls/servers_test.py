"""TLS towards servers: nginx with certificates of a test's own behind a real tandem-lb."""

import socket
import ssl
import threading

import tandem_testing as testing
import tls_stage
from tandem_testing import HttpClient, free_port, program, wait_until

NGINX = """daemon off; master_process off; pid {folder}/{name}.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  log_format seen '$ssl_server_name $ssl_client_s_dn $ssl_session_reused $request_uri';
  access_log {folder}/{name}.log seen; client_max_body_size 0; root {folder};
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; default_type text/plain;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {crt}; ssl_certificate_key {crt}; {extra}
    location / {{ dav_methods PUT; dav_access user:rw; }}
    location /hello {{ return 200 "{name}\\n"; }}
  }}
}}
"""


class Servers(tls_stage.TlsTestCase):
    def start_nginx(self, name, names=("app.internal",), authority=None, extra=""):
        crt = (authority or self.authority).issue(f"{name}-server.pem", *names)
        port = free_port()
        config = self.folder / f"{name}.conf"
        config.write_text(NGINX.format(folder=self.folder, name=name, port=port, crt=crt,
                                       extra=extra))  # fmt: skip
        self.start([program("nginx"), "-c", str(config), "-e", "stderr"], name=name)
        wait_until(lambda: testing.accepts(port), f"{name} listens")
        return port

    def ssl_of_server(self, **options):
        return {"ca-file": str(self.authority.pem), "sni": "app.internal"} | options

    def start_lb(self, servers, check=True, **backend):
        """`servers`: name to (port, ssl)."""
        config = {
            "frontends": {"www": {"bind": f"127.0.0.1:{self.port}", "default_backend": "app"}},
            "backends": {"app": {
                "servers": {name: {"address": f"127.0.0.1:{port}", "ssl": options}
                            for name, (port, options) in servers.items()},
                "default-server": {"inter": "100ms", "rise": 1, "fall": 1},
            } | ({"check": {"type": "http", "uri": "/hello"}} if check else {}) | backend},
        }  # fmt: skip
        self.tandem = self.keep(testing.Tandem(self.folder, config, wait=False))
        wait_until(lambda: testing.accepts(self.port), "tandem-lb listens")

    def row(self, server):
        return self.tandem.control.row("app", server)

    def wait_for_status(self, server, status):
        wait_until(lambda: self.row(server)["status"].startswith(status), f"{server} is {status}")

    def seen_by(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text().splitlines() if path.exists() else []

    def test_requests_and_bodies_pass_and_the_name_is_asked_for(self):
        port = self.start_nginx("web1")
        self.start_lb({"web1": (port, self.ssl_of_server())})
        self.wait_for_status("web1", "UP")
        self.assertEqual(self.row("web1")["check_status"], "L7OK")
        body = testing.origin_body(5 << 20)
        with HttpClient(self.port) as client:
            for _ in range(20):
                self.assertEqual(client.get("/hello").text, "web1\n")
            self.assertIn(client.request("PUT", "/kept", body=body).status, (201, 204))
            self.assertEqual(client.get("/kept").body, body)
        wait_until(lambda: any("/kept" in line for line in self.seen_by("web1")), "it is logged")
        self.assertTrue(all(line.startswith("app.internal - ") for line in self.seen_by("web1")))
        metrics = self.tandem.metrics()
        done = metrics['tandem_server_tls_handshakes_total{backend="app",server="web1",result="ok"}']
        # Connections are kept: a request does not cost a handshake.
        self.assertLessEqual(done, 3)
        self.assertGreaterEqual(done, 1)

    def test_sessions_are_resumed(self):
        port = self.start_nginx("web1", extra="keepalive_requests 1;")
        self.start_lb({"web1": (port, self.ssl_of_server())}, check=False)
        with HttpClient(self.port) as client:
            for _ in range(10):
                self.assertEqual(client.get("/hello").status, 200)
        resumed = self.tandem.metrics()[
            'tandem_server_tls_resumptions_total{backend="app",server="web1"}'
        ]
        self.assertGreaterEqual(resumed, 5)
        wait_until(lambda: sum(" r /hello" in l for l in self.seen_by("web1")) >= 5, "nginx agrees")

    def test_a_server_that_cannot_prove_itself_is_down_and_gets_nothing(self):
        stranger = tls_stage.Authority(self.folder, "a stranger")
        good = self.start_nginx("web1")
        unknown = self.start_nginx("web2", authority=stranger)
        other_name = self.start_nginx("web3", names=("other.internal",))
        self.start_lb({"web1": (good, self.ssl_of_server()),
                       "web2": (unknown, self.ssl_of_server()),
                       "web3": (other_name, self.ssl_of_server())})  # fmt: skip
        self.wait_for_status("web1", "UP")
        for server, words in (("web2", "self-signed certificate in certificate chain"),
                              ("web3", "hostname mismatch")):  # fmt: skip
            wait_until(lambda: self.row(server)["check_status"] == "L6RSP", f"{server} is refused")
            self.assertTrue(self.row(server)["status"].startswith("DOWN"))
            self.assertIn(f'Server app/{server} is DOWN, reason: Layer6 invalid response, info: '
                          f'"certificate verify failed: {words}"', self.tandem.output())  # fmt: skip
        with HttpClient(self.port) as client:
            for _ in range(30):
                self.assertEqual(client.get("/hello").text, "web1\n")
        self.assertEqual(self.seen_by("web2") + self.seen_by("web3"), [])

    def test_without_checks_a_request_goes_elsewhere_and_the_log_says_why(self):
        stranger = tls_stage.Authority(self.folder, "a stranger")
        good = self.start_nginx("web1")
        unknown = self.start_nginx("web2", authority=stranger)
        self.start_lb({"web2": (unknown, self.ssl_of_server()),
                       "web1": (good, self.ssl_of_server())}, check=False)  # fmt: skip
        with HttpClient(self.port) as client:
            for _ in range(10):
                self.assertEqual(client.get("/hello").text, "web1\n")
        self.assertEqual(self.seen_by("web2"), [])
        self.assertIn("Server app/web2: TLS handshake failed: certificate verify failed",
                      self.tandem.output())  # fmt: skip
        self.assertGreater(int(self.row("web2")["econ"]), 0)

    def test_nobody_left_is_503(self):
        stranger = tls_stage.Authority(self.folder, "a stranger")
        port = self.start_nginx("web1", authority=stranger)
        self.start_lb({"web1": (port, self.ssl_of_server())}, check=False)
        with HttpClient(self.port) as client:
            self.assertEqual(client.get("/hello").status, 503)
        self.assertEqual(self.seen_by("web1"), [])

    def test_verify_none_believes_anybody_and_the_check_of_the_file_says_so(self):
        stranger = tls_stage.Authority(self.folder, "a stranger")
        port = self.start_nginx("web1", authority=stranger)
        self.start_lb({"web1": (port, {"verify": "none"})})
        self.wait_for_status("web1", "UP")
        with HttpClient(self.port) as client:
            self.assertEqual(client.get("/hello").status, 200)
        self.assertIn("anybody on the way to the server can read", self.tandem.output())

    def test_a_certificate_is_shown_to_a_server_that_asks(self):
        port = self.start_nginx("web1", extra=f"ssl_client_certificate {self.authority.pem}; "
                                              "ssl_verify_client on;")  # fmt: skip
        own = self.authority.issue("lb.pem", "lb.internal", usage="clientAuth")
        self.start_lb({"web1": (port, self.ssl_of_server(crt=str(own)))})
        self.wait_for_status("web1", "UP")
        with HttpClient(self.port) as client:
            self.assertEqual(client.get("/hello").status, 200)
        wait_until(lambda: any("CN=lb.internal" in l for l in self.seen_by("web1")), "it was shown")

    def test_a_server_that_never_answers_the_handshake_is_late(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.start_lb({"web1": (silent.getsockname()[1], self.ssl_of_server())},
                          timeout={"connect": "200ms", "check": "200ms"}, retries=0)  # fmt: skip
            wait_until(lambda: self.row("web1")["check_status"] == "L6TOUT", "the check was late")
            self.assertTrue(self.row("web1")["status"].startswith("DOWN"))

    def test_an_answer_cut_off_without_a_word_is_seen_to_be_cut_off(self):
        crt = self.authority.issue("cutter.pem", "app.internal")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(crt)
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve():
                raw, _ = listener.accept()
                with context.wrap_socket(raw, server_side=True) as server:
                    server.recv(65536)
                    server.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
                    # FIN, and no close_notify before it.
                    socket.socket(fileno=server.detach()).close()

            thread = threading.Thread(target=serve)
            thread.start()
            self.start_lb({"web1": (listener.getsockname()[1], self.ssl_of_server())}, check=False)
            with HttpClient(self.port) as client, self.assertRaises((testing.Truncated, OSError)):
                client.get("/")
            thread.join()


if __name__ == "__main__":
    testing.main()
