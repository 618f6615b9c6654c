"""What the integration tests share: processes that are stopped by pid, ports, waiting for
conditions, a raw HTTP/1 client, the control socket, scripted origins, and tandem-lb itself.

Standard library only. One rule for waiting: wait_until() with one generous TIMEOUT; a test never
sleeps for a time that it hopes to be long enough.
"""

import errno
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

# Seconds after which something that should have happened counts as not happening. Generous: a
# loaded machine or a sanitizer makes everything ten times slower, and only failures wait this long.
TIMEOUT = float(os.environ.get("TANDEM_TEST_TIMEOUT", "20"))

PROGRAMS = {
    "tandem-lb": "lb/tandem-lb",
    "tandem-failover": "failover/tandem-failover",
    "tandemctl": "ctl/tandemctl",
    "tandem-origin": "test/support/origin/tandem-origin",
    "tandem-pacer": "tandem-pacer",  # in the build folder of scripts/bench alone
    "tandem-prober": "tandem-prober",
    "tandem-observer": "tandem-observer",
}


def program(name):
    """Path of a program of this build ($TANDEM_BIN_DIR is the build folder), or of the system."""
    if name in PROGRAMS:
        return str(pathlib.Path(os.environ["TANDEM_BIN_DIR"]) / PROGRAMS[name])
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: scripts/deps test")
    return found


def wait_until(condition, what="the condition", timeout=None):
    """Calls `condition` until it gives something true, and returns that.

    OSError counts as "not yet" (a server that does not listen). Fails with `what` after TIMEOUT.
    """
    deadline = time.monotonic() + (TIMEOUT if timeout is None else timeout)
    pause = threading.Event()
    last_error = None
    while True:
        try:
            if value := condition():
                return value
            last_error = None
        except OSError as error:
            last_error = error
        if time.monotonic() > deadline:
            because = f" ({last_error})" if last_error else ""
            raise AssertionError(f"waited in vain until {what}{because}")
        pause.wait(0.01)


_given_ports = set()
# Below those that the kernel gives to whoever connects: between being found free and being bound a
# port must not become somebody's source port.
_PORTS = range(12_000, 32_000)


def free_ports(count, host="127.0.0.1"):
    """Ports that nothing listens on just now; none is given twice in the life of a test."""
    ports = []
    while len(ports) < count:
        port = random.choice(_PORTS)
        if port in _given_ports:
            continue
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as holder:
            try:
                holder.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
        _given_ports.add(port)
        ports.append(port)
    return ports


def free_port(host="127.0.0.1"):
    return free_ports(1, host)[0]


def connect(address, timeout=None):
    """A connected socket. `address`: (host, port), a port on loopback, or the path of a socket."""
    timeout = TIMEOUT if timeout is None else timeout
    if isinstance(address, int):
        address = ("127.0.0.1", address)
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout)
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    try:
        connection.connect(str(address))
    except OSError:
        connection.close()
        raise
    return connection


def accepts(address):
    """Whether something listens there."""
    try:
        connect(address, timeout=1).close()
        return True
    except OSError:
        return False


class Process:
    """A child process whose output goes to a file; stopped by its pid alone."""

    def __init__(self, arguments, folder, name=None, env=None, stdin=subprocess.DEVNULL, **options):
        self.name = name or os.path.basename(arguments[0])
        number = sum(1 for entry in os.scandir(folder) if entry.name.endswith(".log"))
        self.log_path = pathlib.Path(folder) / f"{self.name}-{number}.log"
        with open(self.log_path, "wb") as log:
            self.popen = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                **options,
            )

    @property
    def pid(self):
        return self.popen.pid

    def output(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def is_running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=None):
        """Exit status; negative for the number of the signal that ended it."""
        return self.popen.wait(TIMEOUT if timeout is None else timeout)

    def wait_for_output(self, text, timeout=None):
        def found():
            if text in self.output():
                return True
            if not self.is_running():
                raise AssertionError(f"{self.name} ended without saying {text!r}:\n{self.output()}")
            return False

        return wait_until(found, f"{self.name} says {text!r}", timeout)

    def stop(self):
        """TERM, then KILL when that takes longer than TIMEOUT. Returns the exit status."""
        if self.is_running():
            self.popen.send_signal(signal.SIGCONT)
            self.popen.terminate()
            try:
                self.popen.wait(TIMEOUT)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()
        return self.popen.returncode

    def kill(self):
        self.popen.kill()
        self.popen.wait()

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Truncated(Exception):
    """The connection ended in the middle of a response. `partial` holds what had come."""

    def __init__(self, partial):
        super().__init__(f"connection ended inside a response: {bytes(partial)[:200]!r}")
        self.partial = bytes(partial)


class Response:
    def __init__(self, version, status, reason, headers, body, trailers=(), interim=()):
        self.version = version
        self.status = status
        self.reason = reason
        self.headers = headers  # [(name, value)] in the order and spelling of the wire
        self.body = body
        self.trailers = list(trailers)
        self.interim = list(interim)  # the 1xx responses before it

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode("utf-8", errors="replace")

    def __repr__(self):
        return f"<Response {self.status} {self.reason} {self.headers} {len(self.body)} bytes>"


class HttpClient:
    """One client connection that sends exactly the bytes it is told to and reads HTTP/1 back."""

    def __init__(self, address, timeout=None, tls=None, server_name=None):
        self.socket = connect(address, timeout)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST."""
        self.socket.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def send_request(self, method="GET", target="/", headers=(), body=None, version="HTTP/1.1"):
        """`headers`: dict or pairs. Adds Host and Content-Length unless they are given."""
        pairs = list(headers.items()) if isinstance(headers, dict) else list(headers)
        names = {name.lower() for name, _ in pairs}
        if "host" not in names:
            pairs.insert(0, ("Host", "test.example"))
        if body is not None and not names & {"content-length", "transfer-encoding"}:
            pairs.append(("Content-Length", str(len(body))))
        lines = [f"{method} {target} {version}"] + [f"{name}: {value}" for name, value in pairs]
        data = body.encode() if isinstance(body, str) else body or b""
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + data)

    def request(self, method="GET", target="/", headers=(), body=None, version="HTTP/1.1"):
        self.send_request(method, target, headers, body, version)
        return self.read_response(head_only=method == "HEAD")

    def get(self, target="/", headers=()):
        return self.request("GET", target, headers)

    def receive(self):
        """Takes what has come into the buffer; False at the end of the connection."""
        data = self.socket.recv(262144)
        self.buffer += data
        return bool(data)

    def take_until(self, mark):
        while (at := self.buffer.find(mark)) < 0:
            if not self.receive():
                raise Truncated(self.buffer)
        taken = bytes(self.buffer[:at])
        del self.buffer[: at + len(mark)]
        return taken

    def take(self, count):
        while len(self.buffer) < count:
            if not self.receive():
                raise Truncated(self.buffer)
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def read_to_end(self):
        """Everything until the peer closes. A reset raises ConnectionResetError."""
        while self.receive():
            pass
        taken = bytes(self.buffer)
        self.buffer.clear()
        return taken

    def is_closed_by_peer(self):
        """Waits for the peer to close or reset; False if it sends something instead."""
        try:
            return not self.buffer and not self.receive()
        except ConnectionResetError:
            return True

    def read_head(self):
        lines = self.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *reason = lines[0].split(" ", 2)
        return version, int(status), reason[0] if reason else "", _pairs(lines[1:])

    def read_response(self, head_only=False):
        """The next final response. Raises Truncated when it breaks off."""
        interim = []
        while True:
            response = Response(*self.read_head(), b"", interim=interim)
            if response.status >= 200 or response.status == 101:
                break
            interim.append(response)
        if head_only or response.status in (101, 204, 304):
            return response
        if "chunked" in (response.header("Transfer-Encoding") or "").lower():
            response.body, response.trailers = self.read_chunks()
        elif (length := response.header("Content-Length")) is not None:
            response.body = self.take(int(length))
        else:
            response.body = self.read_to_end()
        return response

    def read_chunks(self):
        body = bytearray()
        while size := int(self.take_until(b"\r\n").split(b";")[0], 16):
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise AssertionError("a chunk does not end where it says")
        trailers = []
        while line := self.take_until(b"\r\n").decode("latin-1"):
            trailers.append(line)
        return bytes(body), _pairs(trailers)


def _pairs(lines):
    return [
        (name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)
    ]


def get(address, target="/", headers=()):
    """One GET on a connection of its own."""
    with HttpClient(address) as client:
        return client.request("GET", target, [*_as_pairs(headers), ("Connection", "close")])


def _as_pairs(headers):
    return headers.items() if isinstance(headers, dict) else headers


class ControlSocket:
    """A client of the runtime API."""

    def __init__(self, address):
        self.address = address

    def command(self, line):
        """Sends one line on a connection of its own, reads until the peer closes, and returns the
        answer without the empty line that ends it."""
        with connect(self.address) as connection:
            connection.sendall(line.encode() + b"\n")
            answer = bytearray()
            while data := connection.recv(65536):
                answer += data
        text = answer.decode("utf-8", errors="replace")
        return text[:-1] if text.endswith("\n") else text

    def info(self):
        """`show info` as a dict."""
        pairs = (line.partition(":") for line in self.command("show info").splitlines())
        return {key: value.strip() for key, colon, value in pairs if colon}

    def stat(self):
        """`show stat` as a list of dicts, one for each row."""
        lines = self.command("show stat").strip("\n").split("\n")
        names = lines[0].removeprefix("# ").rstrip(",").split(",")
        return [dict(zip(names, line.split(","))) for line in lines[1:] if line]

    def row(self, proxy, service):
        for row in self.stat():
            if row["pxname"] == proxy and row["svname"] == service:
                return row
        raise AssertionError(f"show stat has no row {proxy}/{service}")


def origin_body(size):
    """The body that an origin sends for /bytes/<size>: every 16 bytes say where they belong."""
    blocks = (size + 15) // 16
    return b"".join(b"%015x\n" % (block * 16) for block in range(blocks))[:size]


def body_hash(body):
    """The hash that an origin reports for a body it received."""
    value = 0xCBF29CE484222325
    for byte in body:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


class Origin(Process):
    """A scripted application server (test/support/origin). Options become flags:
    Origin(folder, "web1", idle_close=50, record=True)."""

    def __init__(self, folder, name="origin", port=0, record=False, **options):
        arguments = [program("tandem-origin"), "--name", name, "--port", str(port)]
        self.record_folder = None
        if record:
            self.record_folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
            arguments += ["--record", str(self.record_folder)]
        for key, value in options.items():
            arguments += [f"--{key.replace('_', '-')}", str(value)]
        super().__init__(arguments, folder, name=name)
        self.wait_for_output("listening on ")
        self.port = int(wait_until(lambda: _port_in(self.output()), f"{name} says its port"))

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def stats(self):
        """Counters: connections, open, requests, in_flight, peak_in_flight. The last two leave out
        requests such as this one."""
        return get(self.port, "/-/stats").json()

    def force(self, target=None):
        """From now on every request but health checks is answered as `target` would be."""
        self._set(f"force {target or ''}")

    def set_health(self, target):
        """From now on /healthz is answered as `target` would be, such as /status/503."""
        self._set(f"healthz {target}")

    def forget_peak(self):
        """Counts peak_in_flight anew, once nothing is under way."""
        wait_until(lambda: self.stats()["in_flight"] == 0, f"{self.name} has nothing to do")
        self._set("peak")

    def _set(self, line):
        with HttpClient(self.port) as client:
            response = client.request("PUT", "/-/set", {"Connection": "close"}, line)
        if response.status != 204:
            raise AssertionError(f"origin refused {line!r}: {response.text}")

    def recorded(self):
        """The bytes received on each connection, in the order of accepting; empty ones left out,
        and so are the ones that the test itself made to control the origin."""
        pieces = [path.read_bytes() for path in sorted(self.record_folder.iterdir())]
        return [piece for piece in pieces if piece and b" /-/" not in piece[:64]]


def _port_in(text):
    _, found, rest = text.partition("listening on ")
    line, ended, _ = rest.partition("\n")
    return line.rpartition(":")[2] if found and ended else None


class Tandem(Process):
    """A running tandem-lb.

    `config` is the configuration as a dict. What a test mostly needs is filled in when it is left
    out: a control socket (level admin), an admin address, one worker, and a short grace. Ports of
    binds come from free_port(), because the configuration names them.
    """

    def __init__(self, folder, config, arguments=(), env=None, wait=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="lb-", dir=folder))
        self.config_path = self.folder / "tandem.jsonc"
        self.socket_path = self.folder / "lb.sock"
        self.admin_port = None
        self.control = ControlSocket(self.socket_path)
        self.write_config(config)
        super().__init__(
            [program("tandem-lb"), "-f", self.config_path, *arguments],
            folder,
            name="tandem-lb",
            env=env,
        )
        if wait:
            self.wait_ready()

    def write_config(self, config):
        if isinstance(config, (str, bytes)):
            text = config if isinstance(config, str) else config.decode()
        else:
            config = json.loads(json.dumps(config))
            config.setdefault("global", {}).setdefault("nbthread", 1)
            config["global"].setdefault("grace", "2s")
            config.setdefault(
                "runtime", [{"bind": f"unix:{self.socket_path}", "mode": "600", "level": "admin"}]
            )
            admin = config.setdefault("admin", {})
            if "bind" not in admin:
                self.admin_port = self.admin_port or free_port()
                admin["bind"] = f"127.0.0.1:{self.admin_port}"
            else:
                self.admin_port = int(admin["bind"].rpartition(":")[2])
            text = json.dumps(config, indent=2)
        self.config_path.write_text(text, encoding="utf-8")

    def wait_ready(self):
        def ready():
            if not self.is_running():
                raise AssertionError(f"tandem-lb ended with {self.wait()}:\n{self.output()}")
            return get(self.admin_port, "/ready").status == 200

        wait_until(ready, "tandem-lb is ready")

    def reload(self, config=None):
        """HUP, after writing `config` if one is given. Wait for what it should change."""
        if config is not None:
            self.write_config(config)
        self.signal(signal.SIGHUP)

    def ctl(self, *arguments):
        """Runs tandemctl on the control socket; a CompletedProcess with text output."""
        return subprocess.run(
            [program("tandemctl"), "-s", str(self.socket_path), *arguments],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def metrics(self):
        """/metrics as {'name{labels}': value}."""
        values = {}
        for line in get(self.admin_port, "/metrics").text.splitlines():
            if line and not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                values[series] = float(value)
        return values


class TestCase(unittest.TestCase):
    """Owns a folder of its own and every process started through it; prints what the processes
    said when the test failed."""

    def setUp(self):
        # Short, because the paths of Unix sockets may have 107 bytes.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tandem-"))
        self.processes = []
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.stop_all)

    def assert_memory(self, grown, most):
        """A sanitizer keeps what was freed: there only the real build's figure would be known."""
        if not os.environ.get("TANDEM_SANITIZE"):
            self.assertLess(grown, most, "bytes of memory")

    def stop_all(self):
        failed = self.has_failed()
        for process in reversed(self.processes):
            process.stop()
            if failed:
                sys.stderr.write(f"--- {process.name} ---\n{process.output()[-8000:]}\n")

    def has_failed(self):
        outcome = getattr(self._outcome, "result", None)
        problems = getattr(outcome, "failures", []) + getattr(outcome, "errors", [])
        return any(test is self for test, _ in problems)

    def keep(self, process):
        self.processes.append(process)
        return process

    def start(self, arguments, **options):
        return self.keep(Process(arguments, self.folder, **options))

    def start_origin(self, name="origin", **options):
        return self.keep(Origin(self.folder, name, **options))

    def start_tandem(self, config, **options):
        return self.keep(Tandem(self.folder, config, **options))


def main():
    """Runs the tests of the calling module; exit status 77 (skipped) when all were skipped."""
    result = unittest.main(module="__main__", exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun and len(result.skipped) == result.testsRun:
        sys.exit(77)
    if result.testsRun == 0:
        sys.exit("no tests ran")
