"""No smuggling from HTTP/2 to HTTP/1: what a server receives is one request, the one that was sent,
or nothing.

The oracle is the byte stream that an origin recorded, taken apart by strict_http. Server
connections are shared by all variants, so that a body that runs over shows in others.
"""

import re

import h2_frames as h2
import h2_stage  # before the modules of other folders, which it makes known
import h2_variants
import hpack
import strict_http
import tandem_testing
from h2_frames import END_HEADERS, END_STREAM, PADDED, Code


def filled(text, number):
    return text.replace("@@@@", f"{number:04}").encode("latin-1")


class Sent:
    def __init__(self, number, variant):
        self.number = number
        self.variant = variant
        self.fields = [(filled(n, number), filled(v, number)) for n, v in variant.fields]
        self.trailers = [(filled(n, number), filled(v, number)) for n, v in variant.trailers]
        self.body = None if variant.body is None else filled(variant.body, number)
        self.stream = None
        self.error = None  # code of GOAWAY


class SmugglingTest(h2_stage.Http2TestCase):
    def setUp(self):
        super().setUp()
        self.start_lb(self.start_origin("web1", record=True))

    # ---- ways to write a request

    def as_literals(self, sent, number):
        return self.write(sent, number, h2.block, [sent.body])

    def by_huffman(self, sent, number):
        # Every connection has a variant of its own, so the encoder is new each time.
        encoder = hpack.Encoder()
        return self.write(sent, number, lambda fields: encoder.encode(fields, huffman=True), [sent.body])

    def in_single_bytes(self, sent, number):
        body = sent.body or b""
        pieces = [body[at : at + 1] for at in range(len(body))]
        return self.write(sent, number, h2.block, pieces or [sent.body])

    def with_padding(self, sent, number):
        body = sent.body
        wire = self.write(sent, number, h2.block, [] if body is None else [b""])
        if body is None:
            return self.as_literals(sent, number)
        half = len(body) // 2
        padded = b"".join(
            h2.data(number, b"\x11" + piece + b"GET /smuggled/pad"[:17], PADDED)
            for piece in (body[:half], b"", body[half:])
        )
        head_length = 9 + int.from_bytes(wire[:3], "big")
        return wire[:head_length] + padded + wire[head_length:]

    @staticmethod
    def write(sent, number, coded, pieces):
        """HEADERS, DATA for each piece, and the trailers."""
        if sent.body is None:
            return h2.headers(number, coded(sent.fields))
        wire = h2.headers(number, coded(sent.fields), END_HEADERS)
        for at, piece in enumerate(pieces):
            is_last = at == len(pieces) - 1 and not sent.trailers
            wire += h2.data(number, piece, END_STREAM if is_last else 0)
        if sent.trailers:
            wire += h2.headers(number, coded(sent.trailers))
        return wire

    # ---- ways to send them

    def on_connections_of_their_own(self, everything, write):
        for sent in everything:
            with h2.H2Client(self.port) as client:
                sent.stream = client.stream(1)
                client.send(write(sent, 1))
                client.wait_for(lambda c=client, s=sent: c.error or s.stream.is_over,
                                f"something becomes of {sent.variant.name}")  # fmt: skip
                sent.error = client.error

    def on_one_connection(self, everything, write):
        client = None
        for sent in everything:
            if client is None or client.closed or client.goaways:
                client = self.client()
            number = client.take_stream()
            sent.stream = client.stream(number)
            client.send(write(sent, number))
            client.wait_for(lambda c=client, s=sent: c.goaways or s.stream.is_over,
                            f"something becomes of {sent.variant.name}")  # fmt: skip
            sent.error = client.error
            if not sent.stream.is_over and client.error in (Code.NO_ERROR, Code.ENHANCE_YOUR_CALM):
                self.skip_variant(sent)

    def skip_variant(self, sent):
        """A budget of offences may end the connection: the variant goes on one of its own."""
        with h2.H2Client(self.port) as client:
            sent.stream = client.stream(1)
            client.send(self.as_literals(sent, 1))
            client.wait_for(lambda: client.error or sent.stream.is_over, "something becomes of it")
            sent.error = client.error

    def requests_at_origin(self):
        """{number of the variant: [request, None for one that broke off, or what is wrong]}"""
        found = {}
        for stream in self.origin.recorded():
            try:
                whole, broken = strict_http.requests(stream)
            except strict_http.Malformed as error:
                for number in re.findall(rb"/v/(\d{4})", stream):
                    found.setdefault(int(number), []).append(error)
                continue
            for request in whole:
                number = re.search(r"(?:/v/|v=|/smuggled/)(\d{4})", request.start[1])
                self.assertIsNotNone(number, f"nobody sent {request}")
                found.setdefault(int(number[1]), []).append(request)
            if broken:
                last = re.findall(rb"^\S+ \S*/v/(\d{4})\S* HTTP/1\.1\r$", stream, re.MULTILINE)
                self.assertTrue(last, f"nobody sent {stream[-300:]!r}")
                found.setdefault(int(last[-1]), []).append(None)
        return found

    # ---- judgement

    def check_refused(self, sent, seen):
        self.assertEqual(seen, [], "something of it reached the server")
        self.assert_error(sent)

    def assert_error(self, sent):
        if sent.error is not None:
            self.assertEqual(sent.error, Code.PROTOCOL_ERROR)
        elif sent.stream.status is not None:
            self.assertIn(sent.stream.status, (400, 405, 413, 501))
        else:
            self.assertEqual(sent.stream.reset, Code.PROTOCOL_ERROR)

    def check_cut(self, sent, seen):
        whole = [request for request in seen if request]
        self.assertLessEqual(len(seen), 1)
        if not whole:
            self.assertNotEqual(sent.stream.status, 200)
            self.assert_error(sent)
            return
        if (b"content-length", b"0") in sent.fields:  # whole as it is; what follows must not pass
            self.assertEqual((whole[0].body, whole[0].all("content-length")), (b"", ["0"]))
            return
        self.assertTrue(sent.trailers, "a body that is not what its length says went through")
        self.assertEqual((whole[0].trailers, whole[0].body), ([], sent.body))

    def check_either(self, sent, seen):
        if seen:
            self.check_passed(sent, seen)
        else:
            self.assert_error(sent)

    def check_passed(self, sent, seen):
        self.assertIsNone(sent.error)
        self.assertEqual(len(seen), 1, seen)
        request, expected = seen[0], sent.variant.expected
        self.assertIsNotNone(request, "it broke off")
        target = filled(expected.target, sent.number).decode("latin-1")
        self.assertEqual(request.start, (expected.method, target))
        self.assertEqual(request.body, sent.body or b"")
        self.assertEqual(request.all("host"), [expected.host])
        self.assertEqual(
            request.trailers, [(n.decode(), v.decode("latin-1")) for n, v in sent.trailers]
        )
        for name, value in expected.fields:
            wanted = filled(value, sent.number).decode("latin-1")
            self.assertEqual(request.all(name), [wanted])
        for name in expected.without:
            self.assertEqual(request.all(name), [])
        self.assertEqual((sent.stream.status, sent.stream.ended), (200, True))

    def run_all(self, write, how, fates=("refused", "cut", "either", "passed")):
        everything = [
            Sent(number, variant)
            for number, variant in enumerate(h2_variants.all_variants(), 1)
            if variant.fate in fates
        ]
        how(everything, write)
        self.assertTrue(self.lb.is_running(), self.lb.output())
        found = self.requests_at_origin()
        for sent in everything:
            with self.subTest(sent.variant.name):
                seen = found.get(sent.number, [])
                self.assertEqual([r for r in seen if isinstance(r, Exception)], [])
                smuggled = [r for r in seen if r and r.start[1].startswith("/smuggled/")]
                self.assertEqual(smuggled, [])
                getattr(self, f"check_{sent.variant.fate}")(sent, seen)
        self.assert_serves()

    def test_every_variant_on_a_connection_of_its_own(self):
        self.run_all(self.as_literals, self.on_connections_of_their_own)

    def test_every_variant_in_huffman_code(self):
        self.run_all(self.by_huffman, self.on_connections_of_their_own)

    def test_every_variant_on_one_connection(self):
        self.run_all(self.as_literals, self.on_one_connection)

    def test_bodies_in_single_bytes(self):
        self.run_all(self.in_single_bytes, self.on_connections_of_their_own,
                     ("cut", "passed", "either"))  # fmt: skip

    def test_bodies_with_padding_that_looks_like_requests(self):
        self.run_all(self.with_padding, self.on_connections_of_their_own,
                     ("cut", "passed", "either"))  # fmt: skip

    def test_there_are_hundreds_of_variants(self):
        variants = h2_variants.all_variants()
        self.assertGreater(len(variants), 600)


if __name__ == "__main__":
    tandem_testing.main()
