"""The soak of plain HTTP/1.1 at half of what tandem-lb can carry: GETs by wrk, and POSTs that each
have a number by clients of our own."""

import re
import time

from soak import Nginx, Soak, say
from tandem_testing import Process, free_port, program, wait_until
from traffic import Traffic

NAMES = ["web1", "web2", "web3", "web4"]
CONNECTIONS = 64  # of wrk
CLIENTS = 8  # of our own


class SteadySoak(Soak):
    DESCRIPTOR_GROWTH_MAX = 2 * CONNECTIONS

    def __init__(self, arguments, folder):
        super().__init__(arguments, folder)
        self.groups = [[Nginx(folder, name, ["app"]) for name in NAMES]]
        self.port = free_port()

    def configuration(self):
        return {
            "frontends": {"www": {"bind": f"127.0.0.1:{self.port}", "default_backend": "app"}},
            "backends": {
                "app": {
                    "retry-on": ["conn-failure", "empty-response"],
                    "check": {"type": "http", "uri": "/healthz"},
                    "default-server": {"inter": "500ms", "fastinter": "200ms"},
                    "servers": {server.name: server.address for server in self.servers()},
                }
            },
        }

    # ---- load
    def run_wrk(self, seconds, delay_ms=0.0):
        script = self.folder / "pace.lua"
        # wrk asks for the delay before each request of a connection.
        pace = f"function delay() return math.random(0, {round(2 * delay_ms)}) end\n"
        script.write_text(pace if delay_ms else "", encoding="ascii")
        wrk = Process(
            [program("wrk"), "-t2", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s",
             "-s", script, f"http://127.0.0.1:{self.port}/"],
            self.folder, "wrk")  # fmt: skip
        self.processes.append(wrk)
        return wrk

    def measure_capacity(self):
        wrk = self.run_wrk(3)
        wrk.wait(60)
        return float(re.search(r"Requests/sec: +([\d.]+)", wrk.output()).group(1))

    def run(self):
        rate = self.arguments.rate
        if rate is None:
            capacity = self.measure_capacity()
            rate = capacity / 2
            say(f"carries {capacity:.0f} requests a second here; the load will be {rate:.0f}")
        # The trial's end cuts connections: what it left in the log is not judged.
        wait_until(lambda: int(self.lb.control.info()["CurrConns"]) == 0, "the trial has ended")
        self.log.read()
        self.log.failures.clear()
        wrk = self.run_wrk(self.arguments.seconds + 30, 1000 * CONNECTIONS / rate)
        with Traffic(self.port, clients=CLIENTS, posts=0.5, pause=0.05, keep=False) as traffic:
            self.watch()
            self.log.read()
            # The load is taken away now; that clients leave then is no failure.
            ended = time.time()
        wrk.stop()
        self.finish()
        explained = self.judge_log(before=ended)
        unanswered = [request for request in traffic.failures if request.status is None]
        if len(unanswered) > len(explained):
            self.complain(f"{len(unanswered)} clients of ours got no answer: {unanswered[:5]}")
        self.judge_posts(self.servers())
        self.judge_growth()
        say(f"{traffic.done['POST']} POSTs of our own")
