"""HTTP/2 to servers: nginx in clear text and over TLS, in front of a scripted origin; HAProxy, which
takes WebSockets over HTTP/2; clients of HTTP/1.1 and of HTTP/2."""

import asyncio

import h2_stage
import h2_websocket
import tandem_testing
import tls_stage
import websocket_test
import websockets
from tandem_testing import HttpClient, Process, Truncated, body_hash, origin_body, program
from tandem_testing import free_ports, wait_until

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  proxy_http_version 1.1; proxy_buffering off; client_max_body_size 0;
  proxy_set_header Host $http_host;
  server {{ listen 127.0.0.1:{plain} http2; location / {{ proxy_pass http://{origin}; }} }}
  server {{ listen 127.0.0.1:{few} http2; keepalive_requests 10;
            location / {{ proxy_pass http://{origin}; }} }}
  server {{ listen 127.0.0.1:{tls} ssl http2; ssl_certificate {pem}; ssl_certificate_key {pem};
            location / {{ proxy_pass http://{origin}; }} }}
  server {{ listen 127.0.0.1:{old} ssl; ssl_certificate {pem}; ssl_certificate_key {pem};
            location / {{ proxy_pass http://{origin}; }} }}
}}
"""

HAPROXY = """defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend f
  bind 127.0.0.1:{port} proto h2
  default_backend b
backend b
  server s {address}
"""


class At:
    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"


class ServersTest(h2_stage.Http2TestCase):
    def start_nginx(self):
        self.source = self.start_origin("origin")
        self.own = tls_stage.Authority(self.folder, "CA of servers")
        pem = self.own.issue("server.pem", "app.internal")
        self.plain, self.few, self.tls, self.old = free_ports(4)
        config = self.folder / "nginx.conf"
        config.write_text(
            NGINX.format(folder=self.folder, plain=self.plain, few=self.few, tls=self.tls,
                         old=self.old, origin=self.source.address, pem=pem)
        )  # fmt: skip
        nginx = Process([program("nginx"), "-c", config, "-e", "stderr"], self.folder, "nginx")
        self.addCleanup(nginx.stop)
        wait_until(lambda: tandem_testing.accepts(self.old), "nginx listens")

    def lead_to(self, port, **server):
        self.start_lb(At(port), server={"proto": "h2", **server})

    def with_tls(self):
        return {"ssl": {"ca-file": str(self.own.pem), "sni": "app.internal"}}

    def test_a_client_of_http_1_is_told_the_words_of_a_status_that_http_2_has_none_for(self):
        self.start_nginx()
        self.lead_to(self.plain)
        with HttpClient(self.port) as client:
            for target, reason in (("/bytes/1", "OK"), ("/status/404", "Not Found")):
                self.assertEqual(client.get(target).reason, reason)

    def test_bodies_pass_both_ways_from_clients_of_both_versions(self):
        self.start_nginx()
        for port, options in ((self.plain, {}), (self.tls, self.with_tls())):
            self.lead_to(port, **options)
            with HttpClient(self.port) as old, self.client() as new:
                for size in (0, 1, 16_384, 65_535, 65_536, 3_000_000):
                    with self.subTest(port=port, size=size):
                        self.assertEqual(old.get(f"/bytes/{size}").body, origin_body(size))
                        self.assertEqual(new.get(f"/bytes/{size}").body, origin_body(size))
                        echo = old.request("POST", "/echo", body=origin_body(size)).json()
                        self.assertEqual(echo["body_hash"], body_hash(origin_body(size)))
                head = old.request("HEAD", "/bytes/5000")
                self.assertEqual((head.status, head.header("content-length")), (200, "5000"))
                self.assertEqual(old.get("/status/204").status, 204)
                self.assertEqual(old.get("/status/404").status, 404)
            self.lb.stop()

    def test_what_a_client_says_reaches_the_server(self):
        self.start_nginx()
        self.lead_to(self.plain, **{})
        with HttpClient(self.port) as client:
            fields = [("Host", "shop.example.org"), ("X-Own", "1"), ("Cookie", "a=1; b=2")]
            answer = client.request("GET", "/echo", fields + [("Connection", "x-own")])
            self.assertEqual(answer.status, 200, answer)
            echo = answer.json()
        seen = {name.lower(): value for name, value in echo["headers"]}
        self.assertEqual(seen["host"], "shop.example.org")
        self.assertEqual(seen["cookie"], "a=1; b=2")
        self.assertNotIn("x-own", seen)

    def test_a_server_that_says_goodbye_costs_nobody_an_answer(self):
        self.start_nginx()
        self.lead_to(self.few)
        with HttpClient(self.port) as client:
            for _ in range(100):
                self.assertEqual(client.get("/bytes/10").status, 200)
                self.assertEqual(client.request("POST", "/echo", body=b"x").status, 200)
        series = 'tandem_server_connects_total{backend="app",server="web1"}'
        self.assertGreaterEqual(self.lb.metrics()[series], 20)

    def test_a_server_that_does_not_agree_on_it_gets_no_request(self):
        self.start_nginx()
        self.lead_to(self.old, **self.with_tls())
        self.assertEqual(tandem_testing.get(self.port, "/bytes/1").status, 503)
        self.lb.wait_for_output("no application protocol")
        self.assertEqual(self.source.stats()["requests"], 1, "more than this question")
        # One that says nothing of protocols.
        (port,) = free_ports(1)
        pem = self.folder / "server.pem"
        silent = Process([program("openssl"), "s_server", "-accept", str(port), "-cert", pem,
                          "-key", pem, "-www"], self.folder, "s_server")  # fmt: skip
        self.addCleanup(silent.stop)
        wait_until(lambda: tandem_testing.accepts(port), "s_server listens")
        self.lb.stop()
        self.lead_to(port, **self.with_tls())
        self.assertEqual(tandem_testing.get(self.port, "/bytes/1").status, 503)
        self.lb.wait_for_output("does not speak HTTP/2")

    def test_a_server_of_http_1_is_said_to_be_one(self):
        self.lead_to(self.start_origin().port)
        self.assertIn(tandem_testing.get(self.port, "/bytes/1").status, (502, 503))

    def test_an_answer_that_breaks_off_is_seen_to(self):
        self.start_nginx()
        self.lead_to(self.plain)
        self.source.force("/bytes/100000?cut=50000")
        with HttpClient(self.port) as client, self.assertRaises(Truncated):
            client.get("/")
        with self.client() as client:
            answer = client.get("/")
            self.assertFalse(answer.ended)
            self.assertIsNotNone(answer.reset)


class WebSocketTest(h2_stage.Http2TestCase):
    """tandem-lb speaks HTTP/2 with HAProxy, which speaks HTTP/1.1 with the server."""

    def setUp(self):
        super().setUp()
        self.server = websocket_test.WebSocketServer()
        self.addCleanup(self.server.stop)
        (port,) = free_ports(1)
        config = self.folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, address=self.server.address))
        haproxy = Process([program("haproxy"), "-db", "-f", config], self.folder, "haproxy")
        self.addCleanup(haproxy.stop)
        wait_until(lambda: tandem_testing.accepts(port), "HAProxy listens")
        self.start_lb(At(port), server={"proto": "h2"})
        # HAProxy tells in its SETTINGS that it takes them: those are here with the first answer.
        tandem_testing.get(self.port, "/echo")

    def test_from_http_1(self):
        async def talk():
            async with websockets.connect(
                f"ws://127.0.0.1:{self.port}/echo", compression=None
            ) as socket:
                for message in ("hello", b"\\0" * 300_000, ""):
                    await socket.send(message)
                    self.assertEqual(await socket.recv(), message)

        asyncio.run(asyncio.wait_for(talk(), tandem_testing.TIMEOUT))

    def test_from_http_2(self):
        client = h2_websocket.Client(self.port)
        self.addCleanup(client.close)
        tunnel = client.open("/echo")
        self.assertEqual(tunnel.status, 200)
        tunnel.say("hello")
        self.assertEqual(tunnel.hear(), b"hello")


if __name__ == "__main__":
    tandem_testing.main()
