"""The clients of the mixed soak, each kind in threads of its own. Every request has a name under
which the access log knows it: its target, or of a session of TCP the client's port. What a client
does not get is a loss under that name, for the log to explain; nothing explains a wrong answer."""

import asyncio
import collections
import dataclasses
import queue
import random
import re
import subprocess
import tempfile
import time
import traceback

import grpc
import tandem_testing
import websockets
from client_threads import ClientThreads
from h2_websocket import Client as H2Client
from soak import Nginx
from tandem_testing import HttpClient, Truncated, program

HOST = "www.example.org"
PATIENCE = 20  # seconds until an answer that does not come is a loss
NAMES = re.compile(rb"web\d\n")
# To servers of HTTP/1.1, and of HTTP/2.
WAYS = ("/one/", "/two/")


@dataclasses.dataclass
class Loss:
    kind: str
    name: str
    what: str
    at: float = dataclasses.field(default_factory=time.time)

    def __str__(self):
        return f"{self.kind} {self.name}: {self.what}"


class Ledger:
    """What all clients did and did not get."""

    def __init__(self):
        self.lock = tandem_testing.threading.Lock()
        self.done = collections.Counter()
        self.losses = []
        self.mistakes = []

    def did(self, kind, count=1):
        with self.lock:
            self.done[kind] += count

    def lost(self, kind, name, what, count=1):
        with self.lock:
            self.losses += [Loss(kind, name, str(what)) for _ in range(count)]

    def mistook(self, kind, name, what):
        with self.lock:
            self.mistakes.append(Loss(kind, name, str(what)))


class Clients(ClientThreads):
    """`stage`: where tandem-lb is (`port`, `tls_port`, `tcp_port`), a `context()` of TLS, `ca`, the
    path of its CA, and the `ledger`."""

    kind = "clients"
    CLIENTS = 1  # threads

    def __init__(self, stage, over_tls=False):
        super().__init__(self.CLIENTS)
        self.stage = stage
        self.over_tls = over_tls
        self.kind = self.kind + ("-tls" if over_tls else "")
        self.port = stage.tls_port if over_tls else stage.port
        self.asked = 0

    def run(self, number):
        try:
            self.live(random.Random(f"{self.stage.seed} {self.kind} {number}"))
        except Exception:  # pylint: disable=broad-except
            self.mistook(None, traceback.format_exc())

    def new_name(self, path):
        with self.lock:
            self.asked += 1
            return f"{path}?{self.kind}-{self.asked}"

    def did(self, count=1):
        self.stage.ledger.did(self.kind, count)

    def lost(self, name, what, count=1):
        self.stage.ledger.lost(self.kind, name, what, count)

    def mistook(self, name, what):
        self.stage.ledger.mistook(self.kind, name, what)

    def pause(self, choice, longest):
        self.stopping.wait(choice.random() * longest)


class Http1(Clients):
    """Connections that are kept for some requests: small and large answers, bodies up."""

    kind = "h1"
    CLIENTS = 4

    def live(self, choice):
        client, left = None, 0
        context, session = self.stage.context(), None
        while not self.stopping.is_set():
            if left == 0:
                if client:
                    # Every other handshake is a resumed one.
                    session = None if session or not self.over_tls else client.socket.session
                    client.close()
                client, left = self.connect(context, session), choice.randint(1, 30)
            left -= 1
            path = choice.choice(WAYS) + choice.choice(("page", "page", "page", "post", "file"))
            name = self.new_name(path)
            try:
                if not self.ask(client, name, choice):
                    left = 0
            except (OSError, Truncated) as error:
                self.lost(name, f"{type(error).__name__} {str(error)[:100]}")
                left = 0
            self.pause(choice, 0.04)
        if client:
            client.close()

    def connect(self, context, session):
        client = HttpClient(self.port, PATIENCE)
        if self.over_tls:
            client.socket = context.wrap_socket(
                client.socket, server_hostname=HOST, session=session
            )
        return client

    def ask(self, client, name, choice):
        """@return whether the connection stays"""
        body = choice.randbytes(choice.choice((20, 2000, 60_000))) if "/post?" in name else None
        method = "GET" if body is None else "POST"
        response = client.request(method, name, {"Host": HOST}, body)
        if response.status >= 500:
            self.lost(name, response.status)
        elif response.status != 200 or not is_right(name, response.body):
            self.mistook(name, f"{response!r} {response.body[:100]!r}")
        else:
            self.did()
        return (response.header("Connection") or "").lower() != "close"


def is_right(name, body):
    return body == Nginx.FILE if "/file?" in name else bool(NAMES.fullmatch(body))


class Curl(Clients):
    """curl, asking for many things at once as a browser does; a process for each page."""

    kind = "curl"

    def __init__(self, stage, version, over_tls):
        self.kind = f"curl-{version}"
        super().__init__(stage, over_tls)
        self.version = version
        # By prior knowledge curl 7.88 asks for one thing: the second on a connection it gives up
        # itself, whoever the server is.
        self.by_prior_knowledge = version == "h2" and not over_tls
        if self.by_prior_knowledge:
            self.options = ["--http2-prior-knowledge"]
        else:
            self.options = ["--parallel", "--parallel-max", "6"]
            self.options += ["--http1.1" if version == "h1" else "--http2"]

    def live(self, choice):
        while not self.stopping.is_set():
            with tempfile.TemporaryDirectory(dir=self.stage.folder) as folder:
                self.load_page(folder, choice)
            self.pause(choice, 0.8)

    def load_page(self, folder, choice):
        scheme = "https" if self.over_tls else "http"
        kinds = ["post"] * 4 if choice.random() < 0.3 else ["file"] + ["page"] * 8
        if self.by_prior_knowledge:
            kinds = [choice.choice(kinds)]
        names = [self.new_name(choice.choice(WAYS) + kind) for kind in kinds]
        options = ["--data-binary", f"@{self.stage.upload}"] if kinds[0] == "post" else []
        if choice.random() < 0.3:
            options += ["--limit-rate", "700k"]  # a slow one holds up nobody else
        if choice.random() < 0.5:
            options += ["--compressed"]
        urls = []
        for number, name in enumerate(names):
            urls += ["--output", f"{folder}/{number}", f"{scheme}://{HOST}:{self.port}{name}"]
        done = subprocess.run(
            [program("curl"), "--silent", *self.options,
             "--cacert", self.stage.ca, "--resolve", f"{HOST}:{self.port}:127.0.0.1",
             "--max-time", str(PATIENCE), "--write-out",
             "%{exitcode} %{http_code} %{http_version} %{url} %{errormsg}\n", *options, *urls],
            capture_output=True, text=True, check=False)  # fmt: skip
        seen = set()
        for line in done.stdout.splitlines():
            code, status, version, url, *error = line.split(" ", 4)
            name = url.partition(f":{self.port}")[2]
            seen.add(name)
            if code != "0" or int(status) >= 500:
                self.lost(name, f"curl says {code} {error}, status {status}")
                continue
            with open(f"{folder}/{names.index(name)}", "rb") as file:
                body = file.read()
            if status != "200" or version != self.version[1:].replace("1", "1.1"):
                self.mistook(name, line)
            elif not is_right(name, body):
                self.mistook(name, f"{len(body)} bytes: {body[:100]!r}")
            else:
                self.did()
        if unheard := set(names) - seen:
            self.mistook(None, f"curl ({done.returncode}) says nothing of {unheard}: {done.stderr}")


class H2load(Clients):
    """h2load, a steady load in batches of some seconds; each has a name of its own."""

    kind = "h2load"
    CONNECTIONS, SECONDS = 5, 4
    # Whenever the machine has stood still, h2load sends at once what was due meanwhile. Without so
    # low a bound it, and not tandem, would decide how much memory the last third needs.
    STREAMS = 5

    def __init__(self, stage, version, over_tls):
        self.kind = f"h2load-{version}"
        super().__init__(stage, over_tls)
        self.version = version

    def live(self, choice):
        scheme = "https" if self.over_tls else "http"
        each = max(1, round(self.stage.rate / self.CONNECTIONS))
        count = each * self.CONNECTIONS * self.SECONDS
        options = ["--h1"] if self.version == "h1" else ["-m", str(self.STREAMS)]
        while not self.stopping.is_set():
            name = self.new_name(choice.choice(WAYS) + "page")
            done = subprocess.run(
                [program("h2load"), "-n", str(count), "-c", str(self.CONNECTIONS), *options,
                 "--rps", str(each), f"{scheme}://127.0.0.1:{self.port}{name}"],
                capture_output=True, text=True, check=False)  # fmt: skip
            found = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout",
                              done.stdout)  # fmt: skip
            if found is None:
                self.mistook(name, done.stdout + done.stderr)
                continue
            succeeded, failed, errored, late = map(int, found.groups())
            self.did(succeeded)
            # What errored is among the failed ones.
            self.lost(name, found[0], failed + late)
            if succeeded + failed + late != count or errored > failed:
                self.mistook(name, f"{count} sent: {found[0]}")


class WebSockets(Clients):
    """WebSockets over HTTP/1.1 by Debian's python3-websockets: all in one loop."""

    kind = "websocket-h1"
    AT_ONCE = 8

    def live(self, choice):
        asyncio.run(self.live_all(choice))

    async def live_all(self, choice):
        await asyncio.gather(*(self.live_one(choice) for _ in range(self.AT_ONCE)))

    async def live_one(self, choice):
        scheme, options = "ws", {}
        if self.over_tls:
            scheme, options = "wss", {"ssl": self.stage.context(), "server_hostname": HOST}
        while not self.stopping.is_set():
            name = self.new_name("/ws/echo")
            try:
                async with websockets.connect(
                    f"{scheme}://{HOST}:{self.port}{name}", host="127.0.0.1", max_size=None,
                    open_timeout=PATIENCE, close_timeout=PATIENCE, ping_interval=None, **options,
                ) as connection:  # fmt: skip
                    await self.talk(connection, name, choice)
            except (OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
                self.lost(name, f"{type(error).__name__} {error}")

    async def talk(self, connection, name, choice):
        # Some stay for long: they live through drains.
        for _ in range(choice.choice((3, 10, 200))):
            if self.stopping.is_set():
                break
            message = choice.randbytes(choice.choice((0, 10, 1000, 100_000)))
            await connection.send(message)
            if await asyncio.wait_for(connection.recv(), PATIENCE) != message:
                self.mistook(name, "an echo is another")
            await asyncio.sleep(choice.random() * 0.1)
        await connection.close()
        if connection.close_code != 1000:
            self.lost(name, f"closed with {connection.close_code}")
        else:
            self.did()


class H2WebSockets(Clients):
    """WebSockets over HTTP/2 (RFC 8441): several tunnels of a connection."""

    kind = "websocket-h2"
    AT_ONCE = 6

    def live(self, choice):
        while not self.stopping.is_set():
            options = {"tls": self.stage.context(), "server_name": HOST} if self.over_tls else {}
            client = H2Client(self.port, **options)
            tunnels = {}
            for _ in range(choice.randint(20, 300)):
                if self.stopping.is_set():
                    break
                while len(tunnels) < self.AT_ONCE:
                    name = self.new_name("/ws/echo")
                    tunnels[name] = client.open(name)
                self.turn(tunnels, choice)
                self.pause(choice, 0.1)
            for name, tunnel in tunnels.items():
                self.close(name, tunnel)
            client.close()

    def turn(self, tunnels, choice):
        """One message in each tunnel, and back; some are closed for others."""
        messages = {}
        for name, tunnel in list(tunnels.items()):
            messages[name] = choice.randbytes(choice.choice((1, 1000, 50_000)))
            if self.is_alive(name, tunnel, tunnels):
                tunnel.say(messages[name])
        for name, tunnel in list(tunnels.items()):
            tunnel.wait_for(lambda one=tunnel: one.messages or one.is_over, "an echo comes")
            if tunnel.messages:
                if tunnel.messages.pop(0) != messages[name]:
                    self.mistook(name, "an echo is another")
            elif self.is_alive(name, tunnel, tunnels):
                self.mistook(name, "no echo")
        for name, tunnel in list(tunnels.items()):
            if choice.random() < 0.05:
                del tunnels[name]
                self.close(name, tunnel)

    def is_alive(self, name, tunnel, tunnels):
        if tunnel.status == 200 and not tunnel.is_over:
            return True
        self.lost(name, f"status {tunnel.status}, reset {tunnel.reset}, ended {tunnel.ended}")
        if tunnel.ended and tunnel.reset is None:
            tunnel.send(ends=True)
        del tunnels[name]
        return False

    def close(self, name, tunnel):
        if tunnel.status == 200 and not tunnel.is_over:
            tunnel.inner.send_close(1000)
            tunnel.send(ends=True)
            tunnel.wait_for(lambda: tunnel.is_over, "the goodbye is answered")
        if tunnel.close_code == 1000 and tunnel.ended:
            self.did()
        else:
            self.lost(name, f"status {tunnel.status}, closed with {tunnel.close_code}, "
                      f"reset {tunnel.reset}")  # fmt: skip


class Grpc(Clients):
    """Debian's grpcio: the four kinds of calls, over a channel that is made anew now and then."""

    kind = "grpc"
    CLIENTS = 3

    def live(self, choice):
        while not self.stopping.is_set():
            with self.channel() as channel:
                for _ in range(choice.randint(20, 300)):
                    if self.stopping.is_set():
                        break
                    self.call(channel, choice)
                    self.pause(choice, 0.05)

    def channel(self):
        options = [("grpc.use_local_subchannel_pool", 1)]
        if not self.over_tls:
            return grpc.insecure_channel(f"127.0.0.1:{self.port}", options)
        options.append(("grpc.ssl_target_name_override", HOST))
        credentials = grpc.ssl_channel_credentials(self.stage.ca.read_bytes())
        return grpc.secure_channel(f"127.0.0.1:{self.port}", credentials, options)

    def call(self, channel, choice):
        kind = choice.choice(("say", "count", "sum", "talk"))
        with self.lock:
            self.asked += 1
            name = f"/{kind}/{self.kind}-{self.asked}"
        try:
            getattr(self, kind)(channel, name, choice)
            self.did()
        except grpc.RpcError as error:
            self.lost(name, f"{error.code()} {error.details()}")

    def check(self, name, got, wanted):
        if got != wanted:
            self.mistook(name, "the answer is another")

    def say(self, channel, name, choice):
        message = choice.randbytes(choice.choice((0, 100, 100_000)))
        self.check(name, channel.unary_unary(name)(message, timeout=PATIENCE), message)

    def count(self, channel, name, choice):
        count = choice.randint(1, 200)
        answers = list(channel.unary_stream(name)(b"%d" % count, timeout=PATIENCE))
        self.check(name, answers, [b"%d" % i for i in range(count)])

    def sum(self, channel, name, choice):
        messages = [b"x" * 5000] * choice.randint(1, 60)
        total = channel.stream_unary(name)(iter(messages), timeout=PATIENCE)
        self.check(name, total, b"%d" % (5000 * len(messages)))

    def talk(self, channel, name, choice):
        asked = queue.Queue()
        answers = channel.stream_stream(name)(iter(asked.get, None), timeout=PATIENCE)
        try:
            for _ in range(choice.randint(1, 20)):
                word = choice.randbytes(choice.choice((0, 50, 40_000)))
                asked.put(word)
                self.check(name, next(answers, None), word[::-1])
                self.pause(choice, 0.02)
        finally:
            asked.put(None)
        self.check(name, list(answers), [])


class Redis(Clients):
    """Sessions of TCP with Redis, which says back what it hears."""

    kind = "redis"
    CLIENTS = 4

    def live(self, choice):
        while not self.stopping.is_set():
            name = None
            try:
                with tandem_testing.connect(self.stage.tcp_port, PATIENCE) as connection:
                    name = f"tcp:{connection.getsockname()[1]}"
                    self.talk(connection, name, choice)
                self.did()
            except OSError as error:
                self.lost(name, f"{type(error).__name__} {error}")

    def talk(self, connection, name, choice):
        reader = connection.makefile("rb")
        for _ in range(choice.randint(1, 100)):
            if self.stopping.is_set():
                break
            words = [choice.randbytes(choice.choice((0, 10, 1000, 200_000))) for _ in range(3)]
            for word in words:
                connection.sendall(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (len(word), word))
            for word in words:
                wanted = b"$%d\r\n%s\r\n" % (len(word), word)
                got = reader.read(len(wanted))
                if len(got) < len(wanted):
                    raise ConnectionError("ended inside an answer")
                if got != wanted:
                    self.mistook(name, "an echo is another")
            self.pause(choice, 0.05)
        connection.sendall(b"*1\r\n$4\r\nQUIT\r\n")
        if (got := reader.read()) != b"+OK\r\n":
            raise ConnectionError(f"QUIT was answered {got!r}")


def all_kinds(stage):
    """Those that are to be at work together."""
    kinds = []
    for over_tls in (False, True):
        kinds += [kind(stage, over_tls) for kind in (Http1, WebSockets, H2WebSockets, Grpc)]
        for version in ("h1", "h2"):
            kinds += [Curl(stage, version, over_tls), H2load(stage, version, over_tls)]
    return [*kinds, Redis(stage)]
