"""WebSockets over HTTP/2 (RFC 8441) from end to end: a client on Debian's python3-h2, behind
tandem-lb a server on Debian's python3-websockets, which speaks HTTP/1.1 (RFC 6455)."""

import asyncio
import base64
import http
import threading
import unittest

import h2.settings
import h2_stage
import websockets
from h2_websocket import Client
from tandem_testing import wait_until

ENABLE_CONNECT_PROTOCOL = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
LARGE = 3_000_000  # more than every window on the way


class WebSocketServer:
    """Serves in a thread of its own. `opened`: a (path, fields) of each handshake, `closed`: a
    (path, code) of each connection that has ended."""

    def __init__(self):
        self.opened = []
        self.closed = []
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def stop(self):
        self.loop.call_soon_threadsafe(self.done.set_result, None)
        self.thread.join()

    def _run(self, started):
        self.loop.run_until_complete(self._serve(started))
        self.loop.close()

    async def _serve(self, started):
        self.done = self.loop.create_future()
        async with websockets.serve(
            self._handle, "127.0.0.1", 0, max_size=None, subprotocols=["chat"],
            process_request=self._look, compression=None, ping_interval=None, close_timeout=2,
        ) as server:  # fmt: skip
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self.done

    async def _look(self, path, fields):
        """An answer instead of a handshake, or none."""
        if path == "/forbidden":
            return http.HTTPStatus.FORBIDDEN, [("X-Reason", "not you")], b"go away"
        if path == "/plain":
            return http.HTTPStatus.OK, [("Content-Type", "text/plain")], b"no tunnel"
        self.opened.append((path, fields))
        return None

    async def _handle(self, connection, path):
        try:
            if path == "/bye":
                await connection.send("bye")
                await connection.close(4001, "enough")
            elif path == "/die":
                connection.transport.abort()
            elif path == "/large":
                await connection.send(bytes(LARGE))
            async for message in connection:
                await connection.send(message)
        except websockets.ConnectionClosed:
            pass
        finally:
            self.closed.append((path, connection.close_code))


class WebSocketTest(h2_stage.Http2TestCase):
    def setUp(self):
        super().setUp()
        self.server = WebSocketServer()
        self.addCleanup(self.server.stop)

    def start(self, **options):
        self.start_lb(self.server, **options)
        return self.connect()

    def connect(self):
        client = Client(self.port)
        self.addCleanup(client.close)
        return client

    def wait_for_end(self, path):
        """Until the server's side of it is over; the code that it ended with."""
        wait_until(lambda: self.server.closed, "the server's side ends")
        ended, code = self.server.closed.pop(0)
        self.assertEqual(ended, path)
        return code

    def test_tunnels_are_announced(self):
        client = self.start()
        self.assertEqual(client.h2.remote_settings.get(ENABLE_CONNECT_PROTOCOL), 1)

    def test_a_handshake_is_one_of_http_1_for_the_server_and_none_for_the_client(self):
        client = self.start()
        tunnel = client.open("/chat?room=1", [("sec-websocket-protocol", "chat"), ("x-own", "1")])
        self.assertEqual(tunnel.status, 200)
        # RFC 8441 section 5: nothing of the switch is said in HTTP/2.
        for name in ("sec-websocket-accept", "upgrade", "connection", "content-length"):
            self.assertNotIn(name, tunnel.fields)
        self.assertEqual(tunnel.fields["sec-websocket-protocol"], "chat")
        path, fields = self.server.opened[0]
        self.assertEqual(path, "/chat?room=1")
        self.assertEqual(fields["Host"], "www.example.org")
        self.assertEqual(fields["Origin"], "https://www.example.org")
        self.assertEqual(fields["X-Own"], "1")
        self.assertEqual(fields["Upgrade"].lower(), "websocket")
        self.assertEqual(len(base64.b64decode(fields["Sec-WebSocket-Key"], validate=True)), 16)
        # Each handshake has its own.
        client.open("/chat")
        keys = {fields["Sec-WebSocket-Key"] for _, fields in self.server.opened}
        self.assertEqual(len(keys), 2)

    def test_messages_go_both_ways(self):
        client = self.start()
        tunnel = client.open("/echo")
        for message in ("hello", b"\0\1\2", "", "grüße"):
            tunnel.say(message)
            expected = message.encode() if isinstance(message, str) else message
            self.assertEqual(tunnel.hear(), expected)
        tunnel.inner.send_ping(b"are you there")
        tunnel.send()
        tunnel.wait_for(lambda: tunnel.pongs, "it answers the ping")
        self.assertEqual(tunnel.pongs, [b"are you there"])
        self.assertFalse(tunnel.is_over)

    def test_large_messages(self):
        client = self.start()
        tunnel = client.open("/large")
        self.assertEqual(tunnel.hear(), bytes(LARGE))
        message = bytes(range(256)) * (LARGE // 256)
        tunnel.say(message)
        self.assertEqual(tunnel.hear(), message)

    def test_tunnels_and_requests_share_a_connection(self):
        client = self.start()
        tunnels = [client.open(f"/echo{i}") for i in range(20)]
        for turn in range(3):
            for i, tunnel in enumerate(tunnels):
                tunnel.say(f"{turn} of {i}")
            for i, tunnel in enumerate(tunnels):
                self.assertEqual(tunnel.hear(), f"{turn} of {i}".encode())
        plain = client.ask("/plain")
        plain.wait_for(lambda: plain.is_over, "it is answered")
        self.assertEqual((plain.status, bytes(plain.body)), (200, b"no tunnel"))
        self.assertEqual(self.server.closed, [])

    def test_the_client_says_goodbye(self):
        client = self.start()
        tunnel = client.open("/echo")
        tunnel.inner.send_close(4000, "done")
        tunnel.send()
        tunnel.wait_for(lambda: tunnel.is_over, "the stream ends")
        self.assertEqual(tunnel.close_code, 4000)
        self.assertTrue(tunnel.ended)
        self.assertIn(tunnel.reset, (None, 0))
        self.assertEqual(self.wait_for_end("/echo"), 4000)
        # The connection stays for others.
        other = client.open("/echo")
        other.say("still there")
        self.assertEqual(other.hear(), b"still there")

    def test_the_server_says_goodbye(self):
        client = self.start()
        tunnel = client.open("/bye")
        self.assertEqual(tunnel.hear(), b"bye")
        tunnel.wait_for(lambda: tunnel.close_code, "it says goodbye")
        self.assertEqual(tunnel.close_code, 4001)
        tunnel.send()  # the goodbye back
        tunnel.wait_for(lambda: tunnel.is_over, "the stream ends")
        self.assertTrue(tunnel.ended)
        self.assertEqual(self.wait_for_end("/bye"), 4001)

    def test_a_client_that_ends_its_stream_ends_the_connection_to_the_server(self):
        client = self.start()
        tunnel = client.open("/echo")
        tunnel.say("last words")
        self.assertEqual(tunnel.hear(), b"last words")
        tunnel.send(ends=True)
        self.assertEqual(self.wait_for_end("/echo"), 1006)
        tunnel.wait_for(lambda: tunnel.is_over, "the stream ends")

    def test_a_client_that_resets_its_stream_ends_the_connection_to_the_server(self):
        client = self.start()
        tunnel = client.open("/echo")
        client.h2.reset_stream(tunnel.number, 8)
        client.flush()
        self.assertEqual(self.wait_for_end("/echo"), 1006)
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "0", "it is let go")

    def test_a_client_that_leaves_ends_all_its_tunnels(self):
        client = self.start()
        for i in range(3):
            client.open(f"/echo{i}")
        client.close()
        wait_until(lambda: len(self.server.closed) == 3, "the server's sides end")
        wait_until(lambda: self.lb.control.row("app", "web1")["scur"] == "0", "it is let go")

    def test_a_server_that_dies_breaks_the_stream(self):
        client = self.start()
        tunnel = client.open("/die")
        tunnel.wait_for(lambda: tunnel.is_over, "the stream ends")
        self.assertIsNone(tunnel.close_code)
        self.assertEqual(client.open("/echo").status, 200)

    def test_a_server_that_refuses_is_heard(self):
        client = self.start()
        refused = client.open("/forbidden")
        refused.wait_for(lambda: refused.is_over, "the answer ends")
        self.assertEqual(refused.status, 403)
        self.assertEqual(refused.fields["x-reason"], "not you")
        self.assertEqual(bytes(refused.body), b"go away")
        self.assertEqual(client.open("/echo").status, 200)

    def test_a_silent_tunnel_is_closed_after_its_time(self):
        timeouts = {"client": "30s", "server": "30s", "tunnel": "1s"}
        client = self.start(defaults={"timeout": timeouts})
        tunnel = client.open("/echo")
        tunnel.say("hello")
        self.assertEqual(tunnel.hear(), b"hello")
        tunnel.wait_for(lambda: tunnel.is_over, "it is closed")
        self.assertEqual(self.wait_for_end("/echo"), 1006)
        # One stream's time is not the connection's.
        self.assertEqual(client.open("/echo").status, 200)

    def test_over_tls(self):
        self.start_lb(self.server, with_tls=True)
        client = Client(self.tls_port, tls=self.context(), server_name=h2_stage.NAME)
        self.addCleanup(client.close)
        self.assertEqual(client.socket.selected_alpn_protocol(), "h2")
        tunnel = client.open("/echo")
        tunnel.say(bytes(LARGE))
        self.assertEqual(tunnel.hear(), bytes(LARGE))


if __name__ == "__main__":
    unittest.main()
