"""HTTP/2 as real clients speak it: curl, nghttp, h2load; streams side by side; draining; logs."""

import hashlib
import json
import re
import signal
import subprocess
import unittest

import h2_frames as h2
import h2_stage
import tandem_testing
from h2_frames import Code, H2Client
from tandem_testing import body_hash, origin_body, program, wait_until

LARGE = 10 << 20
ENABLE_CONNECT_PROTOCOL = 8  # RFC 8441 section 3


def run(*arguments, **options):
    return subprocess.run([str(argument) for argument in arguments], capture_output=True,
                          timeout=3 * tandem_testing.TIMEOUT, check=False, **options)  # fmt: skip


class RealClientsTest(h2_stage.Http2TestCase):
    def setUp(self):
        super().setUp()
        self.start_lb(self.start_origin("web1"), with_tls=True)
        self.plain = f"http://127.0.0.1:{self.port}"
        self.secure = f"https://{h2_stage.NAME}:{self.tls_port}"

    def curl(self, *arguments):
        done = run(program("curl"), "-sS", "--cacert", self.authority.pem, "--resolve",
                   f"{h2_stage.NAME}:{self.tls_port}:127.0.0.1", *arguments)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ways(self):
        return (("--http2-prior-knowledge", self.plain), ("--http2", self.secure))

    def test_curl_gets_and_posts(self):
        body = self.folder / "body"
        body.write_bytes(origin_body(LARGE))
        wanted = hashlib.md5(body.read_bytes()).hexdigest()
        for option, url in self.ways():
            with self.subTest(url):
                version = self.curl(option, "-o", self.folder / "got", "-w", "%{http_version}",
                                    f"{url}/bytes/{LARGE}")  # fmt: skip
                self.assertEqual(version, b"2")
                got = hashlib.md5((self.folder / "got").read_bytes()).hexdigest()
                self.assertEqual(got, wanted)
                echo = json.loads(self.curl(option, "--data-binary", f"@{body}", f"{url}/echo"))
                self.assertEqual(echo["body_length"], LARGE)
                self.assertEqual(echo["body_hash"], body_hash(body.read_bytes()))
                self.assertEqual(echo["version"], "HTTP/1.1")

    def test_curl_uploads_without_a_length(self):
        body = origin_body(300_000)
        for option, url in self.ways():
            with self.subTest(url):
                done = run(program("curl"), "-sS", option, "--cacert", self.authority.pem,
                           "--resolve", f"{h2_stage.NAME}:{self.tls_port}:127.0.0.1",
                           "-T", "-", f"{url}/echo", input=body)  # fmt: skip
                echo = json.loads(done.stdout)
                self.assertEqual((echo["method"], echo["body_hash"]), ("PUT", body_hash(body)))

    def test_curl_asks_for_many_at_once(self):
        # By ALPN alone: curl 7.88 stumbles over itself with --parallel and prior knowledge.
        out = self.curl("--http2", "--parallel", "--parallel-max", "50",
                        f"{self.secure}/bytes/[1000-1199]")  # fmt: skip
        self.assertEqual(len(out), sum(range(1000, 1200)))

    def test_curl_asks_for_the_head_alone(self):
        for option, url in self.ways():
            head = self.curl(option, "-I", f"{url}/bytes/5000").decode()
            self.assertTrue(head.startswith("HTTP/2 200"), head)
            self.assertIn("content-length: 5000", head)

    def test_curl_that_asks_for_an_upgrade_is_answered_in_http_1(self):
        version = self.curl("--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
                            f"{self.plain}/bytes/10")  # fmt: skip
        self.assertEqual(version, b"1.1 200")

    def test_both_versions_on_one_address(self):
        for option, version in (("--http1.1", b"1.1"), ("--http2-prior-knowledge", b"2")):
            self.assertEqual(self.curl(option, "-o", "/dev/null", "-w", "%{http_version}",
                                       f"{self.plain}/bytes/10"), version)  # fmt: skip
        for option, version in (("--http1.1", b"1.1"), ("--http2", b"2")):
            self.assertEqual(self.curl(option, "-o", "/dev/null", "-w", "%{http_version}",
                                       f"{self.secure}/bytes/10"), version)  # fmt: skip

    def test_nghttp(self):
        body = self.folder / "body"
        body.write_bytes(origin_body(100_000))
        for url in (self.plain, f"https://127.0.0.1:{self.tls_port}"):
            with self.subTest(url):
                done = run(program("nghttp"), "-ansv", "-y", f"{url}/bytes/100000", f"{url}/bytes/0",
                           f"{url}/status/404")  # fmt: skip
                text = done.stdout.decode()
                self.assertEqual(done.returncode, 0, text)
                self.assertEqual(sorted(re.findall(r":status: (\d+)", text)), ["200", "200", "404"])
                self.assertEqual(len(re.findall(r"; END_STREAM", text)) >= 3, True)
                self.assertIn("recv GOAWAY" if "recv GOAWAY" in text else "send GOAWAY", text)
                done = run(program("nghttp"), "-y", "-d", body, "--trailer", "x-sum: 1", f"{url}/echo")
                self.assertEqual(json.loads(done.stdout)["body_hash"], body_hash(body.read_bytes()))

    def h2load(self, url, requests, *arguments):
        done = run(program("h2load"), "-n", requests, *arguments, url)
        text = done.stdout.decode()
        self.assertRegex(text, rf"requests: {requests} total, {requests} started, {requests} done, "
                               rf"{requests} succeeded, 0 failed, 0 errored, 0 timeout")  # fmt: skip
        return text

    def test_h2load(self):
        for url in (self.plain, f"https://127.0.0.1:{self.tls_port}"):
            with self.subTest(url):
                self.h2load(f"{url}/bytes/1000", 5000, "-c", "4", "-m", "100")
                self.h2load(f"{url}/bytes/200000", 200, "-c", "2", "-m", "50")
                self.h2load(f"{url}/status/204", 1000, "-c", "1", "-m", "100")
        stats = self.origin.stats()
        self.assertEqual(stats["in_flight"], 0)

    def test_h2load_with_bodies_and_small_windows(self):
        body = self.folder / "body"
        body.write_bytes(origin_body(20_000))
        self.h2load(f"{self.plain}/echo", 500, "-c", "4", "-m", "50", "-d", body)
        self.h2load(f"{self.plain}/bytes/100000", 100, "-c", "2", "-m", "20", "-w", "10", "-W", "14")


class StreamsTest(h2_stage.Http2TestCase):
    """Streams of one connection do not stand in each other's way."""

    def setUp(self):
        super().setUp()
        self.start_lb(self.start_origin("web1"))

    def test_a_download_that_nobody_reads_stops_no_other(self):
        client = self.client()
        slow = client.request(path=f"/bytes/{LARGE}")
        client.held.add(slow.number)
        client.wait_for(lambda: slow.received == h2.DEFAULT_WINDOW, "its window is used up")
        for _ in range(2):
            others = [client.request(path="/bytes/300000") for _ in range(20)]
            for other in others:
                self.assertEqual(client.finish(other).body, origin_body(300000))
        self.assertFalse(slow.is_over)
        self.assertEqual(slow.received, h2.DEFAULT_WINDOW)
        client.held.clear()
        client.send(h2.window_update(slow.number, LARGE))
        self.assertEqual(len(client.finish(slow).body), LARGE)

    def test_an_upload_that_the_server_does_not_read_stops_no_other(self):
        client = self.client()
        stuck = client.request("POST", "/freeze", end=False)
        piece = b"x" * 16384

        def is_stuck():
            room = min(client.send_window, stuck.send_window)
            if room >= len(piece):
                client.send_data(stuck, piece, end=False)
                return False
            return client.is_alive() and min(client.send_window, stuck.send_window) < len(piece)

        wait_until(is_stuck, "no more windows come")
        self.assertGreater(client.send_window, 0, "one stream holds the whole connection")
        for _ in range(5):
            answer = client.finish(client.request("POST", "/echo", body=origin_body(20000)))
            self.assertEqual(answer.status, 200)
        client.send(h2.reset(stuck.number))
        answer = client.finish(client.request("POST", "/echo", body=origin_body(1 << 20)))
        self.assertEqual(answer.status, 200, "the window of the stream that was reset is back")

    def test_uploads_and_downloads_at_once(self):
        client = self.client()
        body = origin_body(1 << 20)
        downloads = [client.request(path=f"/bytes/{1 << 20}") for _ in range(5)]
        uploads = [client.request("POST", "/echo", body=body) for _ in range(5)]
        for stream in downloads:
            self.assertEqual(client.finish(stream).body, body)
        for stream in uploads:
            self.assertIn(body_hash(body).encode(), client.finish(stream).body)

    def test_windows_of_uploads_that_were_cut_short_come_back(self):
        # Together far more than the window of the connection: none of it may stay taken.
        client = self.client()
        client.wait_for(lambda: client.settings_seen, "SETTINGS come")
        body = origin_body(60_000)
        for _ in range(60):
            stream = client.request("POST", "/bytes/10?early", end=False)
            client.send_data(stream, body, end=False)
            client.finish(stream)
            self.assertIn(stream.status, (200, 502))
            reset = client.request("POST", "/freeze", end=False)
            client.send_data(reset, body, end=False)
            client.send(h2.reset(reset.number))
        answer = client.finish(client.request("POST", "/echo", body=origin_body(2 << 20)))
        self.assertEqual(answer.status, 200)

    def test_windows_that_padding_used_come_back(self):
        client = self.client()
        stream = client.request("POST", "/echo", end=False)
        padded = bytes([255]) + b"x" * 100 + bytes(255)
        for _ in range(6000):  # of which more than two megabytes are padding
            client.wait_for(lambda: min(client.send_window, stream.send_window) >= len(padded),
                            "a window opens")  # fmt: skip
            client.send_window -= len(padded)
            stream.send_window -= len(padded)
            self.assertTrue(client.send(h2.data(stream.number, padded, h2.PADDED)))
        client.send(h2.data(stream.number))
        answer = client.finish(stream)
        self.assertIn(b'"body_length": 600000', answer.body)

    def test_a_server_that_waits_stops_no_other(self):
        client = self.client()
        frozen = client.request(path="/freeze")
        for _ in range(50):
            self.assertEqual(client.get("/bytes/100").status, 200)
        self.assertFalse(frozen.is_over)

    def test_streams_wait_in_the_queue_of_a_server(self):
        self.lb.stop()
        self.start_lb(self.origin, server={"maxconn": 2})
        client = self.client()
        self.origin.forget_peak()
        streams = [client.request(path="/bytes/100?delay=10") for _ in range(40)]
        for stream in streams:
            self.assertEqual(client.finish(stream).status, 200)
        self.assertLessEqual(self.origin.stats()["peak_in_flight"], 2)


class WebSocketTest(h2_stage.Http2TestCase):
    """Tunnels by extended CONNECT (RFC 8441)."""

    def setUp(self):
        super().setUp()
        self.start_lb(self.start_origin("web1"), log="httplog")

    def tunnel(self, path="/upgrade", **pseudo):
        client = self.client()
        client.wait_for(lambda: client.settings_seen, "SETTINGS come")
        self.assertEqual(client.peer_settings.get(ENABLE_CONNECT_PROTOCOL), 1)
        number = client.take_stream()
        fields = h2.request_fields("CONNECT", path, **pseudo)
        fields.insert(1, (":protocol", "websocket"))
        fields.append(("sec-websocket-version", "13"))
        client.send(h2.headers(number, h2.block(fields), h2.END_HEADERS))
        return client, client.stream(number)

    def test_bytes_go_both_ways(self):
        client, stream = self.tunnel()
        client.wait_for(lambda: stream.status, "the tunnel opens")
        self.assertEqual(stream.status, 200)
        sent = b""
        for size in (1, 10, 70_000, 300_000):
            sent += origin_body(size)
            client.send_data(stream, origin_body(size), end=False)
            client.wait_for(lambda: len(stream.body) >= len(sent), "it comes back")
        self.assertEqual(stream.body, sent)
        self.assertFalse(stream.is_over)
        self.assertEqual(client.get("/bytes/100").status, 200, "beside the tunnel")
        client.send(h2.data(stream.number))
        client.finish(stream)

    def test_a_tunnel_that_is_reset_lets_the_server_go(self):
        client, stream = self.tunnel()
        client.wait_for(lambda: stream.status, "the tunnel opens")
        client.send(h2.reset(stream.number))
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "0", "it is let go")
        self.assertTrue(client.is_alive())

    def test_a_server_that_does_not_agree_opens_no_tunnel(self):
        # To the client 2xx would say that there is one.
        for path in ("/bytes/100", "/status/204", "/bytes/100?chunked"):
            with self.subTest(path):
                client, stream = self.tunnel(path)
                client.wait_for(lambda s=stream: s.status or s.is_over, "an answer comes")
                self.assertFalse(200 <= (stream.status or 502) < 300, stream)
        for path in ("/status/404", "/status/403"):
            with self.subTest(path):
                client, stream = self.tunnel(path)
                client.finish(stream)
                self.assertEqual(str(stream.status), path[-3:])


class EndsTest(h2_stage.Http2TestCase):
    """How connections end, and what is told of them."""

    def start(self, **options):
        self.start_lb(self.start_origin("web1"), **options)

    def test_draining_lets_streams_finish(self):
        self.start(settings={"global": {"grace": "20s"}})
        client = self.client()
        streams = [client.request(path=f"/bytes/{200000}?delay={delay}") for delay in (300, 600)]
        upload = client.request("POST", "/echo", body=b"first", end=False)
        wait_until(lambda: self.origin.stats()["in_flight"] == 3, "all are under way")
        self.lb.signal(signal.SIGTERM)
        client.wait_for(lambda: client.goaways, "GOAWAY comes")
        self.assertEqual(client.error, Code.NO_ERROR)
        self.assertGreaterEqual(client.goaways[-1][0], upload.number)
        for stream in streams:
            self.assertEqual(client.finish(stream).body, origin_body(200000))
        client.send_data(upload, b" second")
        self.assertIn(body_hash(b"first second").encode(), client.finish(upload).body)
        self.assertTrue(client.wait_for_end())
        self.assertEqual(self.lb.wait(), 0)

    def test_draining_ends_an_idle_connection_at_once(self):
        self.start(settings={"global": {"grace": "20s"}})
        client = self.client()
        self.assertEqual(client.get("/bytes/10").status, 200)
        self.lb.signal(signal.SIGTERM)
        self.assertTrue(client.wait_for_end())
        self.assertEqual(client.error, Code.NO_ERROR)
        self.assertEqual(self.lb.wait(), 0)

    def test_draining_ends_what_does_not_end(self):
        self.start(settings={"global": {"grace": "300ms"}})
        client = self.client()
        streams = [client.request(path="/freeze") for _ in range(5)]
        wait_until(lambda: self.origin.stats()["in_flight"] == 5, "all are under way")
        self.lb.signal(signal.SIGTERM)
        self.assertEqual(self.lb.wait(), 0)
        self.assertTrue(client.wait_for_end())
        self.assertFalse(any(stream.ended for stream in streams))

    def test_streams_that_are_opened_while_draining(self):
        """GOAWAY first says that no more should come, and takes those that are on their way."""
        self.start(settings={"global": {"grace": "20s"}})
        client = self.client()
        running = client.request(path="/bytes/10?delay=400")
        wait_until(lambda: self.origin.stats()["in_flight"] == 1, "it is under way")
        self.lb.signal(signal.SIGTERM)
        late = client.request(path="/bytes/10")
        client.wait_for(lambda: client.goaways, "GOAWAY comes")
        client.finish(running)
        client.wait_for(lambda: late.is_over or client.closed, "it is taken, or named as not taken")
        if late.status is None:
            self.assertTrue(late.reset == Code.REFUSED_STREAM or client.goaways[-1][0] < late.number)
        self.assertEqual(running.status, 200)
        self.assertTrue(client.wait_for_end())
        self.assertEqual(self.lb.wait(), 0)

    def test_a_reload_breaks_no_stream(self):
        self.start()
        client = self.client()
        running = client.request(path="/bytes/100000?delay=300")
        wait_until(lambda: self.origin.stats()["in_flight"] == 1, "it is under way")
        self.lb.reload()
        self.lb.wait_for_output("reload")
        self.assertEqual(client.finish(running).body, origin_body(100000))
        if not client.goaways:
            self.assertEqual(client.get("/bytes/10").status, 200)
        self.assert_serves()

    def test_the_log_says_http_2(self):
        for log, wanted in (("json", '"protocol":"HTTP/2.0"'),
                            ("httplog", '"GET /bytes/10?h=L:1 HTTP/2.0"'), ("clf", '"GET /bytes/10?h=L:1 HTTP/2.0" 200')):  # fmt: skip
            with self.subTest(log):
                self.start(log=log)
                client = self.client()
                self.assertEqual(client.get("/bytes/10?h=L:1", [("user-agent", "me")]).status, 200)
                wait_until(lambda want=wanted: want in self.log_path.read_text(), f"{log} has it")
                self.lb.stop()
                self.log_path.unlink()

    def test_every_stream_has_a_line(self):
        self.start()
        client = self.client()
        for number in range(10):
            client.request(path=f"/bytes/{number}?h=L:{number}")
        reset = client.request(path="/freeze?h=L:frozen")
        wait_until(lambda: self.origin.stats()["in_flight"] == 1, "it is under way")
        client.send(h2.reset(reset.number))

        def lines():
            text = self.log_path.read_text(encoding="utf-8") if self.log_path.exists() else ""
            found = [line for line in map(json.loads, text.splitlines()) if "h=L:" in line["target"]]
            return len(found) == 11 and found

        found = wait_until(lines, "eleven lines")
        self.assertEqual({line["protocol"] for line in found}, {"HTTP/2.0"})
        self.assertEqual({line["host"] for line in found}, {"test.example"})
        by_target = {line["target"]: line for line in found}
        self.assertEqual(by_target["/freeze?h=L:frozen"]["termination"], "CH")
        self.assertEqual(by_target["/bytes/3?h=L:3"]["status"], 200)
        self.assertEqual(by_target["/bytes/3?h=L:3"]["termination"], "--")

    def test_metrics_tell_of_it(self):
        self.start()
        client = self.client()
        for _ in range(3):
            self.assertEqual(client.get("/bytes/1000").status, 200)
        reset = client.request(path="/freeze")
        client.send(h2.reset(reset.number))
        self.assertTrue(client.is_alive())
        offender = self.client()
        offender.send(h2.data(0, b"x"))
        self.assertTrue(offender.wait_for_end())

        def counted():
            metrics = self.lb.metrics()
            of = {name: metrics.get(f'tandem_frontend_http2_{name}{{frontend="www"}}') for name in
                  ("connections_total", "current_connections", "resets_total")}  # fmt: skip
            return of == {"connections_total": 2, "current_connections": 1, "resets_total": 1}

        wait_until(counted, "the figures are right")
        ended = {name: value for name, value in self.lb.metrics().items()
                 if name.startswith("tandem_frontend_http2_connections_ended_total") and value}  # fmt: skip
        self.assertEqual(list(ended.values()), [1.0], ended)
        self.assertNotIn("flood", str(ended))

    def test_a_request_that_is_refused_does_not_spoil_the_goodbye(self):
        self.start(defaults={"timeout": {"http-keep-alive": "300ms"}})
        client = self.client()
        client.send(h2.headers(client.take_stream(), h2.block([("X-Bad", "1")])))
        self.assertEqual(client.get("/bytes/10").status, 200)
        self.assertTrue(client.wait_for_end())
        self.assertEqual(client.error, Code.NO_ERROR)

    def test_a_connection_that_is_cut_ends_all_its_streams(self):
        self.start()
        with H2Client(self.port) as client:
            for _ in range(20):
                client.request(path="/freeze")
            wait_until(lambda: self.origin.stats()["in_flight"] == 20, "all are under way")
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "0", "all are let go")
        self.assert_serves()

    def test_rules_hold_for_every_version(self):
        self.start(
            frontend={
                "rules": [
                    {"if": {"host": "old.example"}, "redirect": {"prefix": "https://new.example"}},
                    {"if": {"path": "/robots.txt"}, "return": {"string": "User-agent: *\n"}},
                ],
                "monitor-uri": "/alive",
            }
        )
        client = self.client()
        moved = client.get("/x?y", authority="old.example")
        self.assertEqual(moved.header("location"), "https://new.example/x?y")
        self.assertEqual(client.get("/robots.txt").body, b"User-agent: *\n")
        self.assertEqual(client.get("/alive").status, 200)
        head = client.finish(client.request("HEAD", "/robots.txt"))
        self.assertEqual((head.body, head.header("content-length")), (b"", "14"))

    def test_servers_are_told_about_the_client(self):
        self.start(frontend={"forwardfor": True})
        echo = json.loads(self.client().get("/echo").body)
        names = {name.lower(): value for name, value in echo["headers"]}
        self.assertEqual(names["x-forwarded-for"], "127.0.0.1")
        self.assertEqual(names["host"], "test.example")

    def test_a_proxy_header_stands_before_the_preface(self):
        port = tandem_testing.free_port()
        bind = {"address": f"127.0.0.1:{port}", "accept-proxy": True}
        self.start(frontend={"bind": [bind], "forwardfor": True}, port=port)
        hello = b"PROXY TCP4 192.0.2.7 192.0.2.8 5000 80\r\n" + h2.PREFACE + h2.settings()
        for how in ("in one piece", "byte by byte"):
            with self.subTest(how):
                client = self.client(hello=hello if how == "in one piece" else b"")
                if how != "in one piece":
                    for byte in hello:
                        client.send(bytes([byte]))
                echo = json.loads(client.get("/echo").body)
                names = {name.lower(): value for name, value in echo["headers"]}
                self.assertEqual(names["x-forwarded-for"], "192.0.2.7")

    def test_streams_that_wait_in_a_queue_may_leave_it(self):
        self.start(server={"maxconn": 1})
        client = self.client()
        frozen = client.request(path="/freeze")
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "1", "it has the place")
        waiting = [client.request(path=f"/bytes/10?h=N:{number}") for number in range(10)]
        wait_until(lambda: self.lb.control.row("app", "BACKEND")["qcur"] == "10", "ten wait")
        for stream in waiting[:9]:
            client.send(h2.reset(stream.number))
        wait_until(lambda: self.lb.control.row("app", "BACKEND")["qcur"] == "1", "one waits")
        client.send(h2.reset(frozen.number))
        self.assertEqual(client.finish(waiting[9]).status, 200)

    def test_a_server_that_fails_is_tried_again_elsewhere(self):
        self.start()
        self.lb.stop()
        dead = tandem_testing.free_port()
        config = json.loads(self.lb.config_path.read_text())
        config["backends"]["app"]["balance"] = "first"
        config["backends"]["app"]["servers"] = {
            "dead": f"127.0.0.1:{dead}",
            "web1": self.origin.address,
        }
        self.lb = self.start_tandem(config)
        client = self.client()
        for _ in range(5):
            self.assertEqual(client.get("/bytes/10").status, 200)
        answer = client.finish(client.request("POST", "/echo", body=b"hello"))
        self.assertIn(body_hash(b"hello").encode(), answer.body)


class RetriesTest(h2_stage.Http2TestCase):
    def start(self):
        """The first server resets every request, unanswered; the other one is fine."""
        self.origin = self.start_origin("good")
        self.bad = self.start_origin("bad", force="/bytes/1?reset")
        self.start_lb(
            self.origin,
            settings={
                "backends": {
                    "app": {
                        "balance": "first",
                        "retry-on": "all-retryable-errors",
                        "retries": 2,
                        "servers": {"bad": self.bad.address, "good": self.origin.address},
                    }
                }
            },
        )

    def test_a_body_is_sent_once_more(self):
        self.start()
        client = self.client()
        for size in (0, 5, 1000, 10_000):
            body = origin_body(size)
            answer = client.finish(client.request("PUT", "/echo", body=body))
            self.assertEqual(answer.status, 200)
            echo = json.loads(answer.body)
            self.assertEqual((echo["origin"], echo["body_hash"]), ("good", body_hash(body)))
            self.assertEqual(echo["body_length"], size)

    def test_a_body_that_was_let_go_of_is_not(self):
        self.start()
        client = self.client()
        for _ in range(3):
            body = origin_body(500_000)
            answer = client.finish(client.request("PUT", "/echo", body=body))
            if answer.status == 200:  # it broke before much of it had gone
                self.assertIn(body_hash(body).encode(), answer.body)
            else:
                self.assertEqual(answer.status, 502)
        self.assertTrue(client.is_alive())


class SupportTest(unittest.TestCase):
    """The client of frames writes what the RFC shows."""

    def test_it_writes_frames(self):
        self.assertEqual(h2.settings(), b"\0\0\0\x04\0\0\0\0\0")
        self.assertEqual(h2.ping(b"abcdefgh"), b"\0\0\x08\x06\0\0\0\0\0abcdefgh")
        self.assertEqual(h2.window_update(3, 5), b"\0\0\x04\x08\0\0\0\0\x03\0\0\0\x05")
        self.assertEqual(h2.frame(0, 1, 1, b"x", length=0xFFFFFF)[:3], b"\xff\xff\xff")

    def test_it_writes_integers(self):
        # RFC 7541 appendix C.1.
        self.assertEqual(h2.indexed(10), b"\x8a")
        self.assertEqual(h2.indexed(1337), b"\xff\xba\x09")
        self.assertEqual(h2.literal("a", "b" * 127)[:5], b"\0\x01a\x7f\0")

    def test_its_blocks_are_read_by_others(self):
        import hpack

        fields = [(b":method", b"GET"), (b"x-a", b"1" * 300)]
        self.assertEqual([tuple(f) for f in hpack.Decoder().decode(h2.block(fields), raw=True)], fields)

    def test_blocks_in_pieces_are_the_same_block(self):
        whole = h2.headers_in_pieces(1, b"0123456789", 4)
        kinds, block = [], b""
        while whole:
            length = int.from_bytes(whole[:3], "big")
            kinds.append((whole[3], whole[4]))
            block, whole = block + whole[9 : 9 + length], whole[9 + length :]
        self.assertEqual(block, b"0123456789")
        self.assertEqual(kinds, [(1, 1), (9, 0), (9, 4)])


if __name__ == "__main__":
    tandem_testing.main()
