"""Answers that are compressed on their way to clients: decoded by curl, Python's gzip and brotli,
with scripted origins, nginx and hand-made servers behind."""

import functools
import gzip
import socket
import subprocess
import threading
import zlib

import brotli
import http_stage
import tandem_testing
from tandem_testing import HttpClient, Process, Truncated, free_port, program, wait_until

SIZES = (0, 1, 100, 1023, 1024, 16384, 65536, 100_000, 1 << 20)
LARGE = 64 << 20

origin_body = functools.cache(tandem_testing.origin_body)

GZIP = {"Accept-Encoding": "gzip"}
BR = {"Accept-Encoding": "br"}
BROWSER = {"Accept-Encoding": "gzip, deflate, br, zstd"}

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; root {folder}/www;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; default_type application/octet-stream;
  types {{ text/html html; image/png png; application/json json; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ }}
    location /gzip/ {{ alias {folder}/www/; gzip on; gzip_min_length 1; }}
    location /vary/ {{ alias {folder}/www/; add_header Vary "Cookie, Accept-Encoding"; }}
    location /fixed/ {{ alias {folder}/www/; add_header Cache-Control "public, no-transform"; }}
    location /missing {{ return 404 "no such thing, said at some length ................"; }}
  }}
}}
"""


def decode(response):
    """The body without its coding; the decoders are strict about the end."""
    coding = response.header("Content-Encoding")
    if coding == "gzip":
        return gzip.decompress(response.body)
    if coding == "br":
        return brotli.decompress(response.body)
    return response.body


def varies(response):
    return "accept-encoding" in ", ".join(response.all("Vary")).lower()


class AnswersTest(http_stage.HttpTestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin(record=True)
        self.start_lb(self.origin, frontend={"compression": True}, nbthread=2)

    def test_the_coding_that_the_client_likes_best(self):
        client = self.client()
        for field, expected in (
            ("gzip, deflate, br, zstd", "br"),
            ("gzip", "gzip"),
            ("br;q=0.5, gzip;q=0.9", "gzip"),
            ("br;q=0, *", "gzip"),
            ("identity, gzip;q=0.5", None),
            ("deflate", None),
            ("gzip;q=0, br;q=0", None),
            (None, None),
        ):
            with self.subTest(field=field):
                headers = {"Accept-Encoding": field} if field else {}
                response = client.get("/bytes/5000", headers)
                self.assertEqual(response.header("Content-Encoding"), expected)
                self.assertEqual(decode(response), origin_body(5000))
                self.assertTrue(varies(response))
                self.assertEqual(response.header("Content-Length") is None, expected is not None)

    def test_bytes_are_the_same_whatever_the_size_and_framing(self):
        client = self.client()
        for size in SIZES:
            for framing in ("", "?chunked=100", "?chunked=65536", "?until-close"):
                for headers in (GZIP, BR):
                    with self.subTest(size=size, framing=framing, **headers):
                        response = client.get(f"/bytes/{size}{framing}", headers)
                        self.assertTrue(decode(response) == origin_body(size))
                        compressed = response.header("Content-Encoding") is not None
                        self.assertEqual(compressed, framing != "" or size >= 1024)
                        if compressed:
                            self.assertEqual(response.header("Transfer-Encoding"), "chunked")
                            if size >= 1024:
                                self.assertLess(len(response.body), size / 2)

    def test_many_at_once_on_many_connections(self):
        def ask(failures):
            with HttpClient(self.port) as client:
                for number in range(30):
                    size = 1024 + number * 3001
                    response = client.get(f"/bytes/{size}", BROWSER if number % 2 else GZIP)
                    if decode(response) != origin_body(size):
                        failures.append(number)

        failures = []
        threads = [threading.Thread(target=ask, args=(failures,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_trailers_come_behind(self):
        response = self.client().get("/bytes/5000?chunked=1000&trailers", GZIP)
        self.assertEqual(decode(response), origin_body(5000))
        self.assertEqual(response.trailers, [("X-Trailer", "last")])
        self.assertEqual(response.header("Trailer"), "X-Trailer")

    def test_http_1_0_gets_the_answer_as_it_is(self):
        with HttpClient(self.port) as client:
            response = client.request("GET", "/bytes/5000", GZIP, version="HTTP/1.0")
            self.assertEqual(response.header("Content-Encoding"), None)
            self.assertEqual(response.body, origin_body(5000))
            self.assertTrue(varies(response))

    def test_what_is_not_to_be_touched(self):
        for option in ("h=Content-Encoding:br", "h=Cache-Control:no-transform",
                       "h=Content-Range:bytes%200-4999/9000", "status=206", "status=404",
                       "h=ETag:unquoted", "h=Content-Digest:sha-256=:x:"):  # fmt: skip
            with self.subTest(option):
                response = self.client().get(f"/bytes/5000?{option}", GZIP)
                self.assertEqual(response.body, origin_body(5000))
                self.assertEqual(response.header("Content-Length"), "5000")
                self.assertFalse(varies(response))
        client = self.client()
        response = client.get("/bytes/5000", {**GZIP, "Cache-Control": "no-transform"})
        self.assertEqual(response.body, origin_body(5000))
        self.assertEqual(client.get("/bytes/5000?status=204", GZIP).body, b"")

    def test_a_truncated_answer_shows(self):
        for coding in ("gzip", "br"):
            for option in ("cut=60000", "chunked=1000&cut=60000", "reset=60000"):
                with self.subTest(coding=coding, option=option), HttpClient(self.port) as client:
                    client.send_request("GET", f"/bytes/100000?{option}",
                                        {"Accept-Encoding": coding})  # fmt: skip
                    self.assertIn(("Content-Encoding", coding), client.read_head()[3])
                    body = b""
                    with self.assertRaises((Truncated, ConnectionResetError)):
                        while size := int(client.take_until(b"\r\n"), 16):
                            body += client.take(size)
                            client.take(2)
                    with self.assertRaises((EOFError, zlib.error, brotli.error)):
                        gzip.decompress(body) if coding == "gzip" else brotli.decompress(body)

    def test_figures(self):
        client = self.client()
        sent = sum(len(client.get(f"/bytes/{size}", GZIP).body) for size in (5000, 70000))
        client.get("/bytes/5000")
        client.close()
        for proxy, service in (("www", "FRONTEND"), ("app", "BACKEND")):
            wait_until(lambda p=proxy, s=service:
                       self.lb.control.row(p, s)["comp_rsp"] == "2", "both are counted")  # fmt: skip
            row = self.lb.control.row(proxy, service)
            self.assertEqual(row["comp_in"], "75000")
            self.assertEqual(row["comp_out"], str(sent))
            self.assertEqual(row["comp_byp"], "0")
        metrics = tandem_testing.get(self.lb.admin_port, "/metrics").text
        for line in (
            'tandem_frontend_compression_responses_total{frontend="www"} 2',
            'tandem_frontend_compression_bytes_in_total{frontend="www"} 75000',
            f'tandem_backend_compression_bytes_out_total{{backend="app"}} {sent}',
            'tandem_backend_compression_bytes_bypassed_total{backend="app"} 0',
            'tandem_compressors{state="used"} 0',
            'haproxy_frontend_http_comp_responses_total{proxy="www"} 2',
        ):
            self.assertIn(line + "\n", metrics)


class SettingsTest(http_stage.HttpTestCase):
    def test_nothing_happens_without_it(self):
        self.start_lb(self.start_origin())
        response = self.client().get("/bytes/5000", BROWSER)
        self.assertEqual(response.body, origin_body(5000))
        self.assertFalse(varies(response))
        metrics = tandem_testing.get(self.lb.admin_port, "/metrics").text
        self.assertFalse("_compression_" in metrics)

    def test_algo_type_size_and_level_are_as_written(self):
        settings = {"algo": "gzip", "type": "text/plain", "min-size": 6000, "level": 9}
        self.start_lb(self.start_origin(), frontend={"compression": settings})
        client = self.client()
        self.assertEqual(client.get("/bytes/5999", BROWSER).body, origin_body(5999))
        self.assertFalse(varies(client.get("/bytes/5999", BROWSER)))
        response = client.get("/bytes/60000", BROWSER)
        self.assertEqual(response.header("Content-Encoding"), "gzip")
        thorough = len(response.body)
        self.lb.stop()
        settings = {"algo": ["gzip", "br"], "type": ["text/*"], "min-size": 0, "level": 1}
        self.start_lb(self.start_origin(), frontend={"compression": settings})
        response = self.client().get("/bytes/60000", BROWSER)
        self.assertEqual(response.header("Content-Encoding"), "gzip")
        self.assertGreater(len(response.body), thorough)

    def test_offload_hides_what_clients_take_from_servers(self):
        for offload in (False, True):
            origin = self.start_origin(f"offload{offload}", record=True)
            self.start_lb(origin, backend={"compression": {"offload": offload}})
            response = self.client().get("/bytes/5000", GZIP)
            self.assertEqual(response.header("Content-Encoding"), "gzip")
            seen = b"accept-encoding: gzip" in b"".join(origin.recorded()).lower()
            self.assertEqual(seen, not offload)
            self.lb.stop()

    def test_the_backend_comes_first_as_a_whole_then_the_frontend_then_defaults(self):
        for backend, frontend, defaults, expected in (
            ({"algo": "gzip"}, {"algo": "br"}, None, "gzip"),
            (False, True, True, None),
            (None, {"algo": "br"}, False, "br"),
            (None, False, True, None),
            (None, None, {"algo": "gzip"}, "gzip"),
        ):
            given = [{} if what is None else {"compression": what}
                     for what in (backend, frontend, defaults)]  # fmt: skip
            with self.subTest(given):
                self.start_lb(self.start_origin(), backend=given[0], frontend=given[1],
                              defaults=given[2])  # fmt: skip
                response = self.client().get("/bytes/5000", BROWSER)
                self.assertEqual(response.header("Content-Encoding"), expected)
                self.lb.stop()

    def test_the_log_tells_the_coding(self):
        origin = self.start_origin()
        path = self.folder / "json.log"
        self.start_lb(origin, frontend={"compression": True},
                      settings={"log": {"access": {"format": "json",
                                                   "target": f"file:{path}"}}})  # fmt: skip
        size = len(self.client().get("/bytes/5000", GZIP).body)
        wait_until(lambda: path.exists() and path.read_text(encoding="utf-8"), "a line is there")
        self.assertIn(f'"compression":"gzip","compression_in":5000,"compression_out":{size},',
                      path.read_text(encoding="utf-8"))  # fmt: skip


class NginxTest(http_stage.HttpTestCase):
    def setUp(self):
        super().setUp()
        root = self.folder / "www"
        root.mkdir()
        self.page = origin_body(200_000)
        for name in ("page.html", "picture.png", "data.json"):
            (root / name).write_bytes(self.page)
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(NGINX.format(folder=self.folder, port=port), encoding="utf-8")
        nginx = Process([program("nginx"), "-c", config, "-e", "stderr"], self.folder)
        self.addCleanup(nginx.stop)
        wait_until(lambda: tandem_testing.accepts(port), "nginx listens")
        self.start_lb({"web1": f"127.0.0.1:{port}"}, frontend={"compression": True})

    def curl(self, *arguments):
        command = [program("curl"), "-sS", "--max-time", "60", *map(str, arguments)]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def test_curl_decodes_what_it_gets(self):
        for coding in ("gzip", "br", "gzip, br", "deflate"):
            with self.subTest(coding):
                accept = ["--compressed", "-H", f"Accept-Encoding: {coding}"]
                self.assertTrue(self.curl(*accept, self.url("/page.html")) == self.page)
        size = int(self.curl("--compressed", "-w", "%{size_download}", "-o", "/dev/null",
                             self.url("/page.html")))  # fmt: skip
        self.assertLess(size, 100_000)

    def test_types_and_statuses(self):
        client = self.client()
        self.assertEqual(client.get("/data.json", BROWSER).header("Content-Encoding"), "br")
        for target in ("/picture.png", "/missing"):
            response = client.get(target, BROWSER)
            self.assertEqual(response.header("Content-Encoding"), None)
            self.assertFalse(varies(response))

    def test_tags_become_weak_and_still_save_the_second_answer(self):
        client = self.client()
        plain = client.get("/page.html")
        packed = client.get("/page.html", GZIP)
        tag = plain.header("ETag")
        self.assertTrue(tag.startswith('"'))
        self.assertEqual(packed.header("ETag"), f"W/{tag}")
        self.assertEqual(packed.header("Accept-Ranges"), None)
        self.assertEqual(plain.header("Accept-Ranges"), "bytes")
        for held in (tag, f"W/{tag}"):
            again = client.get("/page.html", {**GZIP, "If-None-Match": held})
            self.assertEqual(again.status, 304)
            self.assertEqual(again.header("ETag"), held)

    def test_ranges_are_of_the_plain_bytes(self):
        client = self.client()
        part = client.get("/page.html", {**BROWSER, "Range": "bytes=100-299"})
        self.assertEqual((part.status, part.body), (206, self.page[100:300]))
        self.assertTrue(part.header("ETag").startswith('"'))
        # A weak tag is no condition for a part: the whole comes, and compressed.
        weak = client.get("/page.html", GZIP).header("ETag")
        whole = client.get("/page.html", {**GZIP, "Range": "bytes=0-9", "If-Range": weak})
        self.assertEqual(whole.status, 200)
        self.assertTrue(decode(whole) == self.page)
        beyond = client.get("/page.html", {**GZIP, "Range": "bytes=900000-"})
        self.assertEqual((beyond.status, beyond.header("Content-Encoding")), (416, None))

    def test_what_nginx_compresses_or_forbids_stays(self):
        client = self.client()
        packed = client.get("/gzip/page.html", GZIP)
        self.assertEqual(packed.all("Content-Encoding"), ["gzip"])
        self.assertTrue(decode(packed) == self.page)
        fixed = client.get("/fixed/page.html", BROWSER)
        self.assertTrue(fixed.body == self.page)
        varied = client.get("/vary/page.html", GZIP)
        self.assertEqual(varied.all("Vary"), ["Cookie, Accept-Encoding"])
        self.assertTrue(decode(varied) == self.page)

    def test_head_tells_what_get_would(self):
        client = self.client()
        for headers in (GZIP, BROWSER, {}, {**GZIP, "Range": "bytes=0-9"}):
            get = client.get("/page.html", headers)
            head = client.request("HEAD", "/page.html", headers)
            for name in ("Content-Encoding", "ETag", "Vary", "Content-Type", "Accept-Ranges",
                         "Content-Length"):  # fmt: skip
                with self.subTest(headers=headers, name=name):
                    self.assertEqual(head.all(name), get.all(name))


class HandMadeServer:
    """A server that answers one request with a head and then what the test tells it to."""

    def __init__(self, test):
        self.listener = socket.create_server(("127.0.0.1", 0))
        test.addCleanup(self.listener.close)
        self.listener.settimeout(tandem_testing.TIMEOUT)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.test = test

    def accept(self, head):
        connection, _ = self.listener.accept()
        self.test.addCleanup(connection.close)
        connection.settimeout(tandem_testing.TIMEOUT)
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        connection.sendall(head)
        return connection


class StreamTest(http_stage.HttpTestCase):
    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    def test_each_event_of_a_slow_stream_arrives(self):
        decoders = {"gzip": lambda: zlib.decompressobj(31).decompress,
                    "br": lambda: brotli.Decompressor().process}  # fmt: skip
        for coding, make_decoder in decoders.items():
            with self.subTest(coding):
                server = HandMadeServer(self)
                self.start_lb({"web1": server.address},
                              frontend={"compression": {"type": "text/event-stream"}})  # fmt: skip
                client = self.client()
                client.send_request(headers={"Accept-Encoding": coding})
                connection = server.accept(self.HEAD)
                head = client.read_head()
                self.assertIn(("Content-Encoding", coding), head[3])
                decoder = make_decoder()
                for number in range(20):
                    event = b"data: %d\n\n" % number
                    connection.sendall(b"%x\r\n%b\r\n" % (len(event), event))
                    seen = b""
                    while seen != event:  # the next one is sent only when this has been seen
                        seen += decoder(client.take(int(client.take_until(b"\r\n"), 16)))
                        self.assertEqual(client.take(2), b"\r\n")
                        self.assertTrue(event.startswith(seen))
                connection.sendall(b"0\r\n\r\n")
                while size := int(client.take_until(b"\r\n"), 16):
                    self.assertEqual(decoder(client.take(size)), b"")
                    client.take(2)
                self.lb.stop()


class Http2Test(http_stage.HttpTestCase):
    """The same for clients of HTTP/2: curl, by prior knowledge."""

    def command(self, path, *arguments):
        return [program("curl"), "-sS", "-N", "--max-time", "60", "--http2-prior-knowledge",
                *arguments, f"http://127.0.0.1:{self.port}{path}"]  # fmt: skip

    def curl(self, path, *arguments):
        return subprocess.run(self.command(path, *arguments), check=False, capture_output=True)

    def test_bytes_are_the_same_whatever_the_size_and_framing(self):
        self.start_lb(self.start_origin(), frontend={"compression": True})
        for size in (0, 1, 1024, 70_000, 1 << 20):
            for framing in ("", "?chunked=1000", "?until-close", "?chunked=5000&trailers"):
                for coding in ("gzip", "br"):
                    with self.subTest(size=size, framing=framing, coding=coding):
                        done = self.curl(f"/bytes/{size}{framing}", "--compressed",
                                         "-H", f"Accept-Encoding: {coding}")  # fmt: skip
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.assertTrue(done.stdout == origin_body(size))

    def test_heads_say_what_has_been_done(self):
        self.start_lb(self.start_origin(), frontend={"compression": True})
        tag = "/bytes/5000?h=ETag:%22a%22"
        for method in ("GET", "HEAD"):
            how = ["-I"] if method == "HEAD" else ["-D", "-", "-o", "/dev/null"]
            head = self.curl(tag, *how, "-H", "Accept-Encoding: gzip").stdout
            for line in (b"HTTP/2 200", b"content-encoding: gzip\r\n", b'etag: W/"a"\r\n',
                         b"vary: Accept-Encoding\r\n"):  # fmt: skip
                self.assertIn(line, head)
            self.assertNotIn(b"content-length", head)

    def test_a_truncated_answer_shows(self):
        self.start_lb(self.start_origin(), frontend={"compression": True})
        done = self.curl("/bytes/500000?cut=200000", "--compressed")
        self.assertEqual(done.returncode, 92, done.stderr)  # the stream was reset

    def test_each_event_of_a_slow_stream_arrives(self):
        for coding in ("gzip", "br"):
            server = HandMadeServer(self)
            self.start_lb({"web1": server.address},
                          frontend={"compression": {"type": "text/event-stream"}})  # fmt: skip
            command = self.command("/", "--compressed", "-H", f"Accept-Encoding: {coding}")
            with subprocess.Popen(command, stdout=subprocess.PIPE) as client:
                connection = server.accept(StreamTest.HEAD)
                for number in range(20):
                    event = b"data: %d\n\n" % number
                    connection.sendall(b"%x\r\n%b\r\n" % (len(event), event))
                    self.assertEqual(client.stdout.read(len(event)), event)
                connection.sendall(b"0\r\n\r\n")
                self.assertEqual(client.stdout.read(), b"")
            self.assertEqual(client.returncode, 0)
            self.lb.stop()


class BackPressureTest(http_stage.HttpTestCase):
    def test_a_slow_reader_costs_no_memory_and_gets_every_byte(self):
        origin = self.start_origin()
        self.start_lb(origin, frontend={"compression": {"level": 1}})
        for headers, decoder in ((GZIP, zlib.decompressobj(31).decompress),
                                 (BR, brotli.Decompressor().process)):  # fmt: skip
            with self.subTest(**headers), HttpClient(self.port) as client:
                client.send_request("GET", f"/bytes/{LARGE}", headers)
                client.read_head()
                before = most = self.lb.resident_bytes()
                length = crc = 0
                while size := int(client.take_until(b"\r\n"), 16):
                    plain = decoder(client.take(size))
                    client.take(2)
                    length += len(plain)
                    crc = zlib.crc32(plain, crc)
                    most = max(most, self.lb.resident_bytes())
                self.assertEqual(length, LARGE)
                self.assertEqual(crc, zlib.crc32(origin_body(LARGE)))
                self.assert_memory(most - before, 8 << 20)

    def test_a_client_that_stops_reading_stops_the_server(self):
        served = []
        server = HandMadeServer(self)
        self.start_lb({"web1": server.address}, frontend={"compression": True})
        client = self.client()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        client.send_request(headers=GZIP)
        connection = server.accept(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        noise = zlib.compress(origin_body(1 << 20), 9) * 40  # cannot be made smaller

        def serve():
            try:
                while True:
                    connection.sendall(noise)
                    served.append(len(noise))
            except OSError:
                served.append(None)

        sender = threading.Thread(target=serve)
        sender.start()
        last, since = -1, 0

        def stands_still():
            nonlocal last, since
            count = len(served)
            since = since + 1 if count == last else 0
            last = count
            return since > 30

        wait_until(stands_still, "the server is held back")
        self.assertNotIn(None, served)
        client.close()
        wait_until(lambda: served and served[-1] is None, "the server's connection is ended")
        sender.join()


if __name__ == "__main__":
    tandem_testing.main()
