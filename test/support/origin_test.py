"""The scripted origin does what its paths say: other tests take its word as an oracle."""

import socket

import tandem_testing
from tandem_testing import HttpClient, Truncated, body_hash, get, origin_body, wait_until


class OriginTest(tandem_testing.TestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin("web1", record=True)
        self.client = HttpClient(self.origin.port)
        self.addCleanup(self.client.close)

    def test_unknown_path_answers_with_the_name(self):
        self.assertEqual(self.client.get("/").text, "web1\n")

    def test_bytes_have_the_asked_size_and_say_where_they_belong(self):
        for size in (0, 1, 15, 16, 17, 1024, 1_000_003):
            with self.subTest(size=size):
                self.assertEqual(self.client.get(f"/bytes/{size}").body, origin_body(size))

    def test_chunked_body_with_trailers(self):
        response = self.client.get("/bytes/100?chunked=30&trailers")
        self.assertEqual(response.header("Transfer-Encoding"), "chunked")
        self.assertEqual(response.body, origin_body(100))
        self.assertEqual(response.trailers, [("X-Trailer", "last")])

    def test_status_and_headers_of_choice(self):
        response = self.client.get("/status/503?h=Retry-After:%207&h=X-A:b")
        self.assertEqual((response.status, response.text), (503, "503\n"))
        self.assertEqual(response.header("Retry-After"), "7")
        self.assertEqual(response.header("X-A"), "b")

    def test_statuses_without_a_body(self):
        for status in (204, 304):
            response = self.client.get(f"/status/{status}")
            self.assertEqual((response.status, response.all("Content-Length")), (status, []))
        self.assertEqual(self.client.get("/").status, 200)

    def test_head_gets_the_head_alone(self):
        response = self.client.request("HEAD", "/bytes/50")
        self.assertEqual(response.header("Content-Length"), "50")
        self.assertEqual(self.client.get("/").text, "web1\n")

    def test_echo_reports_method_headers_and_hash_of_the_body(self):
        body = bytes(range(256)) * 10
        echo = self.client.request("POST", "/echo", {"X-Odd": 'a"\\\xe9'}, body).json()
        self.assertEqual(
            (echo["method"], echo["target"], echo["version"]), ("POST", "/echo", "HTTP/1.1")
        )
        self.assertIn(["X-Odd", 'a"\\\xe9'], echo["headers"])
        self.assertEqual((echo["body_length"], echo["body_hash"]), (2560, body_hash(body)))
        self.assertEqual((echo["origin"], echo["request"]), ("web1", 1))
        self.assertEqual(self.client.get("/echo").json()["request"], 2)

    def test_echo_reads_chunked_bodies(self):
        self.client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            "5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-T: v\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        echo = self.client.read_response().json()
        self.assertEqual((echo["body_length"], echo["body_hash"]), (6, body_hash(b"hello!")))
        self.assertEqual(self.client.read_response().text, "web1\n")

    def test_body_split_over_many_reads(self):
        self.client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le")
        for piece in ("ngth: 4\r\n", "\r\na", "b", "cd"):
            self.client.send(piece)
        self.assertEqual(self.client.read_response().json()["body_hash"], body_hash(b"abcd"))

    def test_expectation_is_met_before_the_body(self):
        self.client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        )
        self.assertEqual(self.client.read_head()[1], 100)
        self.client.send("ok")
        self.assertEqual(self.client.read_response().json()["body_length"], 2)

    def test_early_answer_does_not_wait_for_the_body(self):
        self.client.send("POST /status/413?early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        self.assertEqual(self.client.read_response().status, 413)

    def test_hints_come_first(self):
        response = self.client.get("/bytes/3?hints")
        self.assertEqual([head.status for head in response.interim], [103])
        self.assertEqual(response.body, origin_body(3))

    def test_close_until_close_and_http_1_0(self):
        for target, version in (("/?", "HTTP/1.0"), ("/bytes/9?close", "HTTP/1.1"),
                                ("/bytes/9?until-close", "HTTP/1.1")):  # fmt: skip
            with self.subTest(target=target), HttpClient(self.origin.port) as client:
                self.assertEqual(client.request("GET", target, version=version).status, 200)
                self.assertTrue(client.is_closed_by_peer())

    def test_cut_closes_in_the_middle_of_the_body(self):
        with self.assertRaises(Truncated) as caught:
            self.client.get("/bytes/100?cut=40")
        self.assertEqual(caught.exception.partial, origin_body(100)[:40])

    def test_reset_before_anything_and_after_some_of_the_body(self):
        with self.assertRaises(ConnectionResetError):
            self.client.get("/?")
            self.client.get("/bytes/10?reset")
        with HttpClient(self.origin.port) as client, self.assertRaises(ConnectionResetError):
            client.send_request("GET", "/bytes/1000?reset=10")
            client.read_to_end()

    def test_freeze_never_answers(self):
        self.client.send_request("GET", "/freeze")
        wait_until(lambda: self.origin.stats()["in_flight"] == 1, "the frozen request is in flight")
        self.client.socket.settimeout(0.05)
        with self.assertRaises(TimeoutError):
            self.client.receive()

    def test_delay_and_drip_give_the_whole_answer_in_the_end(self):
        response = self.client.get("/bytes/40?delay=5&drip=1&piece=7")
        self.assertEqual(response.body, origin_body(40))
        self.assertEqual(self.client.get("/").text, "web1\n")

    def test_raw_answers(self):
        wire = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        self.assertEqual(self.client.get(f"/hex/{wire.hex()}").body, b"hi")
        self.client.send_request("GET", "/garbage")
        self.assertTrue(self.client.read_to_end().startswith(b"\x16\x03\x01"))
        (self.folder / "canned").write_bytes(b"HTTP/1.0 299 Odd\r\n\r\nraw")
        other = self.start_origin("raw", raw_folder=self.folder)
        with HttpClient(other.port) as client:
            client.send_request("GET", "/raw/canned?close")
            self.assertEqual(client.read_to_end(), b"HTTP/1.0 299 Odd\r\n\r\nraw")

    def test_upgrade_sends_back_what_it_gets(self):
        self.assertEqual(self.client.get("/upgrade").status, 101)
        sent = origin_body(500_000)
        for at in range(0, len(sent), 100_000):
            self.client.send(sent[at : at + 100_000])
            self.assertEqual(self.client.take(100_000), sent[at : at + 100_000])

    def test_upgrade_ends_behind_the_last_bytes_of_the_client(self):
        for _ in range(20):
            with HttpClient(self.origin.port) as client:
                self.assertEqual(client.get("/upgrade").status, 101)
                client.send(b"last")
                client.socket.shutdown(socket.SHUT_WR)
                self.assertEqual(client.read_to_end(), b"last")

    def test_idle_connections_are_closed_when_asked_for(self):
        other = self.start_origin("impatient", idle_close=1)
        with HttpClient(other.port) as client:
            self.assertTrue(client.is_closed_by_peer())

    def test_forced_behaviour_spares_health_checks_and_ends(self):
        self.origin.force("/status/500")
        self.assertEqual(self.client.get("/anything").status, 500)
        self.assertEqual(self.client.get("/healthz").status, 200)
        self.origin.set_health("/status/404")
        self.origin.force()
        self.assertEqual(self.client.get("/anything").status, 200)
        self.assertEqual(self.client.get("/healthz").status, 404)

    def test_record_holds_the_bytes_as_they_came(self):
        sent = b"PATCH /x HTTP/1.1\r\nhost:  a\r\n\r\nGET /y HTTP/1.1\r\nX:\t1\r\n\r\n"
        self.client.send(sent)
        self.client.read_response()
        self.client.read_response()
        self.origin.force("/status/200")
        self.assertEqual(self.origin.recorded(), [sent])

    def test_counters(self):
        get(self.origin.port)
        stats = self.origin.stats()
        self.assertEqual(stats["requests"], 2)
        self.assertEqual((stats["in_flight"], stats["peak_in_flight"]), (0, 1))
        self.assertEqual(stats["connections"], 3)

    def test_peak_of_requests_in_flight_can_be_counted_anew(self):
        clients = [HttpClient(self.origin.port) for _ in range(3)]
        for client in clients:
            self.addCleanup(client.close)
            client.send_request("GET", "/freeze")
        wait_until(lambda: self.origin.stats()["peak_in_flight"] == 3, "all are in flight")
        for client in clients:
            client.close()
        self.origin.forget_peak()
        self.assertEqual(self.origin.stats()["peak_in_flight"], 0)

    def test_bad_arguments_are_refused(self):
        process = self.start([tandem_testing.program("tandem-origin"), "--force", "/nowhere"])
        self.assertEqual(process.wait(), 2)
        self.assertIn("there is no target '/nowhere'", process.output())


if __name__ == "__main__":
    tandem_testing.main()
