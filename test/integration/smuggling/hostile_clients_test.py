"""No request smuggling: what a server receives is what the client meant, or nothing.

The oracle is the byte stream that an origin recorded, taken apart by strict_http, a parser of its
own. Server connections are shared by all variants, so that a body that runs over shows in others.
"""

import re
import socket
import unittest

import strict_http
import tandem_testing
import variants
from tandem_testing import HttpClient, free_port, wait_until


def numbered(data, number):
    """Fills in the number, in as many digits as its mark has: variants count bytes."""
    mark = f"{number:04}"
    if isinstance(data, bytes):
        return data.replace(b"@@@@", mark.encode())
    return data.replace("@@@@", mark)


class Sent:
    """One variant as it was sent, and what the client saw."""

    def __init__(self, number, variant):
        self.number = number
        self.variant = variant
        self.received = b""
        self.was_reset = False


class HostileClientsTest(tandem_testing.TestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin("web1", record=True)
        self.port = free_port()
        self.tandem = self.start_tandem(
            {
                "frontends": {"www": {"bind": f"127.0.0.1:{self.port}", "default_backend": "app"}},
                "backends": {
                    "app": {"http-reuse": "always", "servers": {"web1": self.origin.address}}
                },
            }
        )

    def send(self, sent, how):
        """Sends a variant and reads all that comes back."""
        wire = numbered(sent.variant.wire, sent.number)
        keeps = sent.variant.fate == "passed" and not sent.variant.closes
        if keeps:
            # The next request on the connection: boundaries that are off by a byte break it.
            wire += b"GET /after/%04d HTTP/1.1\r\n" % sent.number
            wire += b"Host: a\r\nConnection: close\r\n\r\n"
        with HttpClient(self.port) as client:
            client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for piece in how(sent, wire):
                    client.send(piece)
                sent.received = client.read_to_end()
            except (BrokenPipeError, ConnectionResetError):
                sent.was_reset = True
                sent.received = bytes(client.buffer)

    def in_one_write(self, _, wire):
        return [wire]

    def byte_by_byte(self, _, wire):
        yield from (bytes([byte]) for byte in wire[:600])
        yield wire[600:]

    def head_first(self, sent, wire):
        """The body comes when the head is at the server already."""
        end = wire.find(b"\r\n\r\n") + 4
        yield wire[:end]
        mark = b"/v/%04d" % sent.number
        wait_until(lambda: any(mark in stream for stream in self.origin.recorded()), "head arrives")
        yield wire[end:]

    def requests_at_origin(self):
        """{number of the variant: [(request or None for one that broke off, target)]}"""
        found = {}
        for stream in self.origin.recorded():
            whole, broken = strict_http.requests(stream)
            for request in whole:
                # What is in a body belongs to whoever sent that body: targets alone count.
                number = re.search(r"(?:/v/|v=|/after/|/smuggled/)(\d{4})", request.start[1])
                self.assertIsNotNone(number, f"nobody sent {request}")
                found.setdefault(int(number[1]), []).append(request)
            if broken:
                last = re.findall(rb"^\S+ /v/(\d{4})\S* HTTP/1\.1\r$", stream, re.MULTILINE)
                found.setdefault(int(last[-1]) if last else None, []).append(None)
        return found

    def check_refused(self, sent, seen):
        self.assertEqual(seen, [], "something of it reached the server")
        self.check_error_answer(sent)

    def check_error_answer(self, sent):
        self.assertFalse(sent.was_reset, f"reset after {sent.received!r}")
        answers, broken = strict_http.responses(sent.received)
        self.assertFalse(broken, sent.received)
        self.assertEqual(len(answers), 1, sent.received)
        self.assertIn(answers[0].start[0], sent.variant.statuses)
        self.assertEqual(answers[0].all("connection"), ["close"])

    def check_cut(self, sent, seen):
        self.assertIn(seen, ([], [None]), "the server saw more than a request that broke off")
        self.check_error_answer(sent)

    def check_passed(self, sent, seen):
        self.assertFalse(sent.was_reset)
        wanted = [*sent.variant.requests]
        if not sent.variant.closes:
            wanted.append(variants.Expected(target="/after/@@@@"))
        self.assertEqual(len(seen), len(wanted), seen)
        for request, expected in zip(seen, wanted):
            self.check_request(sent.number, request, expected)
        to_head = wanted[0].method == "HEAD"
        if not to_head:
            answers, broken = strict_http.responses(sent.received)
            self.assertFalse(broken)
            self.assertEqual([answer.start for answer in answers], [(200,)] * len(wanted))

    def check_request(self, number, request, expected):
        self.assertEqual(request.start, (expected.method, numbered(expected.target, number)))
        self.assertEqual(request.body, numbered(expected.body, number))
        trailers = [(name, numbered(value, number)) for name, value in expected.trailers]
        self.assertEqual(request.trailers, trailers)
        if expected.host is not None:
            self.assertEqual(request.all("host"), [expected.host])
        for field in expected.fields:
            self.assertIn(field, request.fields)
        for name in expected.without:
            self.assertEqual(request.all(name), [], request)

    def run_all(self, how, fates=("refused", "cut", "passed")):
        everything = [
            Sent(number, variant)
            for number, variant in enumerate(variants.all_variants())
            if variant.fate in fates
        ]
        for sent in everything:
            with self.subTest(sent.variant.name):
                self.send(sent, how)
        self.assertTrue(self.tandem.is_running())
        found = self.requests_at_origin()
        self.assertNotIn(None, found, "a broken request that is nobody's")
        checks = {"refused": self.check_refused, "cut": self.check_cut, "passed": self.check_passed}
        for sent in everything:
            with self.subTest(sent.variant.name):
                seen = found.get(sent.number, [])
                smuggled = [r for r in seen if r and r.start[1].startswith("/smuggled/")]
                self.assertEqual(smuggled, [])
                checks[sent.variant.fate](sent, seen)
        return found

    def test_every_variant_in_one_write(self):
        self.run_all(self.in_one_write)

    def test_every_variant_byte_by_byte(self):
        self.run_all(self.byte_by_byte)

    def test_every_body_that_breaks_behind_a_head_that_has_left(self):
        found = self.run_all(self.head_first, fates=("cut",))
        self.assertTrue(all(seen == [None] for seen in found.values()), found)


class OracleTest(unittest.TestCase):
    """The parser that judges does judge."""

    def test_there_are_hundreds_of_variants(self):
        self.assertGreaterEqual(len({variant.wire for variant in variants.all_variants()}), 300)

    GOOD = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"

    def test_it_reads_what_is_right(self):
        whole, broken = strict_http.requests(self.GOOD * 2)
        self.assertFalse(broken)
        self.assertEqual([request.body for request in whole], [b"hi", b"hi"])

    def test_it_sees_what_breaks_off(self):
        for end in range(1, len(self.GOOD)):
            self.assertEqual(strict_http.requests(self.GOOD[:end]), ([], True))

    def test_it_refuses_what_a_proxy_must_not_write(self):
        for right, wrong in ((b"\r\n2", b"\n2"), (b"2\r\n", b"2;a\r\n"), (b"2\r\n", b"0x2\r\n"),
                             (b"Host: a", b"Host: a\r\nHost: a"), (b"Host: a", b"X: a"),
                             (b"Host: a", b"Host : a"), (b"chunked", b"gzip, chunked"),
                             (b"chunked", b"chunked\r\nContent-Length: 5"), (b"1.1", b"1.0"),
                             (b"hi\r\n", b"hi!\r\n"), (b"/x", b"/x\x00"), (b": a", b": a\r b")):
            with self.subTest(wrong), self.assertRaises(strict_http.Malformed):
                strict_http.requests(self.GOOD.replace(right, wrong, 1))


if __name__ == "__main__":
    tandem_testing.main()
