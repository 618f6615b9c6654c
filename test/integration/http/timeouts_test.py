"""Every time limit, with the status and the two letters that HAProxy gives for it."""

import socket
import time

import http_stage
import tandem_testing
from tandem_testing import Truncated, wait_until

GENEROUS = "30s"
SHORT = "300ms"
ALL = ("connect", "client", "server", "http-request", "http-keep-alive", "queue", "tunnel")


class TimeoutsTest(http_stage.HttpTestCase):
    def start_with_timeout(self, name, servers=None, **more):
        """All limits are generous but one."""
        self.origin = self.start_origin()
        timeouts = dict.fromkeys(ALL, GENEROUS) | {name: SHORT}
        self.start_lb(
            servers or self.origin,
            defaults={"timeout": timeouts, "retries": 0, **more.pop("defaults", {})},
            **more,
        )

    def test_connect(self):
        hole = http_stage.Blackhole(self)
        self.start_with_timeout("connect", {"hole": hole.address})
        self.assertEqual(self.get("/x").status, 503)
        self.assert_logged("/x", 503, "sC")

    def test_connect_is_tried_again_elsewhere(self):
        hole = http_stage.Blackhole(self)
        web1 = self.start_origin()
        self.start_with_timeout(
            "connect",
            {"hole": hole.address, "web1": web1.address},
            defaults={"retries": 1},
            backend={"balance": "first"},
        )
        self.assertEqual(self.get("/x").status, 200)
        line = self.assert_logged("/x", 200, "--")
        self.assertEqual((line.retries, line.redispatched, line.server), (1, True, "web1"))

    def test_client_that_stops_in_the_middle_of_its_body(self):
        self.start_with_timeout("client")
        for number, framing in enumerate(("Content-Length: 100", "Transfer-Encoding: chunked")):
            client = self.client()
            client.send(f"POST /{number}/ HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n3\r\nabc\r\n")
            self.assertEqual(client.read_response().status, 408)
            self.assertTrue(client.is_closed_by_peer())
            self.assert_logged(f"/{number}/", 408, "cH")

    def test_client_that_sends_a_byte_now_and_then(self):
        self.start_with_timeout("client")
        client = self.client()
        client.send("POST /drip HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        client.socket.setblocking(False)

        def cut():
            try:
                client.send("x")
                return bool(client.socket.recv(100))
            except BlockingIOError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                return True

        wait_until(cut, "a trickle is cut")
        self.assert_logged("/drip", 408, "cH")

    def test_client_that_stops_reading(self):
        self.start_with_timeout("client")
        client = self.client()
        client.send_request("GET", "/bytes/50000000")
        self.assert_logged("/bytes/50000000", 200, "cD")
        with self.assertRaises((Truncated, ConnectionResetError)):
            client.read_response()

    def test_server_that_does_not_answer(self):
        self.start_with_timeout("server")
        self.assertEqual(self.get("/freeze").status, 504)
        self.assert_logged("/freeze", 504, "sH")

    def test_server_that_stops_in_the_middle_of_its_answer(self):
        self.start_with_timeout("server")
        for target in ("/bytes/100?drip=60000&piece=10", "/bytes/100?drip=60000&chunked=10"):
            with self.subTest(target), self.assertRaises((Truncated, ConnectionResetError)):
                self.get(target)
            self.assert_logged(target, 200, "sD")

    def test_server_that_is_slow_but_alive(self):
        self.start_with_timeout("server")
        self.assertEqual(len(self.get("/bytes/60?drip=20&piece=2").body), 60)
        self.assert_logged("/bytes/60", 200, "--")

    def test_time_of_the_server_begins_when_the_request_has_ended(self):
        self.start_with_timeout("server")
        client = self.client()
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n")
        began = time.monotonic()
        sent = 0

        def slowly_sent():
            nonlocal sent
            if time.monotonic() - began > 0.08 * sent:
                client.send("x")
                sent += 1
            return sent == 8

        wait_until(slowly_sent, "the body is sent, slower than the server may be")
        self.assertEqual(client.read_response().json()["body_length"], 8)

    def test_http_request(self):
        self.start_with_timeout("http-request")
        for head in ("GET /x HTTP/1.1\r\nHost: a\r\n", "G"):
            client = self.client()
            client.send(head)
            self.assertEqual(client.read_response().status, 408)
            self.assertTrue(client.is_closed_by_peer())
        self.assert_logged("<BADREQ>", 408, "cR")

    def test_http_request_is_a_limit_of_the_whole_head(self):
        self.start_with_timeout("http-request")
        client = self.client()
        client.send("GET /x HTTP/1.1\r\nHost: a\r\nX: ")
        client.socket.setblocking(False)

        def answered():
            try:
                client.send("y")
                return client.receive()
            except BlockingIOError:
                return False

        wait_until(answered, "bytes that trickle in do not move the limit")
        self.assertTrue(client.buffer.startswith(b"HTTP/1.1 408 "))

    def test_http_keep_alive(self):
        self.start_with_timeout("http-keep-alive")
        client = self.client()
        self.assertEqual(client.get("/one").status, 200)
        self.assertTrue(client.is_closed_by_peer())
        self.assertEqual(self.get("/two").status, 200)
        self.logged("/two")
        self.assertEqual(len(self.log()), 2, "an idle connection that ends is no request")

    def test_queue(self):
        servers = {"web1": {"address": self.start_origin().address, "maxconn": 1}}
        self.start_with_timeout("queue", servers)
        self.client().send_request("GET", "/freeze")
        wait_until(lambda: self.stat("web1", "scur") == "1", "the only place is taken")
        self.assertEqual(self.get("/x").status, 503)
        self.assert_logged("/x", 503, "sQ")
        self.wait_for_queue(0)

    def test_tunnel(self):
        self.start_with_timeout("tunnel")
        client = self.client()
        upgrade = {"Connection": "upgrade", "Upgrade": "websocket"}
        self.assertEqual(client.get("/upgrade", upgrade).status, 101)
        client.send("hello")
        self.assertEqual(client.take(5), b"hello")
        self.assertTrue(client.is_closed_by_peer())
        self.assert_logged("/upgrade", 101, "sD", "cD")

    def test_check(self):
        hole = self.start_origin("hole")
        self.start_lb(
            {"web1": hole.address},
            defaults={"timeout": {"check": "100ms"}},
            backend={
                "check": {"type": "http", "uri": "/healthz"},
                "default-server": {"inter": "100ms", "fall": 1},
            },
        )
        wait_until(lambda: self.stat("web1", "status") == "UP", "the server is up")
        hole.set_health("/freeze")
        wait_until(lambda: self.stat("web1", "status") == "DOWN", "the frozen server is down")
        self.assertEqual(self.stat("web1", "check_status").lstrip("* "), "L7TOUT")
        # The control socket knows a moment before the workers do.
        wait_until(lambda: self.get("/x").status == 503, "the workers know, too")
        self.assert_logged("<NOSRV>", 503, "SC")

    def test_reset_of_a_client_that_waits(self):
        self.start_with_timeout("http-request")
        in_flight = self.origin.stats()["in_flight"]
        client = self.client()
        client.send_request("GET", "/freeze")
        wait_until(lambda: self.origin.stats()["in_flight"] > in_flight, "the request has arrived")
        client.reset()
        self.assert_logged("/freeze", -1, "CH")
        wait_until(lambda: self.origin.stats()["in_flight"] == in_flight, "the server is let go")

    def test_client_that_leaves_in_the_middle(self):
        self.start_with_timeout("http-request")
        client = self.client()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send_request("GET", "/bytes/20000000")
        client.take(1000)
        client.reset()
        self.assert_logged("/bytes/20000000", 200, "CD")


if __name__ == "__main__":
    tandem_testing.main()
