"""What passes through, byte for byte, and what ends at this hop: with scripted origins, nginx and
curl on the other ends."""

import functools
import re
import subprocess
import threading

import http_stage
import tandem_testing
from tandem_testing import HttpClient, Process, free_port, program, wait_until

SIZES = (0, 1, 1024, 16383, 16384, 16385, 65536, 1 << 20)
LARGE = 20 << 20

origin_body = functools.cache(tandem_testing.origin_body)
body_hash = functools.cache(tandem_testing.body_hash)

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size 0; root {folder};
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; default_type text/plain;
  server {{
    listen 127.0.0.1:{port};
    location / {{ dav_methods PUT DELETE; dav_access user:rw; }}
    location /gzip/ {{ alias {folder}/; gzip on; gzip_min_length 1; gzip_http_version 1.0; }}
    location /moved {{ return 301 /other; }}
    location /too-large {{ client_max_body_size 1k; dav_methods PUT; }}
  }}
}}
"""


class MessagesTest(http_stage.HttpTestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin(record=True)
        self.start_lb(self.origin)

    # ---- connections
    def test_keep_alive_uses_one_connection_on_either_side(self):
        client = self.client()
        for number in range(50):
            self.assertEqual(client.get(f"/{number}").text, "origin\n")
        self.assertLessEqual(len(self.origin.recorded()), 2)

    def test_pipelined_requests_are_answered_in_their_order(self):
        client = self.client()
        targets = [f"/bytes/{size}" for size in (5, 70000, 0, 1, 300000, 17)]
        posts = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        client.send("".join(f"GET {t} HTTP/1.1\r\nHost: a\r\n\r\n" for t in targets) + posts * 2)
        for target in targets:
            self.assertEqual(client.read_response().body, origin_body(int(target[7:])))
        for _ in range(2):
            self.assertEqual(client.read_response().json()["body_hash"], body_hash(b"abc"))

    def test_a_thousand_pipelined_requests(self):
        client = self.client()
        four = "".join(f"GET /status/{200 + n} HTTP/1.1\r\nHost: a\r\n\r\n" for n in range(4))
        wire = four * 250
        sender = threading.Thread(target=client.send, args=(wire,))
        sender.start()
        for number in range(1000):
            self.assertEqual(client.read_response().status, 200 + number % 4)
        sender.join()

    def test_client_that_wants_to_close_gets_the_end(self):
        for version, headers, ends in (("HTTP/1.1", {"Connection": "close"}, True),
                                       ("HTTP/1.0", {}, True), ("HTTP/1.1", {}, False),
                                       ("HTTP/1.0", {"Connection": "keep-alive"}, False)):
            with self.subTest(version=version, headers=headers), HttpClient(self.port) as client:
                response = client.request("GET", "/", headers, version=version)
                self.assertEqual(response.text, "origin\n")
                if ends:
                    self.assertEqual(response.header("Connection"), "close")
                    self.assertTrue(client.is_closed_by_peer())
                else:
                    self.assertEqual(client.get("/again").status, 200)

    def test_client_that_has_finished_sending_gets_its_answer(self):
        client = self.client()
        client.send_request("GET", "/bytes/100000?delay=100")
        client.socket.shutdown(1)
        self.assertEqual(client.read_response().body, origin_body(100000))

    # ---- bodies
    def test_answers_of_all_sizes(self):
        client = self.client()
        for size in (*SIZES, LARGE):
            for framing in ("", "?chunked=1000", "?chunked=65536", "?until-close"):
                if size == LARGE and framing == "?chunked=1000":
                    continue
                with self.subTest(size=size, framing=framing):
                    response = client.get(f"/bytes/{size}{framing}")
                    self.assertTrue(response.body == origin_body(size))
                    chunked = response.header("Transfer-Encoding") == "chunked"
                    self.assertEqual(chunked, framing != "")

    def test_answers_to_http_1_0_have_no_chunks(self):
        for size in SIZES:
            for framing in ("", "?chunked=1000", "?until-close"):
                with self.subTest(size=size, framing=framing), HttpClient(self.port) as client:
                    response = client.request("GET", f"/bytes/{size}{framing}", version="HTTP/1.0")
                    self.assertEqual(response.header("Transfer-Encoding"), None)
                    self.assertTrue(response.body == origin_body(size))
                    self.assertTrue(client.is_closed_by_peer())

    def test_requests_of_all_sizes(self):
        client = self.client()
        for size in SIZES:
            body = origin_body(size)
            expected = (size, body_hash(body))
            for chunk in (None, 1000, 65536):
                with self.subTest(size=size, chunk=chunk):
                    self.send_body(client, body, chunk)
                    echo = client.read_response().json()
                    self.assertEqual((echo["body_length"], echo["body_hash"]), expected)

    def send_body(self, client, body, chunk):
        if chunk is None:
            client.send_request("POST", "/echo", body=body)
            return
        client.send_request("POST", "/echo", {"Transfer-Encoding": "chunked"})
        pieces = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        client.send(wire + b"0\r\n\r\n")

    def test_a_large_request(self):
        body = origin_body(LARGE)
        echo = self.client().request("PUT", "/echo", body=body).json()
        self.assertEqual(echo["body_length"], LARGE)
        whole = b"".join(self.origin.recorded())
        self.assertTrue(body in whole)

    def test_large_bodies_both_ways_at_once(self):
        upgrade = {"Connection": "upgrade", "Upgrade": "x"}
        client = self.client()
        self.assertEqual(client.get("/upgrade", upgrade).status, 101)
        sent = origin_body(5 << 20)
        sender = threading.Thread(target=client.send, args=(sent,))
        sender.start()
        self.assertTrue(client.take(len(sent)) == sent)
        sender.join()

    # ---- trailers, interim answers, expectations
    def test_trailers_of_an_answer(self):
        response = self.client().get("/bytes/100?chunked=30&trailers", {"TE": "trailers"})
        self.assertEqual(response.body, origin_body(100))
        self.assertEqual(response.trailers, [("X-Trailer", "last")])
        self.assertEqual(response.header("Trailer"), "X-Trailer")

    def test_trailers_of_a_request(self):
        client = self.client()
        client.send_request("POST", "/t", {"Transfer-Encoding": "chunked", "Trailer": "X-Sum"})
        client.send("2\r\nhi\r\n0\r\nX-Sum: 17\r\n\r\n")
        self.assertEqual(client.read_response().status, 200)
        self.assertIn(b"0\r\nX-Sum: 17\r\n\r\n", self.origin.recorded()[-1])

    def test_early_hints_reach_http_1_1_clients_alone(self):
        response = self.client().get("/bytes/9?hints")
        self.assertEqual([hint.status for hint in response.interim], [103])
        self.assertEqual(response.interim[0].header("Link"), "</style.css>; rel=preload")
        self.assertEqual(response.body, origin_body(9))
        old = self.client().request("GET", "/bytes/9?hints", version="HTTP/1.0")
        self.assertEqual((old.interim, old.body), ([], origin_body(9)))

    def test_expectation_is_met_by_the_server(self):
        client = self.client()
        client.send_request("POST", "/echo", {"Expect": "100-continue", "Content-Length": "2"})
        self.assertEqual(client.read_head()[1], 100)
        client.send("ok")
        self.assertEqual(client.read_response().json()["body_hash"], body_hash(b"ok"))

    def test_expectation_that_the_client_does_not_wait_for(self):
        response = self.client().request("POST", "/echo", {"Expect": "100-continue"}, b"hi")
        self.assertEqual(response.json()["body_length"], 2)

    def test_expectation_that_the_server_refuses(self):
        client = self.client()
        headers = {"Expect": "100-continue", "Content-Length": "1000000"}
        client.send_request("POST", "/status/413?early", headers)
        response = client.read_response()
        while response.status == 100:
            response = client.read_response()
        self.assertEqual(response.status, 413)
        self.assertEqual(response.header("Connection"), "close")
        self.assertTrue(client.is_closed_by_peer())

    def test_early_answer_while_the_upload_runs(self):
        client = self.client()
        headers = {"Content-Length": str(1 << 30)}
        client.send_request("POST", "/status/413?early", headers)

        def upload():
            try:
                for _ in range(64):
                    client.send(bytes(1 << 16))
            except OSError:
                pass  # it is cut, which is the point

        sender = threading.Thread(target=upload)
        sender.start()
        self.assertEqual(client.read_response().status, 413)
        sender.join()

    # ---- bodies that are not there
    def test_statuses_and_methods_without_a_body(self):
        client = self.client()
        for status in (204, 304):
            response = client.get(f"/status/{status}")
            self.assertEqual(response.status, status)
            self.assertEqual(response.header("Transfer-Encoding"), None)
        for target, length in (("/bytes/5000", "5000"), ("/bytes/5000?chunked", None)):
            self.assertEqual(client.request("HEAD", target).header("Content-Length"), length)
        self.assertEqual(client.get("/").text, "origin\n")

    # ---- heads
    def test_what_belongs_to_one_hop_is_removed(self):
        headers = {
            "Connection": "keep-alive, X-Private",
            "Keep-Alive": "timeout=5",
            "Proxy-Connection": "keep-alive",
            "TE": "gzip",
            "Upgrade": "h2c",
            "X-Private": "1",
            "X-Public": "2",
        }
        names = {name.lower() for name, _ in self.get_echo("/echo", headers)["headers"]}
        self.assertIn("x-public", names)
        self.assertFalse(names & {name.lower() for name in headers if name != "X-Public"})

    def get_echo(self, target, headers=()):
        return self.client().get(target, headers).json()

    def test_answer_loses_what_belongs_to_one_hop(self):
        hop = "h=Connection:X-Hop&h=X-Hop:1&h=Keep-Alive:5"
        answer = self.client().get(f"/bytes/3?{hop}&h=X-Kept:1")
        self.assertEqual(answer.all("X-Hop") + answer.all("Keep-Alive"), [])
        self.assertEqual(answer.header("X-Kept"), "1")
        self.assertEqual(answer.all("Connection"), [])

    def test_fields_keep_their_order_spelling_and_bytes(self):
        pairs = [("X-b", "2"), ("x-A", "\xe9\xff"), ("X-b", "1"), ("COOKIE", "a=b;c"), ("X-0", "")]
        seen = self.get_echo("/echo", pairs)["headers"]
        self.assertEqual([pair for pair in seen if pair[0] != "Host"], [list(p) for p in pairs])

    def test_absolute_form_becomes_origin_form(self):
        echo = self.get_echo("http://Test.example/echo", {"Host": "test.example"})
        self.assertEqual(echo["target"], "/echo")
        self.assertEqual([v for n, v in echo["headers"] if n == "Host"], ["Test.example"])

    def test_unknown_methods_pass(self):
        for method in ("BREW", "PROPFIND", "M-SEARCH", "get"):
            self.assertEqual(self.client().request(method, "/echo").json()["method"], method)

    def test_connect_is_refused(self):
        client = self.client()
        client.send("CONNECT origin:80 HTTP/1.1\r\nHost: origin:80\r\n\r\n")
        response = client.read_response()
        self.assertEqual(response.status, 405)
        self.assertIn("GET", response.header("Allow"))
        self.assertEqual(self.origin.recorded(), [])

    def test_server_that_speaks_http_1_0(self):
        wire = b"HTTP/1.0 200 OK\r\nX: y\r\n\r\n" + b"old" * 1000
        response = self.client().get(f"/hex/{wire.hex()}?close")
        self.assertEqual(response.version, "HTTP/1.1")
        self.assertEqual(response.header("Transfer-Encoding"), "chunked")
        self.assertEqual(response.body, b"old" * 1000)
        kept = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok"
        self.assertEqual(self.client().get(f"/hex/{kept.hex()}").body, b"ok")

    # ---- tunnels
    def test_upgrade_becomes_a_tunnel(self):
        client = self.client()
        headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        client.send_request("GET", "/upgrade", headers)
        client.send("early")  # before the answer has come
        response = client.read_response()
        self.assertEqual((response.status, response.header("Upgrade")), (101, "websocket"))
        self.assertEqual(response.header("Connection").lower(), "upgrade")
        self.assertEqual(client.take(5), b"early")
        for piece in (b"x", b"\x00\xff" * 500, origin_body(300_000)):
            client.send(piece)
            self.assertEqual(client.take(len(piece)), piece)
        # The client has finished; what it sent still comes back, then the end.
        client.send(b"last")
        client.socket.shutdown(1)
        self.assertEqual(client.read_to_end(), b"last")
        self.logged("/upgrade")

    def test_upgrade_that_the_server_does_not_want(self):
        headers = {"Connection": "Upgrade", "Upgrade": "websocket"}
        client = self.client()
        self.assertEqual(client.get("/bytes/5", headers).body, origin_body(5))
        self.assertEqual(client.get("/again").status, 200)


class NginxTest(http_stage.HttpTestCase):
    """nginx as server, curl as client."""

    def setUp(self):
        super().setUp()
        self.root = self.folder / "www"
        self.root.mkdir()
        self.root.chmod(0o755)
        port = free_port()
        config = self.root / "nginx.conf"
        config.write_text(NGINX.format(folder=self.root, port=port), encoding="utf-8")
        self.keep(Process([program("nginx"), "-p", self.root, "-c", config], self.folder))
        wait_until(lambda: tandem_testing.accepts(port), "nginx listens")
        self.start_lb({"nginx": f"127.0.0.1:{port}"})

    def curl(self, *arguments):
        result = subprocess.run(
            [program("curl"), "-sS", "--max-time", str(tandem_testing.TIMEOUT), *arguments],
            capture_output=True,
            check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def test_files_come_and_go_whole(self):
        ways = {"length": [], "chunks": ["-H", "Transfer-Encoding: chunked"],
                "expect": ["-H", "Expect: 100-continue"]}  # fmt: skip
        source = self.folder / "source"
        for size in (*SIZES, LARGE):
            body = origin_body(size)
            source.write_bytes(body)
            for name, how in ways.items():
                if size == 0 and name == "chunks":
                    continue  # curl 7.88 never sends the last chunk of an empty file
                with self.subTest(size=size, name=name):
                    url = self.url(f"/{name}-{size}")
                    status = self.curl("-T", source, *how, "-w", "%{http_code}", url)
                    self.assertEqual(status, b"201")
                    self.assertTrue((self.root / f"{name}-{size}").read_bytes() == body)
                    self.assertTrue(self.curl(url) == body)

    def test_compressed_ranges_conditions_and_old_clients(self):
        (self.root / "page").write_bytes(origin_body(100_000))
        page = self.url("/page")
        self.assertEqual(self.curl("--compressed", self.url("/gzip/page")), origin_body(100_000))
        self.assertEqual(self.curl("-r", "16-31", page), origin_body(32)[16:])
        self.assertEqual(self.curl("-0", page), origin_body(100_000))
        tag = re.search(rb"etag: (\S+)", self.curl("-I", page).lower())[1].decode()
        condition = ["-H", f"If-None-Match: {tag}", "-w", "%{http_code}", page]
        self.assertEqual(self.curl(*condition), b"304")

    def test_many_on_one_connection(self):
        (self.root / "page").write_bytes(b"x" * 1000)
        connects = self.curl("-w", "%{num_connects}", self.url("/page?[1-100]"))
        self.assertEqual(connects.replace(b"x", b""), b"1" + b"0" * 99)

    def test_upload_that_nginx_refuses(self):
        body = self.folder / "body"
        body.write_bytes(bytes(5_000_000))
        arguments = ["-T", str(body), "-w", "%{http_code}", "-o", "/dev/null"]
        self.assertEqual(self.curl(*arguments, self.url("/too-large")), b"413")


class BackPressureTest(http_stage.HttpTestCase):
    LIMIT = 200 << 20

    def test_a_slow_reader_costs_no_memory(self):
        origin = self.start_origin()
        self.start_lb(origin)
        for options in ("", "?chunked=65536"):
            with self.subTest(options):
                client = self.client()
                before = self.lb.resident_bytes()
                most = before
                client.send_request("GET", f"/bytes/{self.LIMIT}{options}")
                received = client.socket.recv(1000)
                total = len(received)
                while total < self.LIMIT:
                    received = client.socket.recv(1 << 20)
                    self.assertTrue(received)
                    total += len(received)
                    most = max(most, self.lb.resident_bytes())
                self.assert_memory(most - before, 8 << 20)

    def test_a_slow_server_costs_no_memory(self):
        self.start_lb(self.start_origin("frozen"))
        client = self.client()
        before = self.lb.resident_bytes()
        client.send_request("POST", "/freeze", {"Content-Length": str(self.LIMIT)})
        client.socket.setblocking(False)
        sent = 0
        refused = 0

        def is_stuck():
            nonlocal sent, refused
            try:
                sent += client.socket.send(bytes(1 << 16))
                refused = 0
            except BlockingIOError:
                refused += 1
            return refused > 20

        wait_until(is_stuck, "nothing more is taken")
        self.assertLess(sent, self.LIMIT)
        self.assert_memory(self.lb.resident_bytes() - before, 8 << 20)


if __name__ == "__main__":
    tandem_testing.main()
