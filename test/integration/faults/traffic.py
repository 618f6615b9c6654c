"""Traffic: a few clients, each a thread with a connection that it keeps, and what became of every
request they sent. Each POST carries a number of its own in its target, so that the records of the
servers tell which were delivered, and how often."""

import collections
import itertools
import random
import socket
import time

from client_threads import ClientThreads
from tandem_testing import wait_until

CLIENTS = 16


class Request:
    """One request and its end. `error` is None when a whole answer came, whatever its status."""

    __slots__ = ("method", "number", "began", "ended", "status", "body", "error")

    def __init__(self, method, number):
        self.method = method
        self.number = number
        self.began = time.monotonic()
        self.ended = None
        self.status = None
        self.body = b""
        self.error = None

    @property
    def succeeded(self):
        return self.error is None and 200 <= self.status < 300

    def __repr__(self):
        return f"<{self.method} {self.number}: {self.error or self.status}>"


class BrokenOff(OSError):
    """The connection ended before the whole answer had come."""


class Client:
    """A client connection; made anew when it is closed. One thread."""

    def __init__(self, port, timeout):
        self.port = port
        self.timeout = timeout
        self.socket = None
        self.buffer = b""

    def close(self):
        if self.socket is not None:
            self.socket.close()
        self.socket = None
        self.buffer = b""

    def perform(self, request, close=False):
        """Sends `request` and fills in what came of it."""
        try:
            if self.socket is None:
                self.socket = socket.create_connection(("127.0.0.1", self.port), self.timeout)
            self.socket.sendall(self.bytes_of(request, close))
            request.status, request.body = self.read_answer()
        except OSError as error:
            request.error = f"{type(error).__name__}: {error}"
            self.close()
        request.ended = time.monotonic()

    @staticmethod
    def bytes_of(request, close):
        head = f"{request.method} /{request.method.lower()}/{request.number} HTTP/1.1\r\nHost: a\r\n"
        if close:
            head += "Connection: close\r\n"
        body = ""
        if request.method == "POST":
            body = f"number {request.number}\n"
            head += f"Content-Length: {len(body)}\r\n"
        return f"{head}\r\n{body}".encode()

    def receive(self):
        data = self.socket.recv(65536)
        if not data:
            raise BrokenOff("closed before the whole answer had come")
        self.buffer += data

    def read_answer(self):
        while (end := self.buffer.find(b"\r\n\r\n")) < 0:
            self.receive()
        head = self.buffer[:end].lower()
        self.buffer = self.buffer[end + 4 :]
        fields = dict(line.split(b":", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while len(self.buffer) < length:
            self.receive()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        if b"close" in fields.get(b"connection", b""):
            self.close()
        return int(head.split(b" ", 2)[1]), body


class Traffic(ClientThreads):
    """Clients at work for as long as the `with` block lasts.

    `posts`: share of the requests that are POST. `pause`: longest think time between two requests
    of a client, in seconds; each is drawn anew. `close`: a connection for each request. `keep`:
    whether all requests are remembered in `requests`, or only `failures`.
    """

    def __init__(self, port, clients=CLIENTS, posts=0.0, pause=0.004, close=False, keep=True,
                 timeout=20):  # fmt: skip
        super().__init__(clients)
        self.port = port
        self.posts = posts
        self.pause = pause
        self.close = close
        self.keep = keep
        self.timeout = timeout
        self.requests = []
        self.failures = []
        self.done = collections.Counter()  # by method; each client counts under the lock
        self.numbers = itertools.count()
    def run(self, seed):
        choice = random.Random(seed)
        client = Client(self.port, self.timeout)
        while not self.stopping.is_set():
            method = "POST" if choice.random() < self.posts else "GET"
            request = Request(method, next(self.numbers))
            client.perform(request, self.close)
            self.note(request)
            if self.pause:
                self.stopping.wait(choice.random() * self.pause)
        client.close()

    def note(self, request):
        with self.lock:
            self.done[request.method] += 1
            if self.keep:
                self.requests.append(request)
            if not request.succeeded:
                self.failures.append(request)

    def count(self):
        with self.lock:
            return self.done.total()

    def wait_for_more(self, count):
        """Until `count` further requests have ended."""
        wanted = self.count() + count
        wait_until(lambda: self.count() >= wanted, f"{count} more requests have ended", 60)

    def failed(self, method, since=None):
        """Those of `method` that failed; with `since`, of those that began after that instant."""
        with self.lock:
            return [
                request
                for request in self.failures
                if request.method == method and (since is None or request.began > since)
            ]
