"""Load: what runs on the other CPU. wrk as fast as it goes, tandem-pacer at a fixed rate, idle
connections, and an exact number of requests for counting instructions."""

import contextlib
import dataclasses
import json
import pathlib
import re
import socket
import ssl
import struct
import subprocess

from tandem_testing import HttpClient, connect, program

HERE = pathlib.Path(__file__).resolve().parent
GRACE = 60  # seconds that a load generator may take longer than it was told to


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
    return (run_at_rate if scenario.rate else run_wrk)(port, scenario, seconds)


def send_exactly(port, scenario, count):
    """That many requests: as many at once as the scenario has connections, each answered before
    the next ones begin; or one after the other, each on a connection of its own."""
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
        self.sockets = []
        request = f"GET {target} HTTP/1.1\r\nHost: bench.example\r\n\r\n".encode() if target else b""
        for _ in range(count):
            connection = connect(port)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if tls is not None:
                connection = tls.wrap_socket(connection)
            self.sockets.append(connection)
            if request:
                connection.sendall(request)
                if not connection.recv(65536):
                    raise RuntimeError("an idle connection was closed")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for connection in self.sockets:
            connection.close()


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
