"""What servers send is not trusted: no answer, a whole one, or one that visibly breaks off.

Every hostile answer goes to an HTTP/1.1 and to an HTTP/1.0 client. Then another client takes what
lies in the pool of server connections, and must get its own answer and nothing else.
"""

import contextlib
import dataclasses
import socket
import threading

import strict_http
import tandem_testing
from tandem_testing import HttpClient, free_port, origin_body, wait_until

OK = b"HTTP/1.1 200 OK\r\n"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: yes\r\n\r\nEVIL"


@dataclasses.dataclass
class Answer:
    """`wire` is what the server sends. What the client must get:

    refused     a 502 of the proxy's own
    truncated   `body` or less of it, and a visible break
    whole       `body`, and a clean end; nothing behind it
    """

    name: str
    wire: bytes
    fate: str = "refused"
    body: bytes = b""
    closes: bool = False
    method: str = "GET"


def with_fields(*lines, body=b"", status=OK):
    return status + b"\r\n".join([*lines, b"", b""]) + body


def status_lines():
    for line in (b"HTTP/1.1", b"HTTP/1.1 ", b"HTTP/1.1 20", b"HTTP/1.1 2000 OK", b"HTTP/1.1 2 0 0",
                 b"HTTP/1.1 0 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 600 OK", b"HTTP/1.1 999 OK",
                 b"HTTP/1.1 +200 OK", b"HTTP/1.1 -200 OK", b"HTTP/1.1 0x200", b"HTTP/1.1 abc",
                 b"HTTP/1.1  200 OK", b"HTTP/1.1\t200 OK", b"HTTP/1.1 200\tOK", b"HTTP/2.0 200 OK",
                 b"HTTP/2 200", b"HTTP/0.9 200 OK", b"HTTP/1 200 OK", b"HTTP/1.10 200 OK",
                 b"HTTP/1.x 200 OK", b"http/1.1 200 OK", b"HTTPS/1.1 200 OK", b"ICY 200 OK",
                 b" HTTP/1.1 200 OK", b"\tHTTP/1.1 200 OK", b"200 OK", b"OK", b"<html>",
                 b"SSH-2.0-OpenSSH_9.2", b"220 mail ESMTP", b"-ERR unknown command", b"\x00",
                 b"HTTP/1.1 200 O\x00K", b"HTTP/1.1 200 O\x1bK", b"HTTP/1.1 200 O\x7fK",
                 b"HTTP/1.1 200 O\rK", b"HTTP/1.1 200 OK\r", b"HTTP/1.1 200 OK\nX: y",
                 b"GET / HTTP/1.1"):
        wire = line + b"\r\nContent-Length: 4\r\n\r\nEVIL"
        yield Answer(f"status line {line!r}", wire, closes=True)
    yield Answer("LF alone", b"HTTP/1.1 200 OK\nContent-Length: 4\n\nEVIL", closes=True)
    yield Answer("empty line first", b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL")
    yield Answer("nothing but the end", b"\r\n", closes=True)
    yield Answer("TLS alert", b"\x15\x03\x03\x00\x02\x02\x28", closes=True)
    yield Answer("HTTP/2 settings", b"\x00\x00\x00\x04\x00\x00\x00\x00\x00", closes=True)


def fields():
    for line in (b": y", b" X: y", b"X : y", b"X\t: y", b"X", b"X y", b"X\x00: y", b"X: y\x00",
                 b"X: \x01y", b"X: y\x0b", b"X: y\x7f", b"X: y\x1b[31m", b"X(: y", b"X\xff: y",
                 b"X: y\r z", b"X: y\nX-Evil: yes", b"X: y\rX-Evil: yes", b"X: y\r\r",
                 b"X: y\r\n z",
                 b"X: y\n\nEVIL", b"X: y\r\n\tz", b"Set-Cookie: a\x00b", b"Location: /\x08"):
        yield Answer(f"field line {line!r}", with_fields(b"Content-Length: 4", line, body=b"EVIL"))
        yield Answer(f"first {line!r}", with_fields(line, b"Content-Length: 4", body=b"EVIL"))
    yield Answer("too many fields", with_fields(*[b"X: y"] * 200, b"Content-Length: 0"))
    large = [b"X: " + b"y" * 9000, b"Y: " + b"z" * 9000, b"Content-Length: 0"]
    yield Answer("fields too large", with_fields(*large))
    yield Answer("a head without end", b"HTTP/1.1 200 OK\r\nX: y\r\n", closes=True)


def lengths():
    for value in (b"-1", b"-4", b"+4", b"4,4", b"4, 5", b"4 4", b"0x4", b"4h", b"four", b"", b"4;",
                  b"4\x00", b"4.0", b"18446744073709551620", b"9223372036854775808",
                  b"99999999999999999999", b"4_0", b'"4"', b"\xb2"):
        line = b"Content-Length: " + value
        yield Answer(f"length {value!r}", with_fields(line, body=b"EVIL"), closes=True)
    four, five = b"Content-Length: 4", b"Content-Length: 5"
    chunks = b"Transfer-Encoding: chunked"
    for lines in ((four, five), (five, four), (four, four), (four, chunks), (chunks, four),
                  (chunks, chunks), (b"Transfer-Encoding: gzip", four),
                  (b"Transfer-Encoding: gzip",),
                  (b"Transfer-Encoding: gzip, chunked",), (b"Transfer-Encoding: chunked, gzip",),
                  (b"Transfer-Encoding:",), (b"Transfer-Encoding: xchunked",),
                  (b"Transfer-Encoding: chunked,",), (b"Transfer-Encoding : chunked",)):
        yield Answer(f"framed by {lines!r}", with_fields(*lines, body=b"EVIL"), closes=True)
    old = with_fields(chunks, body=b"4\r\nEVIL\r\n0\r\n\r\n", status=b"HTTP/1.0 200 OK\r\n")
    yield Answer("chunks from an HTTP/1.0 server", old, closes=True)


def interims():
    yield Answer("101 unasked", b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nEVIL")
    yield Answer("101 without Upgrade", b"HTTP/1.1 101 Go\r\n\r\n" + EVIL)
    body = b"HTTP/1.1 103 Hints\r\nContent-Length: 4\r\n\r\nJUNK"
    yield Answer("1xx with a body", body + EVIL, closes=True)
    yield Answer("100 and garbage", b"HTTP/1.1 100 Continue\r\n\r\nEVIL\r\n\r\n", closes=True)
    yield Answer("only 1xx", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    yield Answer("only 1xx, then the end", b"HTTP/1.1 100 Continue\r\n\r\n" * 3, closes=True)


def breaks():
    whole = with_fields(b"Content-Length: 100", body=b"x" * 40)
    yield Answer("length not reached", whole, "truncated", b"x" * 40, closes=True)
    yield Answer("nothing of a length", with_fields(b"Content-Length: 9"), "truncated", closes=True)
    chunks = b"Transfer-Encoding: chunked"
    for tail in (b"", b"5\r\nhe", b"5\r\nhello", b"5\r\nhello\r\n", b"5\r\nhello\r\n0",
                 b"5\r\nhello\r\n0\r\n",
                 b"5", b"5\r\nhello\r\n0\r\nX: y\r\n", b"5\r\nhello\r\nEVIL", b"5\r\nhelloEVIL",
                 b"5\r\nhello\r\n-1\r\n", b"5\r\nhello\r\n0x4\r\nEVIL",
                 b"5\r\nhello\r\n +4\r\nEVIL",
                 b"5\r\nhello\r\nffffffffffffffff\r\nEVIL", b"5\r\nhello\r\n4\nEVIL",
                 b"5\r\nhello\n",
                 b"5\r\nhello\r\n0\r\nContent-Length: 4\r\n\r\nEVIL",
                 b"5\r\nhello\r\n4;\x00\r\nEVIL",
                 b"5\r\nhello\r\n0\r\nX: y\nSet-Cookie: evil\r\n\r\n", b"\x00", b"EVIL\r\n",
                 b"5\r\nhello\r\n0\r\nSet-Cookie: evil=1\r\n\r\n"):
        yield Answer(f"chunks end {tail!r}", with_fields(chunks, body=tail), "truncated", b"hello",
                     closes=True)


def extras():
    for extra in (EVIL, b"EVIL", b"\r\n", b"\x00", b"HTTP/1.1 ", b"E"):
        four = b"Content-Length: 4"
        yield Answer(f"{extra!r} behind a length", with_fields(four, body=b"good" + extra), "whole",
                     b"good")
        chunks = with_fields(b"Transfer-Encoding: chunked", body=b"4\r\ngood\r\n0\r\n\r\n" + extra)
        yield Answer(f"{extra!r} behind chunks", chunks, "whole", b"good")
        empty = with_fields(b"Content-Length: 0", body=extra)
        yield Answer(f"{extra!r} behind nothing", empty, "whole")
        for status in (b"204 No", b"304 Not"):
            wire = b"HTTP/1.1 " + status + b"\r\nContent-Length: 4\r\n\r\n" + extra
            yield Answer(f"{extra!r} behind {status!r}", wire, "whole")
        wire = with_fields(four, body=extra)
        yield Answer(f"{extra!r} behind the answer to HEAD", wire, "whole", method="HEAD")


def splitting():
    """What an application copies from a request into a field or a body stays where it is."""
    crlf = b"Location: /%0d%0aX-Split:%20yes%0d%0a%0d%0aSPLIT"
    two = b"Content-Length: 2"
    yield Answer("escapes stay", with_fields(crlf, two, body=b"ok"), "whole", b"ok")
    lone = b"Location: /\xe5\x98\x8a\xe5\x98\x8dX-Split: yes"
    yield Answer("wide CR and LF", with_fields(lone, two, body=b"ok"), "whole", b"ok")


def all_answers():
    makers = (status_lines, fields, lengths, interims, breaks, extras, splitting)
    return [answer for maker in makers for answer in maker()]


class TestCase(tandem_testing.TestCase):
    def start_with(self, server):
        port = free_port()
        self.tandem = self.start_tandem(
            {
                "frontends": {"www": {"bind": f"127.0.0.1:{port}", "default_backend": "app"}},
                "backends": {"app": {"http-reuse": "always", "servers": {"web1": server}}},
            }
        )
        return port


class HostileServersTest(TestCase):
    def setUp(self):
        super().setUp()
        self.raw = self.folder / "raw"
        self.raw.mkdir()

    def receive(self, target, method, version):
        """(all bytes of the answer, whether the connection was reset)"""
        with HttpClient(self.port) as client:
            client.send_request(method, target, {"Connection": "close"}, version=version)
            try:
                return client.read_to_end(), False
            except ConnectionResetError:
                return bytes(client.buffer), True

    def check(self, answer, received, was_reset, version):
        self.assertNotIn(b"EVIL", received)
        self.assertNotIn(b"X-Evil: yes\r\n", received)
        found, broken = strict_http.responses(received, to_head=answer.method == "HEAD")
        found = [message for message in found if message.start[0] >= 200]
        if answer.fate == "truncated":
            self.check_truncated(answer, received, was_reset, broken)
            return
        self.assertFalse(was_reset or broken, received)
        self.assertEqual(len(found), 1)
        if answer.fate == "refused":
            self.assertEqual(found[0].start, (502,))
        else:
            self.assertNotEqual(found[0].start, (502,))
            self.assertEqual(found[0].body, answer.body)
            self.assertEqual(found[0].all("x-split"), [])
        if version == "HTTP/1.0":
            self.assertEqual(found[0].all("transfer-encoding"), [])

    def check_truncated(self, answer, received, was_reset, broken):
        if received.startswith(b"HTTP/1.1 502 "):
            return  # seen before anything was passed on
        self.assertTrue(was_reset or broken, f"ends as if it were whole: {received!r}")
        head, _, body = received.partition(b"\r\n\r\n")
        if b"chunked" in head:
            body = b"".join(body.split(b"\r\n")[1::2])
        self.assertTrue(answer.body.startswith(body), received)

    def check_next(self, number):
        """Another client gets its own answer, whatever lies in the pool."""
        with HttpClient(self.port) as client:
            response = client.get(f"/bytes/64?h=X-Number:{number}", {"Connection": "close"})
            self.assertEqual(response.header("X-Number"), str(number))
            self.assertEqual(response.body, origin_body(64))
            self.assertEqual(client.read_to_end(), b"")

    def run_all(self, options, versions):
        origin = self.start_origin("web1", raw_folder=self.raw)
        self.port = self.start_with(origin.address)
        for number, answer in enumerate(all_answers()):
            (self.raw / str(number)).write_bytes(answer.wire)
            target = f"/raw/{number}?{options}" + ("&close" if answer.closes else "")
            for version in versions:
                with self.subTest(answer.name, version=version):
                    self.check(answer, *self.receive(target, answer.method, version), version)
                    self.check_next(number)
        self.assertTrue(self.tandem.is_running())

    def test_answers_in_one_write(self):
        self.run_all("delay=0", ("HTTP/1.1", "HTTP/1.0"))

    def test_answers_in_pieces(self):
        self.run_all("drip=1&piece=17", ("HTTP/1.1",))


class LateServer(threading.Thread):
    """Answers one request well; sends a second answer, unasked, when told to."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            # Else the kernel keeps a second answer back until the next request comes.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                for _ in range(data.count(b"\r\n\r\n")):
                    connection.sendall(OK + b"Content-Length: 4\r\n\r\ngood")

    def close(self):
        self.listener.close()
        for connection in self.connections:
            connection.close()


class LateBytesTest(TestCase):
    def test_an_answer_that_nobody_asked_for_spoils_the_connection(self):
        server = LateServer()
        self.addCleanup(server.close)
        port = self.start_with(f"127.0.0.1:{server.port}")
        for round_number in range(20):
            self.assertEqual(tandem_testing.get(port).body, b"good")
            last = server.connections[-1]
            last.sendall(EVIL)
            self.assertEqual(tandem_testing.get(port).body, b"good", f"round {round_number}")

    def test_bytes_that_come_while_the_connection_lies_idle_close_it(self):
        server = LateServer()
        self.addCleanup(server.close)
        port = self.start_with(f"127.0.0.1:{server.port}")
        self.assertEqual(tandem_testing.get(port).body, b"good")
        server.connections[0].sendall(b"E")
        wait_until(
            lambda: self.tandem.control.row("app", "web1")["srv_icur"] == "0",
            "the connection has left the pool",
        )


if __name__ == "__main__":
    tandem_testing.main()
