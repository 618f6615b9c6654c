"""What the soaks have in common: servers that are killed and drained while clients are at work, the
access log that tells what became of every request, samples of memory and descriptors, a verdict.

A failure is explained by the kill of the server that had the request, and by nothing else."""

import calendar
import collections
import json
import os
import pathlib
import random
import tempfile
import time

from tandem_testing import Process, Tandem, free_ports, get, program, wait_until

SAMPLE_EVERY = 2.0  # seconds
# A request counts as caught by a kill if it ended, with its server as the cause, from just before
# the kill (clocks of the log have milliseconds) until checks have found out.
CAUGHT_BEFORE, CAUGHT_AFTER = 0.1, 3.0
# Termination: server aborted, was silent, went down; while its answer was awaited or on its way.
# A request that was not sent yet, because connecting failed, has no excuse: it could go elsewhere.
CAUSES, PHASES = "SsD", "HD"
RESIDENT_GROWTH_MAX = 2 * 1024 * 1024
LOG_BYTES_MAX = 64 * 1024 * 1024
LAST_WORDS_MAX = 8000  # characters
# What is shorter warms up pools and buffers from its beginning to its end.
GROWTH_FROM = 60.0  # seconds

NGINX = """daemon off;
master_process off;
worker_rlimit_nofile 4096;
pid {home}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
  map $request_method $is_post {{ POST 1; default 0; }}
  log_format line $request_uri;
  access_log {home}/posts line if=$is_post;
  default_type text/plain;
  keepalive_requests 1000000;
  client_max_body_size 0;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{h2_port} http2;
    location / {{ return 200 "{name}\\n"; }}
    location ~ /file$ {{ alias {home}/file; }}
    # Answered when the whole body has come, as by an application.
    location ~ /post$ {{
      proxy_method GET;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      rewrite ^ /page break;
      proxy_pass http://127.0.0.1:{port};
    }}
  }}
}}
"""


def say(line):
    print(f"scripts/soak: {line}", flush=True)


class Server:
    """What is killed, and started again on the same port. `places`: its backend/server names in the
    configuration. A subclass knows its command, and when it answers."""

    def __init__(self, folder, name, backends):
        self.name = name
        self.places = [f"{backend}/{name}" for backend in backends]
        self.folder = folder
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=folder))
        self.port, self.h2_port = free_ports(2)
        self.process = None
        self.prepare()

    def prepare(self):
        pass

    def start(self):
        self.process = Process(self.command(), self.folder, self.name)

    def stop(self):
        if self.process is not None:
            self.process.stop()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class Nginx(Server):
    """Speaks HTTP/1.1 on `port` and HTTP/2 on `h2_port`, and notes the targets of the POSTs."""

    FILE = b"".join(b"%015x\n" % at for at in range(0, 1 << 20, 16))

    def prepare(self):
        self.config = self.home / "nginx.conf"
        self.config.write_text(
            NGINX.format(home=self.home, port=self.port, h2_port=self.h2_port, name=self.name),
            encoding="utf-8",
        )
        (self.home / "file").write_bytes(self.FILE)

    def command(self):
        return [program("nginx"), "-p", self.home, "-c", self.config, "-e", self.home / "error.log"]

    def answers(self):
        return get(self.port).status == 200

    def posts(self):
        path = self.home / "posts"
        return path.read_text(encoding="ascii").split() if path.exists() else []


class AccessLog:
    """Follows the access log, and takes it away when it is large (tandem-lb then begins anew)."""

    def __init__(self, path):
        self.path = path
        self.file = None
        self.rest = b""
        self.requests = 0
        self.failures = []
        self.tunnels = []  # WebSockets and sessions of TCP that ended as they should

    def read(self):
        """Takes in what has been written since."""
        if self.file is None:
            if not self.path.exists():
                return
            self.file = open(self.path, "rb")
        # Once there is another file, nothing is written to this one any more.
        was_replaced = self.path.exists() and not self.is_current()
        while data := self.file.read(1 << 20):
            *lines, self.rest = (self.rest + data).split(b"\n")
            for line in lines:
                self.take(line)
        if was_replaced:
            self.file.close()
            self.file = None
            self.read()
        elif self.path.exists() and self.is_current() and self.file.tell() > LOG_BYTES_MAX:
            self.path.unlink()

    def is_current(self):
        return self.path.stat().st_ino == os.fstat(self.file.fileno()).st_ino

    def take(self, line):
        self.requests += 1
        is_right = b'"termination":"--"' in line
        is_tunnel = b'"method":"CONNECT"' in line
        if is_right and b'"status":2' in line and not is_tunnel:
            return
        entry = json.loads(line)
        began = time.strptime(entry["time"][:19], "%Y-%m-%dT%H:%M:%S")
        entry["ended"] = (
            calendar.timegm(began) + float("0" + entry["time"][19:23]) + entry["total_ms"] / 1000
        )
        # A session of TCP has no status; a WebSocket over HTTP/1.1 has 101.
        if is_right and (entry.get("status", 101) == 101 or is_tunnel):
            self.tunnels.append(entry)
        else:
            self.failures.append(entry)


def caught_by(entry, kills):
    """The kill, a (wall clock, name), that met the server of this line of the log at its end."""
    for when, name in kills:
        if name == entry["server"] and -CAUGHT_BEFORE <= entry["ended"] - when <= CAUGHT_AFTER:
            return when, name
    return None


def explaining_kill(failure, kills):
    """The kill that explains why a request of the access log failed, or None."""
    cause, phase = failure["termination"]
    return caught_by(failure, kills) if cause in CAUSES and phase in PHASES else None


def in_thirds(samples):
    """The most that a figure was in each third. The first warms up pools and buffers; from then on
    nothing may grow."""
    third = max(1, len(samples) // 3)
    return max(samples[:third]), max(samples[third:-third] or samples), max(samples[-third:])


class Recurring:
    """Something that is done every so many seconds of the watch."""

    def __init__(self, period, first, act):
        self.period = period
        self.next = first
        self.act = act

    def look(self, elapsed):
        if elapsed >= self.next:
            self.act(elapsed)
            self.next += self.period


class Drain:
    """A server that gets nothing new until it is made ready. `requests`: how many it had had, once
    every worker must have taken over that it is drained."""

    SETTLED_AFTER = 0.5  # seconds

    def __init__(self, server, began, until):
        self.server = server
        self.settled = began + self.SETTLED_AFTER
        self.until = until
        self.requests = None


class Soak:
    """`arguments`: seconds, every, seed, workers. A subclass fills `groups`, lists of servers of
    which some are always left, gives tandem-lb its configuration, and brings the clients."""

    DESCRIPTOR_GROWTH_MAX = 128  # idle connections to servers come and go

    def __init__(self, arguments, folder):
        self.arguments = arguments
        self.folder = folder
        self.random = random.Random(arguments.seed)
        self.log_path = folder / "access.log"
        self.log = AccessLog(self.log_path)
        self.processes = []  # ended with the soak, the last one first
        self.groups = []
        self.lb = None
        self.kills = []  # (wall clock, name)
        self.drains = 0
        self.away = None  # (server, until)
        self.drained = None
        self.samples = []  # (resident bytes, descriptors)
        self.complaints = []

    def servers(self):
        return [server for group in self.groups for server in group]

    def start(self):
        for server in self.servers():
            server.start()
        for server in self.servers():
            wait_until(server.answers, f"{server.name} answers")
        config = {
            "global": {"nbthread": self.arguments.workers, "maxconn": 4000},
            "log": {"access": {"format": "json", "target": f"file:{self.log_path}"}},
            **self.configuration(),
        }
        self.lb = Tandem(self.folder, config, wait=False)
        self.lb.wait_ready()

    def complain(self, what):
        self.complaints.append(what)
        say(f"BROKEN: {what}")

    def complain_of_end(self, status):
        """With its last words: a sanitizer, or the log of a crash, says more than the status."""
        self.complain(f"tandem-lb ended with {status}")
        say(self.lb.output()[-LAST_WORDS_MAX:])

    # ---- what happens to the servers
    def choose(self, spared):
        group = self.random.choice(self.groups)
        return self.random.choice([server for server in group if server is not spared])

    def kill_one(self, elapsed):
        away_for = 0.3 * self.arguments.every
        if self.away or elapsed + away_for >= self.arguments.seconds:
            return
        server = self.choose(self.drained and self.drained.server)
        self.kills.append((time.time(), server.name))
        server.process.kill()
        self.away = (server, elapsed + away_for)

    def drain_one(self, elapsed):
        drained_for = 0.25 * self.arguments.every
        if self.drained or elapsed + drained_for >= self.arguments.seconds:
            return
        server = self.choose(self.away and self.away[0])
        self.set_state(server, "drain")
        self.drained = Drain(server, elapsed, elapsed + drained_for)
        self.drains += 1

    def look_after_drained(self, elapsed):
        drain = self.drained
        if drain.requests is None and elapsed >= drain.settled:
            drain.requests = self.requests_of(drain.server)
        if elapsed < drain.until:
            return
        if drain.requests is not None and (had := self.requests_of(drain.server)) != drain.requests:
            self.complain(f"{drain.server.name} is drained and got {had - drain.requests} requests")
        self.set_state(drain.server, "ready")
        self.drained = None

    def requests_of(self, server):
        rows = self.lb.control.stat()
        return sum(int(row["stot"]) for row in rows if row["svname"] == server.name)

    def set_state(self, server, state):
        for place in server.places:
            if answer := self.lb.control.command(f"set server {place} state {state}").strip():
                self.complain(f"set server {place} state {state}: {answer}")

    def bring_back(self, elapsed):
        if self.away and elapsed >= self.away[1]:
            self.away[0].start()
            self.away = None
        if self.drained:
            self.look_after_drained(elapsed)

    # ---- watching
    def sample(self, _):
        self.samples.append((self.lb.resident_bytes(), self.lb.open_descriptors()))
        self.log.read()

    def progress(self, elapsed):
        resident, descriptors = self.samples[-1]
        say(f"{elapsed:4.0f} s: {self.log.requests} requests, {len(self.log.failures)} failed, "
            f"{len(self.kills)} kills, {self.drains} drains, {resident / 1e6:.1f} MB, "
            f"{descriptors} descriptors")  # fmt: skip

    def events(self):
        every = self.arguments.every
        return [
            Recurring(SAMPLE_EVERY, 0, self.sample),
            Recurring(every, every / 4, self.kill_one),
            Recurring(0.75 * every, 0.45 * every, self.drain_one),
            Recurring(max(10, self.arguments.seconds / 20), 10, self.progress),
        ]

    def watch(self):
        """What happens while the clients are at work."""
        began = time.monotonic()
        events = self.events()
        while (elapsed := time.monotonic() - began) < self.arguments.seconds:
            if not self.lb.is_running():
                self.complain_of_end(self.lb.wait())
                return
            self.bring_back(elapsed)
            for event in events:
                event.look(elapsed)
            time.sleep(0.05)
        self.bring_back(float("inf"))

    def finish(self):
        """Once the clients have left: stops tandem-lb, and asks whether it has told everything."""
        if not self.lb.is_running():
            return
        wait_until(lambda: int(self.lb.control.info()["CurrConns"]) == 0, "all clients have left")
        taken = int(self.lb.control.info()["CumReq"])
        lost = int(self.lb.metrics()["tandem_log_dropped_total"])
        status = self.lb.stop()
        self.log.read()
        if lost or self.log.requests < taken:
            self.complain(f"{taken} requests, {self.log.requests} in the log, {lost} dropped: "
                          "failures may be among the missing")  # fmt: skip
        if status != 0:
            self.complain_of_end(status)

    # ---- the verdict
    def judge_log(self, before=float("inf")):
        """Of the requests that had ended by then. @return the failures that a kill explains"""
        explained, others, delays = [], [], []
        for failure in self.log.failures:
            if failure["ended"] >= before:
                continue
            if kill := explaining_kill(failure, self.kills):
                explained.append(failure)
                delays.append(failure["ended"] - kill[0])
            else:
                others.append(failure)
        for failure in others[:10]:
            said = {key: value for key, value in failure.items() if value is not None}
            say(f"unexplained: {json.dumps(said)}")
        if others:
            self.complain(f"{len(others)} failed requests that no kill explains")
        say(f"{self.log.requests} requests in the log; "
            f"{len(self.kills)} kills, {self.drains} drains")  # fmt: skip
        say(f"failed: {len(explained) + len(others)}, of these sent to a server that was being "
            f"killed: {len(explained)}, others: {len(others)}")  # fmt: skip
        if delays:
            say(f"the last of them ended {1000 * max(delays):.0f} ms after the kill")
        return explained

    def judge_posts(self, servers):
        times = collections.Counter(post for server in servers for post in server.posts())
        if twice := [post for post, count in times.items() if count > 1]:
            self.complain(f"{len(twice)} POSTs were done twice: {twice[:5]}")

    def judge_growth(self):
        if self.arguments.seconds < GROWTH_FROM or not self.samples:
            return
        for what, samples, limit in (
            ("resident bytes", [resident for resident, _ in self.samples], RESIDENT_GROWTH_MAX),
            ("descriptors", [count for _, count in self.samples], self.DESCRIPTOR_GROWTH_MAX),
        ):
            warm, middle, last = in_thirds(samples)
            say(f"{what}: at most {warm} in the first third, {middle}, and {last} in the last")
            # A sanitizer keeps what was freed.
            is_known = what == "descriptors" or not os.environ.get("TANDEM_SANITIZE")
            if last - warm > limit and is_known:
                self.complain(f"{what} grew from {warm} to {last}")

    def verdict(self):
        say("VERDICT: " + ("broken: " + "; ".join(self.complaints) if self.complaints else "kept"))
        return 1 if self.complaints else 0

    def end_everything(self):
        for process in [*self.processes, self.lb, *self.servers()]:
            if process is not None:
                process.stop()
