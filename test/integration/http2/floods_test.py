"""Cheap frames that shall cost much: each flood ends its connection, with the error that says why,
before it has cost more than a little memory and time; others are served meanwhile."""

import contextlib
import json
import os
import socket

import h2_frames as h2
import h2_stage
import tandem_testing
from frame_cases import get, post
from h2_frames import END_STREAM, Code, H2Client, Kind, Setting
from tandem_testing import wait_until

MEGABYTE = 1 << 20
MANY = 40_000
CALM = Code.ENHANCE_YOUR_CALM


class FloodTest(h2_stage.Http2TestCase):
    def start(self, **timeouts):
        self.asked = self.served = 0
        self.start_lb(
            self.start_origin("web1"),
            defaults={"timeout": {"client": "30s", "server": "30s", **timeouts}},
        )
        for _ in range(3):
            self.assert_serves()

    @contextlib.contextmanager
    def bounded(self, memory=4 * MEGABYTE, cpu=1.0):
        """What the block may cost tandem. Sanitizers make everything dearer."""
        memory_before, cpu_before = self.lb.resident_bytes(), self.lb.cpu_seconds()
        yield
        self.assert_memory(self.lb.resident_bytes() - memory_before, memory)
        if not os.environ.get("TANDEM_SANITIZE"):
            self.assertLess(self.lb.cpu_seconds() - cpu_before, cpu, "seconds of CPU")
        self.assert_serves()

    def requests_at_origin(self):
        """All but those that ask for this figure, and those of assert_serves()."""
        self.asked += 1
        return self.origin.stats()["requests"] - self.asked - self.served

    def assert_serves(self, what=""):
        super().assert_serves(what)
        self.served += 2

    def flood(self, client, wires, *codes):
        """Sends until the peer has had enough; it must say so with one of `codes`."""
        for wire in wires:
            if not client.send(wire) or not client.is_quiet() or client.error:
                break
        mark = b"still up"
        if client.send(h2.ping(mark)):
            client.wait_for(lambda: client.error or mark in client.pongs, "it says something")
        else:
            client.wait_for(lambda: client.error, "it says why it ended")
        self.assertIn(client.error, codes or (CALM,), "None: not ended")
        self.assertTrue(client.wait_for_end())

    # ---- streams

    def reset_flood(self, wire_of, *codes, cpu=0.3, at_once=100):
        """`at_once`: how many streams are opened before the peer is heard; more than it allows at
        a time ends the connection for that alone."""
        self.start()
        client = self.client()
        before = self.requests_at_origin()

        def batches():
            for first in range(1, 2 * MANY, 2 * at_once):
                yield b"".join(wire_of(number) for number in range(first, first + 2 * at_once, 2))
                if at_once < 100:
                    client.is_alive()

        with self.bounded(cpu=cpu):
            self.flood(client, batches(), *codes)
        self.assertLess(self.requests_at_origin() - before, 200, "requests reached the server")

    def test_rapid_reset(self):
        # CVE-2023-44487.
        self.reset_flood(lambda number: get("/bytes/10", number) + h2.reset(number))

    def test_rapid_reset_of_requests_that_have_not_ended(self):
        self.reset_flood(lambda number: post("/bytes/10", number) + h2.reset(number))

    def test_resets_that_the_server_is_made_to_send(self):
        # CVE-2025-8671: offences against a stream whose request runs on.
        self.reset_flood(lambda number: get("/bytes/10", number) + h2.window_update(number, 0),
                         CALM, Code.PROTOCOL_ERROR, at_once=10)  # fmt: skip

    def test_resets_by_windows_that_overflow(self):
        self.reset_flood(
            lambda number: get("/bytes/10", number) + h2.window_update(number, h2.LARGEST_WINDOW),
            at_once=10,
        )

    def test_resets_by_frames_behind_the_end(self):
        self.reset_flood(lambda number: get("/bytes/10", number) + h2.data(number, b"x"),
                         CALM, Code.STREAM_CLOSED)  # fmt: skip

    def test_resets_by_priorities(self):
        self.reset_flood(lambda number: post("/bytes/10", number)
                         + h2.frame(Kind.PRIORITY, 0, number, b"\0" * 4),
                         CALM, Code.FRAME_SIZE_ERROR)  # fmt: skip

    def test_malformed_requests_without_end(self):
        self.reset_flood(lambda number: get("/x", number, extra=[("X-Bad", "1")]), at_once=10)

    def test_requests_without_end_that_tandem_itself_refuses(self):
        self.reset_flood(lambda number: get("/x#y", number), at_once=10, cpu=1.0)

    def test_refused_streams_without_end(self):
        """More streams at once than are allowed, again and again."""
        self.reset_flood(lambda number: post("/freeze", number), CALM, Code.PROTOCOL_ERROR, cpu=1.0)

    def test_resets_of_a_browser_are_no_flood(self):
        # Somebody who leaves pages: 60 requests at once, of which half are reset.
        self.start()
        client = self.client()
        streams = [client.request(path="/bytes/1000?delay=20") for _ in range(60)]
        for stream in streams[::2]:
            client.send(h2.reset(stream.number))
        for stream in streams[1::2]:
            self.assertEqual(client.finish(stream).status, 200)
        self.assertTrue(client.is_alive())
        self.assertEqual(client.goaways, [])

    # ---- heads

    def head_that_never_ends(self, piece):
        self.start()
        client = self.client()
        first = h2.headers(1, h2.block(h2.request_fields()), END_STREAM)

        def pieces():
            yield first
            for _ in range(200):
                yield piece * 200

        with self.bounded():
            self.flood(client, pieces(), CALM, Code.PROTOCOL_ERROR)

    def test_continuations_without_end(self):
        self.head_that_never_ends(h2.continuation(1, h2.literal("x-a", "1" * 100), 0))

    def test_empty_continuations_without_end(self):
        self.head_that_never_ends(h2.continuation(1, b"", 0))

    def test_continuations_inside_one_value(self):
        self.start()
        client = self.client()
        value = b"\x00\x03x-a\x7f\xff\xff\xff\x7f"  # of a quarter of a gigabyte

        def pieces():
            yield h2.headers(1, h2.block(h2.request_fields()) + value, END_STREAM)
            for _ in range(2000):
                yield h2.continuation(1, b"a" * 16384, 0)

        with self.bounded():
            self.flood(client, pieces(), CALM, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR)

    def bomb(self, *wires, heads=0):
        """Small on the wire, large when it is taken apart: refused, whatever word is used. `heads`:
        how many requests may reach the server, being fine so far."""
        self.start()
        client = self.client()
        before = self.requests_at_origin()
        with self.bounded():
            stream = client.stream(1)
            for wire in wires:
                client.send(wire)
            client.wait_for(lambda: client.error or stream.is_over, "it is refused")
            if client.error:
                self.assertIn(client.error, (CALM, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR))
            elif stream.status is not None:
                self.assertEqual(stream.status, 431)
            else:
                self.assertIn(stream.reset, (CALM, Code.PROTOCOL_ERROR, Code.REFUSED_STREAM))
        self.assertLessEqual(self.requests_at_origin() - before, heads, "it reached the server")

    def test_a_bomb_of_references(self):
        start = h2.block(h2.request_fields()) + h2.literal("x-a", "a" * 3900, remembered=True)
        self.bomb(h2.headers(1, start + h2.indexed(62) * 12000))

    def test_a_bomb_of_references_in_trailers(self):
        start = h2.literal("x-a", "a" * 3900, remembered=True)
        self.bomb(post("/freeze"), h2.headers(1, start + h2.indexed(62) * 12000), heads=1)

    def test_a_bomb_of_static_fields(self):
        self.bomb(h2.headers(1, h2.block(h2.request_fields()) + h2.indexed(16) * 16000))

    def test_a_bomb_of_crumbs(self):
        start = h2.block(h2.request_fields()) + h2.literal("cookie", "a=1", remembered=True)
        self.bomb(h2.headers(1, start + h2.indexed(62) * 16000))

    def test_a_large_list_of_fields(self):
        fields = [(f"x-{number}", "a" * 1000) for number in range(60)]
        self.bomb(h2.headers_in_pieces(1, h2.block(h2.request_fields(extra=fields)), 16384))

    def test_a_field_that_is_too_large(self):
        block = h2.block(h2.request_fields(extra=[("x-a", "a" * 60000)]))
        self.bomb(h2.headers_in_pieces(1, block, 16384))

    def test_bombs_one_after_the_other(self):
        # Each is refused alone; together they must not be for free.
        self.start()
        client = self.client()
        table = h2.literal("x-a", "a" * 3900, remembered=True)
        first = h2.headers(1, h2.block(h2.request_fields()) + table)
        bomb = h2.block(h2.request_fields()) + h2.indexed(62) * 12000

        def wires():
            yield first
            for number in range(3, 4001, 2):
                yield h2.headers(number, bomb)

        with self.bounded():
            self.flood(client, wires(), CALM, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR)

    def test_a_head_that_never_ends_is_ended_by_its_time_limit(self):
        self.start(**{"http-request": "300ms"})
        client = self.client()
        client.send(h2.headers(1, h2.block(h2.request_fields()), END_STREAM))
        self.assertTrue(client.wait_for_end())
        self.assertNotEqual(client.error, None, "no GOAWAY")

    def test_a_head_that_never_ends_beside_a_stream_that_runs(self):
        self.start(**{"http-request": "300ms"})
        client = self.client()
        client.request(path="/freeze")
        wait_until(lambda: self.origin.stats()["in_flight"] == 1, "it is under way")
        client.send(h2.headers(3, h2.block(h2.request_fields()), END_STREAM))
        self.assertTrue(client.wait_for_end())

    def test_a_head_that_drips_is_ended_by_its_time_limit(self):
        self.start(**{"http-request": "300ms"})
        client = self.client()
        client.send(h2.headers(1, b"", END_STREAM))
        drip = iter(range(1000))

        def ended():
            # At most one in 50 ms or so: a trickle, not a flood.
            if next(drip) % 20 == 0:
                client.send(b"")
            return not client.is_quiet()

        wait_until(ended, "a trickle of nothing is ended")

    def test_a_preface_that_never_ends_is_ended_by_its_time_limit(self):
        self.start(**{"http-request": "300ms"})
        for hello in (h2.PREFACE[:3], h2.PREFACE[:20], h2.PREFACE, h2.PREFACE + b"\0\0"):
            with self.subTest(hello):
                client = self.client(hello=hello)
                # 408 of HTTP/1 is no frame.
                self.assertTrue(client.wait_for(lambda c=client: c.closed, "it is ended"))
        self.assert_serves()

    # ---- frames

    def frame_flood(self, wire, before=b"", *codes):
        self.start()
        client = self.client()
        client.send(before)
        with self.bounded():
            self.flood(client, (wire * 500 for _ in range(400)), *codes)

    def test_settings(self):
        self.frame_flood(h2.settings())

    def test_settings_that_change_windows(self):
        self.frame_flood(
            h2.settings({Setting.INITIAL_WINDOW_SIZE: 0})
            + h2.settings({Setting.INITIAL_WINDOW_SIZE: 65535}),
            b"".join(get("/freeze", number) for number in range(1, 100, 2)),
        )

    def test_trailers_of_a_stream_that_is_no_more(self):
        self.frame_flood(h2.headers(1, h2.literal("x-a", "1")), get("/freeze") + h2.reset(1))

    def test_bombs_for_a_stream_that_is_no_more(self):
        self.frame_flood(h2.headers(1, h2.literal("x-a", "a" * 3900, True) + h2.indexed(62) * 9999),
                         get("/freeze") + h2.reset(1))  # fmt: skip

    def test_large_settings(self):
        self.frame_flood(h2.settings([(0x99, 1)] * 100))

    def test_pings(self):
        self.frame_flood(h2.ping())

    def test_answers_to_no_ping(self):
        self.frame_flood(h2.ping(flags=h2.ACK))

    def test_empty_data(self):
        self.frame_flood(h2.data(1, b"", 0), post("/freeze"))

    def test_data_of_nothing_but_padding(self):
        self.frame_flood(h2.data(1, b"\x10" + b"\0" * 16, h2.PADDED), post("/freeze"),
                         CALM, Code.FLOW_CONTROL_ERROR)  # fmt: skip

    def test_priorities(self):
        self.start()
        client = self.client()

        def wires():
            for first in range(1, 400_000, 1000):
                yield b"".join(h2.priority(number, number - 2 if number > 2 else 0)
                               for number in range(first, first + 1000, 2))  # fmt: skip

        with self.bounded():
            self.flood(client, wires())

    def test_window_updates_of_the_connection(self):
        self.frame_flood(h2.window_update(0, 1))

    def test_window_updates_of_a_stream(self):
        self.frame_flood(h2.window_update(1, 1), get("/freeze"))

    def test_unknown_frames(self):
        self.frame_flood(h2.frame(0x42, 0, 0, b"x"))

    def test_empty_unknown_frames(self):
        self.frame_flood(h2.frame(0x42))

    # ---- who does not read

    def test_answers_that_nobody_reads_pile_up_nowhere(self):
        """Frames that must be answered, from a client that takes no answer."""
        self.start()
        with self.bounded(), socket.socket() as mute:
            mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            mute.connect(("127.0.0.1", self.port))
            mute.sendall(h2.PREFACE + h2.settings())
            mute.setblocking(False)
            pings = memoryview(h2.ping() * 1_000_000)
            at = 0
            with contextlib.suppress(BlockingIOError, ConnectionResetError, BrokenPipeError):
                while at < len(pings):
                    at += mute.send(pings[at : at + 65536])
            self.assert_serves("beside one who does not read")

    def test_large_answers_that_nobody_reads_pile_up_nowhere(self):
        self.start()
        before = self.requests_at_origin()
        with self.bounded(memory=16 * MEGABYTE), socket.socket() as mute:
            mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            mute.connect(("127.0.0.1", self.port))
            wire = h2.PREFACE + h2.settings({Setting.INITIAL_WINDOW_SIZE: h2.LARGEST_WINDOW})
            wire += h2.window_update(0, h2.LARGEST_WINDOW - 65535)
            wire += b"".join(get("/bytes/10000000", number) for number in range(1, 100, 2))
            mute.sendall(wire)
            wait_until(lambda: self.requests_at_origin() - before == 50, "all have arrived")
            for _ in range(20):
                self.assert_serves("beside one who does not read")

    def test_uploads_that_no_server_reads_take_their_windows_and_no_more(self):
        self.start()
        client = self.client()
        client.wait_for(lambda: client.settings_seen, "SETTINGS come")
        with self.bounded():
            streams = [client.request("POST", "/freeze", end=False) for _ in range(10)]
            piece = b"x" * 16384

            def all_stuck():
                room = [s for s in streams if s.send_window >= len(piece) <= client.send_window]
                for stream in room:
                    client.send_data(stream, piece, end=False)
                return not room and client.is_alive() and all(
                    s.send_window < len(piece) for s in streams
                )  # fmt: skip

            wait_until(all_stuck, "no more windows come")
            self.assert_serves("beside servers that read nothing")

    # ---- windows

    def test_windows_that_never_open(self):
        """Memory is bounded, and `timeout client` ends the streams."""
        self.start(client="1s")
        client = self.client(settings_sent={Setting.INITIAL_WINDOW_SIZE: 0})
        with self.bounded(memory=16 * MEGABYTE, cpu=0.3):  # nor does waiting cost time
            streams = [client.request(path=f"/bytes/1000000?h=S:{number}") for number in range(90)]
            client.wait_for(lambda: all(stream.status for stream in streams), "all heads come")
            self.assert_serves("beside closed windows")
            client.wait_for(lambda: client.goaways or all(s.is_over for s in streams), "all end")
        self.assertFalse(any(stream.ended for stream in streams), "END_STREAM without the body")
        wait_until(lambda: self.origin.stats()["in_flight"] == 0, "the server is let go")
        self.assert_logged_as("cD", 90)

    def assert_logged_as(self, termination, count):
        def logged():
            lines = self.log_path.read_text(encoding="utf-8").splitlines()
            found = [line for line in map(json.loads, lines) if "h=S:" in (line["target"] or "")]
            return len(found) == count and found

        lines = wait_until(logged, f"{count} lines are logged")
        self.assertEqual({line["termination"] for line in lines}, {termination})

    def test_the_window_of_the_connection_never_opens(self):
        self.start(client="500ms")
        client = self.client(
            opens_windows=False, settings_sent={Setting.INITIAL_WINDOW_SIZE: h2.LARGEST_WINDOW}
        )
        with self.bounded(memory=16 * MEGABYTE):
            streams = [client.request(path=f"/bytes/1000000?h=S:{number}") for number in range(20)]
            self.assert_serves("beside a closed window")
            client.wait_for(lambda: client.goaways or all(s.is_over for s in streams), "all end")
        self.assertFalse(any(stream.ended for stream in streams))
        wait_until(lambda: self.origin.stats()["in_flight"] == 0, "the server is let go")

    def trickle(self, client, stream, wire):
        """Sends it about every 50 ms, until the stream is ended."""
        turns = iter(range(1 << 30))

        def ended():
            client.is_quiet()
            if stream.is_over or client.goaways or client.closed:
                return True
            if next(turns) % 5 == 0:
                client.send(wire)
            return False

        wait_until(ended, "a trickle is ended")

    def test_windows_that_open_by_a_byte(self):
        """A stream that takes a byte now and then is ended as one that takes nothing."""
        self.start(client="500ms")
        client = self.client(
            opens_windows=False, settings_sent={Setting.INITIAL_WINDOW_SIZE: 0}
        )
        stream = client.request(path="/bytes/1000000")
        self.trickle(client, stream, h2.window_update(stream.number, 1))
        self.assertFalse(stream.ended)
        self.assert_serves()

    def test_bodies_that_come_by_a_byte(self):
        self.start(client="500ms")
        client = self.client()
        stream = client.request("POST", "/echo", [("content-length", "100000")], end=False)
        self.trickle(client, stream, h2.data(stream.number, b"x", 0))
        self.assertNotEqual(stream.status, 200)
        self.assert_serves()

    def test_a_body_that_does_not_come(self):
        self.start(client="300ms")
        client = self.client()
        stream = client.request("POST", "/echo", [("content-length", "5")], end=False)
        client.finish(stream)
        self.assertIn(stream.status, (None, 408))
        self.assertTrue(stream.is_over)
        self.assert_serves()

    def test_an_idle_connection_is_ended_by_its_time_limit(self):
        self.start(**{"http-keep-alive": "300ms"})
        client = self.client()
        self.assertEqual(client.get("/bytes/10").status, 200)
        self.assertTrue(client.wait_for_end())
        self.assertEqual(client.error, Code.NO_ERROR)

    def test_pings_do_not_keep_an_idle_connection(self):
        self.start(**{"http-keep-alive": "500ms"})
        client = self.client()
        self.assertEqual(client.get("/bytes/10").status, 200)
        turns = iter(range(1 << 30))

        def ended():
            if next(turns) % 10 == 0:
                client.send(h2.ping())
            return not client.is_quiet()

        wait_until(ended, "it is idle all the same")


class ManyConnectionsTest(h2_stage.Http2TestCase):
    def test_many_connections_cost_little_each(self):
        self.start_lb(self.start_origin("web1"))
        self.assert_serves()
        before = self.lb.resident_bytes()
        clients = [self.client() for _ in range(200)]
        for client in clients:
            self.assertEqual(client.get("/bytes/100").status, 200)
        self.assert_memory(self.lb.resident_bytes() - before, 200 * 128 * 1024)
        for client in clients:
            client.close()
        self.assert_serves()

    def test_connections_that_break_off_leave_nothing(self):
        self.start_lb(self.start_origin("web1"))
        self.assert_serves()
        open_before = wait_until(self.lb.open_descriptors, "descriptors")
        for turn in range(100):
            with H2Client(self.port) as client:
                for _ in range(10):
                    client.request(path="/bytes/100000" if turn % 2 else "/freeze")
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "0", "all are let go")
        wait_until(lambda: self.lb.open_descriptors() <= open_before + 10, "all are closed")
        self.assert_serves()


if __name__ == "__main__":
    tandem_testing.main()
