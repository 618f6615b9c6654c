"""RFC 9113 sections 3 to 8, frame by frame: what a server must refuse, and what it must do.

The table of frame_cases says what is sent and what must become of it; what takes more than one turn
stands here. A refused request must not reach the server behind: its record of bytes is the oracle.
"""

import random
import re

import frame_cases
import h2_frames as h2
import h2_stage  # before the modules of other folders, which it makes known
import strict_http
import tandem_testing
from h2_frames import END_HEADERS, END_STREAM, Code, Setting
from tandem_testing import HttpClient, body_hash, origin_body, wait_until

BIG = 2 << 20
LAST_STREAM = 0x7FFFFFFF


def marked(path, number):
    return f"{path}{'&' if '?' in path else '?'}h=C:{number:04}"


class TableCase(h2_stage.Http2TestCase):
    """Runs the table, and finds in the origin's record what has arrived."""

    def run_case(self, case, path, open_client):
        options = {} if case.hello is None else {"hello": case.hello}
        client = open_client(**options)
        try:
            client.send(case.wire(path))
            expect = case.expect
            stream = client.stream(expect.stream)
            if expect.alive:
                # The second PING comes back behind all that the frames have caused.
                client.is_alive() and client.is_alive()
            else:
                client.wait_for(
                    lambda: client.error or stream.is_over, "something becomes of it"
                )
            self.judge(case, client, stream)
        finally:
            client.close()

    def judge(self, case, client, stream):
        expect = case.expect
        if client.error:
            self.assertIn(client.error, expect.goaway, client.goaways)
            self.assertTrue(client.wait_for_end(), "GOAWAY, and the connection stays")
            return
        if client.closed and case.hello is not None and not expect.statuses:
            return  # section 3.4: without GOAWAY, since this is no peer of HTTP/2
        self.assertFalse(client.closed, f"closed without a word: {client.frames}")
        if stream.status is not None and stream.status not in expect.statuses:
            self.fail(f"answered {stream.status}")
        if stream.reset is not None:
            said_why = stream.ended and stream.status is not None
            allowed = (*expect.reset, Code.NO_ERROR) if said_why else expect.reset
            self.assertIn(stream.reset, allowed)
        elif stream.status is None:
            self.assertTrue(expect.alive, "nothing became of it")
        if b"good night" in case.wire(""):
            return  # the client has said that nothing more comes
        if expect.stream == LAST_STREAM:
            self.assertTrue(client.is_alive())
        else:  # the streams beside it are none the worse
            self.assertEqual(client.finish(self.request_on(client, LAST_STREAM)).status, 200)

    @staticmethod
    def request_on(client, number):
        path = "/bytes/20?h=Z:0"
        client.send(h2.headers(number, h2.block(h2.request_fields("GET", path))))
        return client.stream(number)

    def arrivals(self):
        """{number of the case: [whole request, None for one that broke off, or what is wrong]}"""
        found = {}
        for stream in self.origin.recorded():
            try:
                whole, broken = strict_http.requests(stream)
            except strict_http.Malformed as error:
                for number in re.findall(rb"C:(\d{4})", stream):
                    found.setdefault(int(number), []).append(error)
                continue
            for request in whole:
                self.assertNotIn("D:", request.start[1])
                if "Z:0" in request.start[1]:
                    continue
                number = re.search(r"C:(\d{4})", request.start[1])
                self.assertIsNotNone(number, f"nobody sent {request}")
                found.setdefault(int(number[1]), []).append(request)
            if broken:
                last = re.findall(rb"^\S+ \S*C:(\d{4})\S* HTTP/1\.1\r$", stream, re.MULTILINE)
                self.assertTrue(last, f"nobody sent {stream[-300:]!r}")
                found.setdefault(int(last[-1]), []).append(None)
        return found

    def run_table(self, open_client):
        cases = list(enumerate(frame_cases.all_cases(), 1))
        for number, case in cases:
            with self.subTest(str(case)):
                self.run_case(case, marked(case.path, number), open_client)
        self.assertTrue(self.lb.is_running(), self.lb.output())
        arrived = self.arrivals()
        for number, case in cases:
            allowed = {
                "nothing": ((), ),
                "cut": ((), (True,)),
                "maybe": ((), (True,), (False,)),
                "once": ((False,),),
            }[case.expect.reach]  # fmt: skip
            with self.subTest(f"{case}: at the server"):
                requests = arrived.get(number, [])
                self.assertEqual([r for r in requests if isinstance(r, Exception)], [])
                self.assertIn(tuple(request is None for request in requests), allowed, requests)

class ConformanceTest(TableCase):
    def setUp(self):
        super().setUp()
        self.start_lb(self.start_origin("web1", record=True))

    # ---- the table

    def test_every_case_of_the_table(self):
        self.run_table(lambda **options: h2.H2Client(self.port, **options))

    def test_frames_with_broken_bytes(self):
        """Whatever becomes of them: tandem goes on, and what a server gets is well-formed."""
        choice = random.Random(9113)
        cases = frame_cases.all_cases()
        for _ in range(1000):
            wires = [case.wire("/bytes/10?h=M:1") for case in choice.sample(cases, 3)]
            wire = bytearray(b"".join(wires))
            for _ in range(choice.randrange(1, 6)):
                at = choice.randrange(len(wire))
                how = choice.randrange(4)
                if how == 0:
                    wire[at] = choice.randrange(256)
                elif how == 1:
                    wire[at] ^= 1 << choice.randrange(8)
                elif how == 2:
                    del wire[at : at + choice.randrange(1, 20)]
                else:
                    wire[at:at] = wire[: choice.randrange(1, 40)]
                if not wire:
                    break
            with h2.H2Client(self.port) as client:
                client.send(bytes(wire[: choice.randrange(1, len(wire) + 2)]) + h2.ping())
                if choice.random() < 0.5:
                    client.wait_for(lambda c=client: c.frames, "it says something")
        self.assert_serves()
        self.assertTrue(self.lb.is_running(), self.lb.output())
        for stream in self.origin.recorded():
            for request in strict_http.requests(stream)[0]:
                self.assertFalse(request.start[1].startswith("/smuggled/"), request)

    def test_the_table_is_large(self):
        cases = frame_cases.all_cases()
        self.assertGreater(len(cases), 300)
        self.assertEqual(len({str(case) for case in cases}), len(cases), "a name is there twice")

    # ---- section 3: the preface

    def test_3_4_a_preface_that_is_wrong_is_no_http2(self):
        # It may be taken for HTTP/1: then it is a bad request there.
        # Behind one that is right, text is a frame that is wrong.
        for hello in (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rx",
                      b"PRI * HTTP/2.0\r\n\r\nSM\n\n", b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
                      b"PRI / HTTP/2.0\r\n\r\nSM\r\n\r\n", b"pri * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                      b"PRI * HTTP/2.0\r\nHost: a\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/1.1\r\n\r\n",
                      h2.settings(), h2.PREFACE):  # fmt: skip
            with self.subTest(hello), HttpClient(self.port) as client:
                client.send(hello + b"GET /smuggled/x HTTP/1.1\r\nHost: a\r\n\r\n")
                try:
                    answer = client.read_to_end()
                except ConnectionResetError:
                    answer = bytes(client.buffer)
                self.assertNotIn(b"200", answer)
        self.assertEqual(self.origin.recorded(), [])

    def test_3_4_a_preface_behind_a_request_is_a_bad_request(self):
        with HttpClient(self.port) as client:
            self.assertEqual(client.get("/bytes/10?h=C:0001").status, 200)
            client.send(h2.PREFACE + h2.settings())
            self.assertIn(client.read_response().status, (400, 405, 501, 505))
            self.assertTrue(client.is_closed_by_peer())
        self.assertEqual(len(self.arrivals()), 1)

    def test_3_4_a_preface_byte_by_byte(self):
        client = self.client(hello=b"")
        for byte in h2.PREFACE + h2.settings():
            client.send(bytes([byte]))
        self.assertEqual(client.get("/bytes/10").status, 200)

    def test_3_4_settings_come_first_from_the_server_too(self):
        client = self.client()
        self.assertEqual(client.read_frame().kind, h2.Kind.SETTINGS)
        self.assertNotIn(client.peer_settings.get(Setting.ENABLE_PUSH), (1,))
        self.assertGreaterEqual(client.peer_settings[Setting.MAX_CONCURRENT_STREAMS], 100)
        self.assertLessEqual(client.peer_settings[Setting.MAX_CONCURRENT_STREAMS], 1000)

    def test_frames_byte_by_byte(self):
        client = self.client()
        wire = frame_cases.post("/echo") + h2.data(1, b"hel", 0) + h2.ping() + h2.data(1, b"lo")
        for byte in wire:
            client.send(bytes([byte]))
        answer = client.finish(client.stream(1))
        self.assertIn(f'"body_hash": "{body_hash(b"hello")}"'.encode(), answer.body)
        self.assertEqual(client.pongs, [b"12345678"])

    # ---- section 4: the table of fields

    def test_4_3_1_a_smaller_table_is_heeded(self):
        client = self.client(settings_sent={Setting.HEADER_TABLE_SIZE: 0})
        client.decoder.max_allowed_table_size = 0  # an answer that remembers fields raises
        for _ in range(3):
            self.assertEqual(client.get("/bytes/10?h=X-A:1").status, 200)
            self.assertEqual(client.decoder.header_table_size, 0)

    # ---- section 5: streams

    def test_5_1_2_too_many_streams_are_refused(self):
        # Who has not acknowledged the limit cannot know it: RFC 9113 section 5.1.2 leaves it with
        # the stream.
        client = self.client(acknowledges=False)
        client.wait_for(lambda: client.settings_seen, "SETTINGS come")
        most = client.peer_settings[Setting.MAX_CONCURRENT_STREAMS]
        open_ones = [client.request(path="/freeze") for _ in range(most)]
        one_more = client.finish(client.request(path="/bytes/10?h=D:0001"))
        self.assertEqual((one_more.reset, one_more.status), (Code.REFUSED_STREAM, None))
        self.assertEqual([stream for stream in open_ones if stream.is_over], [])
        client.send(h2.reset(open_ones[0].number))
        self.assertEqual(client.get("/bytes/10?h=Z:0").status, 200, "there is room again")
        self.assertFalse(any(b"D:0001" in stream for stream in self.origin.recorded()))

    def test_5_1_2_too_many_streams_of_one_who_knows(self):
        client = self.client()
        client.wait_for(lambda: client.settings_seen, "SETTINGS come")
        most = client.peer_settings[Setting.MAX_CONCURRENT_STREAMS]
        open_ones = [client.request(path="/freeze") for _ in range(most)]
        self.assertTrue(client.is_alive())
        self.assertEqual([stream for stream in open_ones if stream.is_over], [])
        one_more = client.request(path="/bytes/10?h=D:0001")
        client.wait_for(lambda: client.error or one_more.is_over, "it is refused")
        said = client.error or one_more.reset
        self.assertIn(said, (Code.REFUSED_STREAM, Code.PROTOCOL_ERROR))
        self.assertFalse(any(b"D:0001" in stream for stream in self.origin.recorded()))
        self.assert_serves()

    def test_5_1_a_stream_that_is_reset_lets_the_server_go(self):
        client = self.client()
        before = self.origin.stats()["open"]
        streams = [client.request(path="/freeze") for _ in range(5)]
        wait_until(lambda: self.origin.stats()["in_flight"] == 5, "all have arrived")
        for stream in streams:
            client.send(h2.reset(stream.number))
        # /freeze never reads, so it is a matter of tandem's descriptors.
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "0", "all are let go")
        self.assertTrue(client.is_alive())
        self.assertGreaterEqual(before, 0)

    def test_5_many_streams_on_one_connection_in_any_order(self):
        client = self.client()
        streams = [
            client.request(path=f"/bytes/{100 + number}?delay={(number * 7) % 40}")
            for number in range(90)
        ]
        for number, stream in enumerate(streams):
            client.finish(stream)
            self.assertEqual((stream.status, stream.body), (200, origin_body(100 + number)))

    # ---- section 6: acknowledgements

    def test_6_5_3_each_settings_is_acknowledged(self):
        client = self.client()
        client.send(h2.settings() * 3 + h2.settings({0x77: 1}))
        client.wait_for(lambda: client.acks == 5, "five acknowledgements come")
        self.assertTrue(client.is_alive())
        self.assertEqual(client.acks, 5)

    def test_6_7_pings_come_back_as_they_were(self):
        client = self.client()
        marks = [bytes([number] * 8) for number in range(10)]
        for mark in marks:
            client.send(h2.ping(mark))
        client.wait_for(lambda: len(client.pongs) == len(marks), "all PINGs come back")
        self.assertEqual(client.pongs, marks)
        client.send(h2.ping(b"answered", h2.ACK))
        self.assertTrue(client.is_alive())
        self.assertNotIn(b"answered", client.pongs, "an answer is answered")

    def test_6_8_goaway_tells_the_last_stream(self):
        client = self.client()
        self.assertEqual(client.get("/bytes/10").status, 200)
        self.assertEqual(client.get("/bytes/10").status, 200)
        client.send(h2.data(0, b"x"))
        self.assertTrue(client.wait_for_end())
        last, code, _ = client.goaways[-1]
        self.assertEqual((last, code), (3, Code.PROTOCOL_ERROR))

    def test_6_8_the_connection_ends_when_a_client_has_said_goaway(self):
        client = self.client()
        stream = client.request(path="/bytes/1000?delay=50")
        client.send(h2.goaway())
        self.assertEqual(client.finish(stream).status, 200)
        self.assertTrue(client.wait_for_end())

    # ---- section 6.9: windows of the answers

    def test_6_9_1_the_window_of_a_stream_is_respected(self):
        client = self.client(opens_windows=False, settings_sent={Setting.INITIAL_WINDOW_SIZE: 0})
        stream = client.request(path="/bytes/5000")
        client.wait_for(lambda: stream.status, "the head comes")
        self.expect_exactly(client, stream, 0)
        for step in (1, 999, 2000):
            client.send(h2.window_update(stream.number, step))
            self.expect_exactly(client, stream, stream.received + step)
        client.send(h2.window_update(stream.number, 10000))
        self.assertEqual(client.finish(stream).body, origin_body(5000))

    def test_6_9_1_the_window_of_the_connection_is_respected(self):
        client = self.client(
            opens_windows=False, settings_sent={Setting.INITIAL_WINDOW_SIZE: 1 << 24}
        )
        streams = [client.request(path="/bytes/100000") for _ in range(2)]
        client.wait_for(lambda: client.received >= 65535, "the window is used up")
        self.assertTrue(client.is_alive() and client.is_alive())
        self.assertEqual(client.received, 65535)
        client.send(h2.window_update(0, 1))
        client.wait_for(lambda: client.received >= 65536, "one byte comes")
        self.assertTrue(client.is_alive() and client.is_alive())
        self.assertEqual(client.received, 65536)
        client.send(h2.window_update(0, 1 << 20))
        for stream in streams:
            self.assertEqual(client.finish(stream).body, origin_body(100000))

    def test_6_9_2_windows_grow_and_turn_negative_by_settings(self):
        client = self.client(opens_windows=False)
        client.send(h2.window_update(0, 1 << 24))
        stream = client.request(path="/bytes/200000")
        client.wait_for(lambda: stream.received >= 65535, "the window is used up")
        client.send(h2.settings({Setting.INITIAL_WINDOW_SIZE: 70000}))
        self.expect_exactly(client, stream, 70000)
        client.send(h2.settings({Setting.INITIAL_WINDOW_SIZE: 0}))  # now at -70000
        client.send(h2.window_update(stream.number, 69999))
        self.expect_exactly(client, stream, 70000)
        client.send(h2.window_update(stream.number, 1))  # at 0
        self.expect_exactly(client, stream, 70000)
        client.send(h2.window_update(stream.number, 7))
        self.expect_exactly(client, stream, 70007)
        client.send(h2.settings({Setting.INITIAL_WINDOW_SIZE: 1 << 20}))
        self.assertEqual(client.finish(stream).body, origin_body(200000))

    def expect_exactly(self, client, stream, size):
        client.wait_for(lambda: stream.received >= size, f"{size} bytes come")
        self.assertTrue(client.is_alive() and client.is_alive())
        self.assertEqual(stream.received, size)

    def test_6_9_an_answer_without_a_body_needs_no_window(self):
        client = self.client(settings_sent={Setting.INITIAL_WINDOW_SIZE: 0})
        self.assertEqual(client.get("/status/204").status, 204)
        self.assertEqual(client.get("/bytes/0").status, 200)

    def test_6_9_1_who_sends_past_the_window_is_stopped(self):
        # The server behind reads nothing, so windows come back no longer once buffers are full.
        client = self.client(opens_windows=False)
        client.wait_for(lambda: client.settings_seen, "SETTINGS come")
        stream = client.request("POST", "/freeze", end=False)
        piece = h2.data(stream.number, b"x" * 16384, 0)
        for _ in range(4000):
            if client.error or stream.is_over or not client.send(piece):
                break
        client.wait_for(lambda: client.error or stream.is_over, "the flood is stopped")
        self.assertEqual(client.error or stream.reset, Code.FLOW_CONTROL_ERROR)
        self.assert_serves()

    # ---- section 8: messages

    def test_8_1_large_answers_come_whole(self):
        client = self.client()
        for target in (f"/bytes/{BIG}", f"/bytes/{BIG}?chunked", f"/bytes/{BIG}?until-close",
                       f"/bytes/{BIG}?chunked=100"):  # fmt: skip
            with self.subTest(target):
                stream = client.get(target)
                self.assertTrue(stream.ended)
                self.assertIsNone(stream.reset)
                self.assertEqual(stream.body, origin_body(BIG))

    def test_8_1_large_requests_arrive_whole(self):
        client = self.client()
        body = origin_body(BIG)
        for extra in ((), [("content-length", str(BIG))]):
            with self.subTest(extra):
                answer = client.finish(client.request("POST", "/echo", extra, body))
                self.assertEqual(answer.status, 200)
                self.assertIn(f'"body_length": {BIG}'.encode(), answer.body)
                self.assertIn(body_hash(body).encode(), answer.body)

    def test_8_1_answers_without_a_body(self):
        client = self.client()
        head = client.finish(client.request("HEAD", "/bytes/1000"))
        self.assertEqual((head.status, head.header("content-length")), (200, "1000"))
        self.assertEqual((head.body, head.ended), (b"", True))
        for status in (204, 304):
            answer = client.get(f"/status/{status}")
            self.assertEqual((answer.status, answer.body, answer.ended), (status, b"", True))
        empty = client.get("/bytes/0")
        self.assertEqual((empty.status, empty.body, empty.ended), (200, b"", True))

    def test_8_1_early_hints_pass(self):
        answer = self.client().get("/bytes/100?hints")
        self.assertEqual([status for status, _ in answer.interim], [103])
        self.assertIn(("link", "</style.css>; rel=preload"), answer.interim[0][1])
        self.assertEqual((answer.status, answer.body), (200, origin_body(100)))

    def test_8_1_trailers_of_an_answer_pass(self):
        answer = self.client().get("/bytes/100?chunked&trailers")
        self.assertEqual(answer.body, origin_body(100))
        self.assertEqual(answer.trailers, [("x-trailer", "last")])

    def test_8_1_trailers_of_a_request_pass(self):
        client = self.client()
        stream = client.request("POST", "/bytes/10?h=C:0001", body=b"hello", end=False)
        client.send_fields(stream, [("x-sum", "5"), ("x-empty", "")])
        self.assertEqual(client.finish(stream).status, 200)
        request = self.arrivals()[1][0]
        self.assertEqual(request.body, b"hello")
        self.assertEqual(request.trailers, [("x-sum", "5"), ("x-empty", "")])

    def test_8_1_a_request_without_an_end_waits_for_its_trailers(self):
        client = self.client()
        stream = client.request("POST", "/bytes/10?h=C:0001", body=b"hello", end=False)
        wait_until(lambda: any(b"hello" in one for one in self.origin.recorded()), "it is sent on")
        self.assertTrue(client.is_alive())
        self.assertFalse(stream.is_over)
        self.assertEqual(self.arrivals()[1], [None])
        client.send(h2.data(stream.number, b" world"))
        self.assertEqual(client.finish(stream).status, 200)
        self.assertEqual(self.arrivals()[1][0].body, b"hello world")

    def test_8_1_expectations(self):
        client = self.client()
        stream = client.request(
            "POST", "/echo", [("expect", "100-continue"), ("content-length", "5")], end=False
        )
        client.wait_for(lambda: stream.interim, "100 comes")
        self.assertEqual([status for status, _ in stream.interim], [100])
        self.assertFalse(stream.is_over)
        client.send_data(stream, b"hello")
        self.assertEqual(client.finish(stream).status, 200)
        self.assertIn(b'"body_length": 5', stream.body)

    def test_8_1_an_answer_that_comes_early_is_whole(self):
        # RFC 9113 section 8.1: RST_STREAM with NO_ERROR may follow, never an error.
        client = self.client(opens_windows=True)
        stream = client.request("POST", "/bytes/1000?early", end=False)
        client.wait_for(lambda: stream.is_over, "the answer comes")
        self.assertEqual((stream.status, stream.body), (200, origin_body(1000)))
        self.assertTrue(stream.ended)
        self.assertTrue(client.is_alive())
        self.assertIn(stream.reset, (None, Code.NO_ERROR, Code.CANCEL))
        client.send(h2.data(stream.number, b"late"))
        self.assertEqual(client.get("/bytes/10").status, 200)

    def test_8_2_2_fields_of_a_connection_do_not_pass(self):
        # The client raises for any of them in an answer.
        for line in ("Connection:close", "Connection:X-Hop&h=X-Hop:1", "Keep-Alive:timeout=5",
                     "Proxy-Connection:keep-alive", "Upgrade:h2c"):  # fmt: skip
            with self.subTest(line):
                answer = self.client().get(f"/bytes/10?h={line}")
                self.assertEqual(answer.status, 200)
                names = {name for name, _ in answer.fields}
                self.assertEqual(names & {"connection", "keep-alive", "proxy-connection", "upgrade",
                                          "transfer-encoding", "x-hop"}, set())  # fmt: skip

    def test_8_2_3_crumbs_become_one_cookie(self):
        self.client().get("/bytes/10?h=C:0001",
                          [("cookie", "a=1"), ("x-between", "y"), ("cookie", "b=2"),
                           ("cookie", "c=3")])  # fmt: skip
        self.assertEqual(self.arrivals()[1][0].all("cookie"), ["a=1; b=2; c=3"])

    def test_8_2_names_of_answers_are_in_small_letters(self):
        answer = self.client().get("/bytes/10?h=X-CaPiTaLs:Yes")
        self.assertEqual(answer.header("x-capitals"), "Yes")

    def test_8_3_1_the_authority_becomes_host(self):
        self.client().get("/bytes/10?h=C:0001", authority="Www.Example.org:8080")
        self.client().get("/bytes/10?h=C:0002", [("host", "www.example.org")], authority=None)
        arrived = self.arrivals()
        self.assertEqual(arrived[1][0].all("host")[0].lower(), "www.example.org:8080")
        self.assertEqual(arrived[2][0].all("host"), ["www.example.org"])

    def test_8_3_1_options_for_the_whole_server(self):
        client = self.client()
        answer = client.finish(client.request("OPTIONS", "*"))
        starts = [
            request.start
            for stream in self.origin.recorded()
            for request in strict_http.requests(stream)[0]
        ]
        if answer.status == 200:
            self.assertEqual(starts, [("OPTIONS", "*")])
        else:
            self.assertIn(answer.status, (400, 501))
            self.assertEqual(starts, [])

    def test_methods_and_paths_pass_as_they_are(self):
        client = self.client()
        odd = "/bytes/10?h=C:0001&h=x:%20%zz[]{}|"
        self.assertEqual(client.finish(client.request("BREW", odd)).status, 200)
        self.assertEqual(self.arrivals()[1][0].start, ("BREW", odd))

    def test_8_answers_that_break_off_are_reset(self):
        client = self.client()
        for target in ("/bytes/1000?cut=500", "/bytes/1000?cut=0", "/bytes/1000?reset=500",
                       "/bytes/100000?cut=70000", "/bytes/1000?chunked=100&cut=300",
                       "/bytes/1000?chunked=100&reset=300", "/bytes/100?chunked&cut=105",
                       "/bytes/1000?chunked=1000&cut=1007"):  # fmt: skip
            with self.subTest(target):
                stream = client.get(target)
                self.assertEqual(stream.status, 200)
                self.assertFalse(stream.ended, "END_STREAM behind half an answer")
                self.assertNotIn(stream.reset, (None, Code.NO_ERROR, Code.REFUSED_STREAM))
        for tail in (b"5\r\nhello", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0\r\nX: y\r\n",
                     b"5\r\nhelloEVIL\r\n0\r\n\r\n", b"5\r\nhello\r\n-1\r\n\r\n", b"zz\r\n"):  # fmt: skip
            wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + tail
            with self.subTest(tail):
                stream = client.get(f"/hex/{wire.hex()}?close")
                self.assertFalse(stream.ended and stream.status == 200, "END_STREAM")
                self.assertTrue(stream.reset is not None or stream.status == 502)
        self.assertTrue(client.is_alive(), "the other streams have nothing to do with it")

    def test_8_answers_that_are_no_http_are_502(self):
        client = self.client()
        for wire in (b"HTTP/1.1 200 OK\nX: y\n\n", b"HTTP/1.1 2x0 OK\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nX: y\rz\r\nContent-Length: 0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nX: y\0z\r\nContent-Length: 0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\n:status: 204\r\nContent-Length: 0\r\n\r\n",
                     b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nEVIL",
                     b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nEVIL"):  # fmt: skip
            with self.subTest(wire):
                stream = client.get(f"/hex/{wire.hex()}?close")
                self.assertEqual((stream.status, stream.ended), (502, True))
        self.assertTrue(client.is_alive())

    def test_a_server_that_is_not_there_is_503(self):
        self.origin.kill()
        client = self.client()
        answer = client.get("/x")
        self.assertEqual((answer.status, answer.ended), (503, True))
        self.assertEqual(int(answer.header("content-length", "-1")), len(answer.body))
        head = client.finish(client.request("HEAD", "/x"))
        self.assertEqual((head.status, head.body), (503, b""))


class OverTlsTest(TableCase):
    def setUp(self):
        super().setUp()
        self.start_lb(self.start_origin("web1", record=True), with_tls=True)

    def test_every_case_of_the_table(self):
        context = self.context()
        self.run_table(lambda **options: h2.H2Client(
            self.tls_port, tls=context, server_name=h2_stage.NAME, **options))  # fmt: skip

    def test_3_2_alpn_agrees_on_h2(self):
        client = self.tls_client(alpn=("h2", "http/1.1"))
        self.assertEqual(client.socket.selected_alpn_protocol(), "h2")
        answer = client.get(f"/bytes/{BIG}", scheme="https")
        self.assertEqual((answer.status, len(answer.body)), (200, BIG))
        body = origin_body(BIG)
        answer = client.finish(client.request("POST", "/echo", body=body, scheme="https"))
        self.assertIn(body_hash(body).encode(), answer.body)

    def test_3_2_who_agrees_on_http_1_speaks_it(self):
        for protocols in (["http/1.1"], ["http/1.1", "x"], None):
            context = self.context()
            if protocols:
                context.set_alpn_protocols(protocols)
            with self.subTest(protocols), HttpClient(
                self.tls_port, tls=context, server_name=h2_stage.NAME
            ) as client:
                self.assertEqual(client.get("/bytes/10").status, 200)

    def test_3_4_who_agrees_on_h2_must_speak_it(self):
        # RFC 9113 section 3.4: a GOAWAY may be left out, since the peer speaks something else.
        for hello in (b"GET /smuggled/x HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100, h2.settings(),
                      b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + h2.settings()):  # fmt: skip
            with self.subTest(hello):
                client = self.tls_client(hello=hello)
                self.assertTrue(client.wait_for_end())
                self.assertIn(client.error, (None, Code.PROTOCOL_ERROR))
        self.assertEqual(self.origin.recorded(), [])

    def test_stream_errors_are_the_same(self):
        client = self.tls_client()
        client.send(frame_cases.get("/x", extra=[("X-Bad", "1")]))
        stream = client.finish(client.stream(1))
        self.assertTrue(stream.reset == Code.PROTOCOL_ERROR or stream.status == 400)
        client.next_stream = 3
        self.assertEqual(client.get("/bytes/10").status, 200)

    def test_frames_in_records_of_a_byte(self):
        client = self.tls_client(hello=b"")
        wire = h2.PREFACE + h2.settings() + frame_cases.get("/bytes/100")
        for byte in wire:
            client.send(bytes([byte]))
        self.assertEqual(client.finish(client.stream(1)).body, origin_body(100))


if __name__ == "__main__":
    tandem_testing.main()
