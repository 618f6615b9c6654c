"""Servers that misbehave, for every kind of check: the balancer says what it met, and lives."""

import socketserver

import check_stage
import tandem_testing
from check_stage import backend

KINDS = {
    "steps": {"steps": [{"send": "PING\r\n"}, {"expect": "+PONG"}]},
    "redis": {"type": "redis", "role": "master", "password": "x"},
    "pgsql": {"type": "pgsql", "user": "monitor", "role": "primary"},
    "mysql": {"type": "mysql", "user": "monitor"},
    "smtp": {"type": "smtp"},
    "grpc": {"type": "grpc"},
}


class Misbehaving(check_stage.LoopbackServer):
    """Says `text` to whoever connects, then closes; or, without end, goes on saying it."""

    def __init__(self, test, text, endless=False):
        self.text = text
        self.endless = endless
        super().__init__(test, Handler)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.sendall(self.server.text)
            while self.server.endless:
                self.request.sendall(self.server.text)
        except OSError:
            pass  # the check has seen enough


class ScriptedTest(check_stage.CheckTestCase):
    def check_all(self, server, status, words=""):
        servers = {"s": server.port}
        self.start_checker(**{kind: backend(check, servers) for kind, check in KINDS.items()})
        for kind in KINDS:
            with self.subTest(kind):
                self.wait_for(kind, "s", "DOWN", status, words)
        self.assertTrue(self.lb.is_running())

    def test_one_that_closes(self):
        self.check_all(Misbehaving(self, b""), "L7RSP")

    def test_one_that_talks_nonsense(self):
        self.check_all(Misbehaving(self, b"\x00\xff<html>,\"'\x1b[31m\r\n"), "L7RSP")

    def test_one_that_talks_without_end(self):
        self.check_all(Misbehaving(self, b"\x00" * 65536, endless=True), "L7RSP")

    def test_refusals_are_told_in_the_words_of_the_server(self):
        refusals = {
            "redis": (b"-DENIED Redis is running in protected mode\r\n", "L7STS", "refused: DENIED"),
            "mysql": (b"\x14\0\0\0\xff\x10\x04Too many clients.", "L7STS", "Too many clients."),
            "smtp": (b"554 No SMTP service here\r\n", "L7STS", "No SMTP service here"),
            "pgsql": (b"E\0\0\0\x1cSFATAL\0C53300\0Mfull up\0\0", "L7RSP", "FATAL: full up"),
        }
        self.start_checker(
            **{kind: backend(KINDS[kind], {"s": Misbehaving(self, text).port})
               for kind, (text, _, _) in refusals.items()})  # fmt: skip
        for kind, (_, status, words) in refusals.items():
            with self.subTest(kind):
                self.wait_for(kind, "s", "DOWN", status, words)
        self.assertEqual(self.lb.control.row("smtp", "s")["check_code"], "554")
        self.assertEqual(self.lb.control.row("mysql", "s")["check_code"], "1040")


if __name__ == "__main__":
    tandem_testing.main()
