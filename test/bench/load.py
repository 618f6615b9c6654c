"""Load: what runs on the other CPU. wrk and h2load as fast as they go, tandem-pacer at a fixed rate,
idle connections, and an exact number of requests for counting instructions."""

import concurrent.futures
import contextlib
import dataclasses
import json
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import time

from tandem_testing import HttpClient, connect, program

HERE = pathlib.Path(__file__).resolve().parent
GRACE = 60  # seconds that a load generator may take longer than it was told to
OPENING_SECONDS = 120  # for all idle connections together
OPENED_AT_ONCE = 16


@dataclasses.dataclass
class LoadResult:
    requests: int
    seconds: float
    p50: float  # microseconds
    p99: float
    errors: int  # everything but a good answer


def run_wrk(port, scenario, seconds):
    arguments = [f"{key}={value}" for key, value in scenario.wrk_arguments().items()]
    return _result_of([
        program("wrk"), "-t1", f"-c{scenario.connections}", f"-d{seconds}s", "--timeout=30s",
        f"-s{HERE / 'wrk.lua'}", f"http{'s' if scenario.tls else ''}://127.0.0.1:{port}"
        f"{scenario.target}", "--", *arguments,
    ], seconds)  # fmt: skip


def run_resumed(port, scenario, seconds):
    """One connection after the other, each with the ticket of the one before."""
    text = _run([
        program("openssl"), "s_time", "-connect", f"127.0.0.1:{port}", "-reuse", "-time",
        str(seconds), "-www", scenario.target, "-tls1_3",
    ], seconds)  # fmt: skip
    # "n connections in s real seconds, b bytes read per connection"; first s_time makes one whole.
    found = re.findall(r"(\d+) connections in (\d+) real seconds, (\d+) bytes read", text)
    if not found or int(found[-1][2]) < scenario.expected_size:
        raise RuntimeError(f"{scenario.name}: openssl s_time says {text[-400:]!r}")
    count, real, _ = map(int, found[-1])
    return LoadResult(count, max(real, 1), 0.0, 0.0, 0)


def run_h2load(port, scenario, amount, seconds):
    """`amount`: how much of it, as h2load is told. It knows no percentiles."""
    text = _run([
        program("h2load"), "-t1", f"-c{scenario.connections}", f"-m{scenario.streams}", *amount,
        "-H", ":authority: bench.example", f"https://127.0.0.1:{port}{scenario.target}",
    ], seconds)  # fmt: skip
    # "requests: n total, n started, n done, n succeeded, n failed, n errored, n timeout"
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", _line(text, "requests:"))}
    good = int(re.search(r"(\d+) 2xx", _line(text, "status codes:")).group(1))
    took = re.search(r"finished in ([0-9.]+)(us|ms|s|m)\b", text)
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[took.group(2)]
    if "Application protocol: h2\n" not in text:
        raise RuntimeError(f"{scenario.name}: HTTP/2 was not spoken: {text[-400:]!r}")
    bad = counts["failed"] + counts["errored"] + counts["timeout"] + counts["succeeded"] - good
    return LoadResult(good, float(took.group(1)) * unit, 0.0, 0.0, bad)


def _line(text, beginning):
    return next(line for line in text.splitlines() if line.startswith(beginning))


def h2_client(port, tls):
    # Needs a package of its own, which those who only borrow this module do without.
    from h2_frames import H2Client

    return H2Client(port, tls=tls, server_name="bench.example")


def verify_h2(port, scenario):
    with h2_client(port, client_tls(scenario)) as client:
        if client.socket.selected_alpn_protocol() != "h2":
            raise RuntimeError(f"{scenario.name}: HTTP/2 is not agreed on")
        for _ in range(3):
            answer = client.get(scenario.target, scheme="https")
            check_answer(answer, scenario)
            if answer.body != scenario.expected_body():
                raise RuntimeError(f"{scenario.name}: the body arrived changed")


def client_tls(scenario):
    """For an HttpClient: nothing, or TLS that believes anybody."""
    if not scenario.tls:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def run_at_rate(port, scenario, seconds):
    """The scenario's rate, evenly spaced over its connections."""
    return _result_of([
        program("tandem-pacer"), str(port), str(scenario.connections), str(scenario.rate),
        str(seconds), scenario.target,
    ], seconds)  # fmt: skip


def run_load(port, scenario, seconds):
    if scenario.resume:
        return run_resumed(port, scenario, seconds)
    if scenario.h2:
        return run_h2load(port, scenario, [f"-D{seconds}"], seconds)
    return (run_at_rate if scenario.rate else run_wrk)(port, scenario, seconds)


def send_exactly(port, scenario, count):
    """That many requests: as many at once as the scenario has connections, each answered before
    the next ones begin; or one after the other, each on a connection of its own."""
    if scenario.h2:
        result = run_h2load(port, scenario, [f"-n{count}"], 0)
        if result.requests != count:
            raise RuntimeError(f"{scenario.name}: {result.requests} of {count} were answered")
        return
    if scenario.close:
        for number in range(count):
            with HttpClient(port, tls=client_tls(scenario)) as client:
                check_answer(scenario.ask(client, number), scenario)
        return
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(HttpClient(port, tls=client_tls(scenario))) for _ in range(scenario.connections)]
        for first in range(0, count, len(clients)):
            wave = clients[: count - first]
            for number, client in enumerate(wave, first):
                scenario.send(client, number)
            for client in wave:
                check_answer(client.read_response(head_only=scenario.method == "HEAD"), scenario)


def check_answer(response, scenario):
    if response.status != 200 or len(response.body) != scenario.expected_size:
        raise RuntimeError(
            f"{scenario.name}: answered {response.status} with {len(response.body)} bytes, "
            f"not 200 with {scenario.expected_size}"
        )


class IdleConnections:
    """Many client connections that stay. Closed with RST, so that no port is left in TIME_WAIT."""

    def __init__(self, port, count, target=None, tls=None):
        request = f"GET {target} HTTP/1.1\r\nHost: bench.example\r\n\r\n"
        self.request = request.encode() if target else b""
        self.port, self.tls, self.sockets = port, tls, []
        _at_once(self.open_one, count)

    def open_one(self):
        connection = connect(self.port)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection)
        self.sockets.append(connection)
        if self.request:
            connection.sendall(self.request)
            if not connection.recv(65536):
                raise RuntimeError("an idle connection was closed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.sockets:
            connection.close()


class IdleH2Connections:
    """The same with HTTP/2: each has its SETTINGS, and with `target` has answered one request."""

    def __init__(self, port, count, target=None, tls=None):
        self.port, self.target, self.tls, self.clients = port, target, tls, []
        _at_once(self.open_one, count)

    def open_one(self):
        client = h2_client(self.port, self.tls)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.clients.append(client)
        client.wait_for(lambda: client.settings_seen and client.acks, "SETTINGS are exchanged")
        if self.target and client.get(self.target, scheme="https").status != 200:
            raise RuntimeError("a connection that was to be idle was not served")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()


def _at_once(open_one, count):
    """Opens `count` connections, several at a time: one after the other, each waits its turn on a
    busy machine at every step of its handshake, and ten thousand take many minutes."""
    end = time.monotonic() + OPENING_SECONDS
    stood = []

    def open_many(number):
        for _ in range(number, count, OPENED_AT_ONCE):
            if time.monotonic() > end:
                raise RuntimeError(f"only {len(stood)} of {count} stood after {OPENING_SECONDS} s")
            open_one()
            stood.append(None)

    with concurrent.futures.ThreadPoolExecutor(OPENED_AT_ONCE) as openers:
        waiting = [openers.submit(open_many, number) for number in range(OPENED_AT_ONCE)]
        for one in concurrent.futures.as_completed(waiting):
            if one.exception() is None:
                continue
            end = 0  # the others stop at their next one
            raise RuntimeError(
                f"idle connections, {len(stood)} of {count} open: {one.exception()}"
            ) from one.exception()


def _result_of(command, seconds):
    data = json.loads(_run(command, seconds).strip().splitlines()[-1])
    errors = data["socket_errors"] + data["timeouts"] + data["bad_statuses"]
    return LoadResult(data["requests"], data["seconds"], data["p50"], data["p99"], errors)


def _run(command, seconds):
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + GRACE, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
