"""A real agent that is told what to say, beside a real HAProxy that asks the same one."""

import csv
import io
import socket
import socketserver

import check_stage
import tandem_testing
from tandem_testing import free_port, program, wait_until

# frontend "www" is only there because HAProxy wants one.
HAPROXY = """global
  stats socket {folder}/haproxy.sock level admin
defaults
  mode tcp
  timeout connect 2s
  timeout client 2s
  timeout server 2s
  timeout check 1s
frontend www
  bind 127.0.0.1:{port}
  default_backend app
backend app
  server alone 127.0.0.1:{web} weight 10 maxconn 50 agent-check agent-port {agent} agent-inter 100ms agent-send alone\\n
  server both 127.0.0.1:{web} weight 10 check inter 100ms rise 1 fall 1 agent-check agent-port {agent} agent-inter 100ms
"""

# What the agent says, in turn; and again what every server should be afterwards.
WORDS = (
    "up", "down", "up", "fail # disk full", "UP", "stopped", "up ready", "drain", "ready", "maint",
    "down", "ready", "up", "75%", "200%", "30000%", "0%", "100%", "maxconn:30", "maxconn:x",
    "maxconn:50", "up 50% maxconn:20 bogus", "bogus other", "75x%", "UP 100% maxconn:50", "",
    "# nothing but a reason", "drain down # x", "up ready",
)  # fmt: skip

SAME_COLUMNS = (
    "status", "weight", "uweight", "slim", "agent_status", "agent_code", "agent_desc", "last_agt",
    "agent_rise", "agent_fall", "agent_health",
)  # fmt: skip
# op state, admin state, weights; the agent's state, address and port.
SAME_FIELDS = (5, 6, 7, 8, 14, 23, 24)


class Agent(check_stage.LoopbackServer):
    """Says `line` to whoever connects, once it has heard something if that is in `heard`."""

    def __init__(self, test):
        self.line = b"up\n"
        self.heard = []
        super().__init__(test, Handler)


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.settimeout(0.02)
            try:
                self.server.heard.append(self.request.recv(100))
            except TimeoutError:
                pass
            self.request.sendall(self.server.line)
        except OSError:
            pass


def ask(path, command):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(command.encode() + b"\n")
        with client.makefile() as answer:
            return answer.read()


def rows(stat):
    return {row["svname"]: row for row in csv.DictReader(io.StringIO(stat.removeprefix("# ")))}


def seen(stat, state):
    """What counts of both servers, as one value that can be compared."""
    fields = {line.split()[3]: line.split() for line in state.splitlines()[2:] if line}
    found = {}
    for server in ("alone", "both"):
        row = rows(stat)[server]
        found[server] = {column: row[column].removeprefix("* ") for column in SAME_COLUMNS}
        found[server] |= {i: fields[server][i] for i in SAME_FIELDS}
        # In progress or not: chance.
        found[server][14] = str(int(found[server][14]) & ~1)
    return found


class AgentTest(check_stage.CheckTestCase):
    def start_all(self, **server):
        self.agent = Agent(self)
        self.origin = self.start_origin()
        common = {
            "address": self.origin.address,
            "weight": 10,
            "agent-check": True,
            "agent-port": self.agent.port,
            "agent-inter": "100ms",
        }
        self.front = free_port()
        self.lb = self.start_tandem(
            {
                "frontends": {
                    "www": {"bind": f"127.0.0.1:{self.front}", "default_backend": "app"}
                },
                "backends": {
                    "app": {
                        "timeout": {"check": "1s"},
                        "servers": {
                            "alone": common | {"maxconn": 50, "agent-send": "alone\n"} | server,
                            "both": common
                            | {"check": True, "inter": "100ms", "rise": 1, "fall": 1}
                            | server,
                        },
                    }
                },
            }
        )

    def start_haproxy(self):
        config = self.folder / "haproxy.cfg"
        config.write_text(
            HAPROXY.format(folder=self.folder, port=free_port(), web=self.origin.port,
                           agent=self.agent.port))  # fmt: skip
        self.start([program("haproxy"), "-db", "-f", str(config)], name="haproxy")
        self.haproxy = self.folder / "haproxy.sock"
        wait_until(lambda: self.haproxy.exists() and "alone" in ask(self.haproxy, "show stat"),
                   "haproxy answers")  # fmt: skip

    def of_haproxy(self):
        return seen(ask(self.haproxy, "show stat"), ask(self.haproxy, "show servers state"))

    def of_tandem(self):
        command = self.lb.control.command
        return seen(command("show stat"), command("show servers state"))

    def wait_for_both(self, what, is_so):
        def agreed():
            ours, theirs = self.of_tandem(), self.of_haproxy()
            return ours == theirs and is_so(ours)

        try:
            wait_until(agreed, what)
        except AssertionError:
            self.maxDiff = None
            self.assertEqual(self.of_tandem(), self.of_haproxy(), what)
            raise

    def say(self, line):
        """Nothing is left of what was said before once each server was asked twice."""
        self.agent.line = line.encode() + b"\n"

    def test_every_word_does_what_it_does_in_haproxy(self):
        self.start_all()
        self.start_haproxy()
        for step, line in enumerate(WORDS):
            # A word that nobody knows stands between two, so that the wait for it is a wait for
            # the second: it changes nothing but what was last said.
            for said in (f"mark{step}", line):
                self.say(said)
                words = f"agent reports an error : {said}" if said != line else None
                with self.subTest(line=said, step=step):
                    self.wait_for_both(
                        said,
                        lambda found: (
                            all(s["last_agt"] == words for s in found.values())
                            if words
                            else all("mark" not in s["last_agt"] for s in found.values())
                        ),
                    )
        # Asked without being sent anything, and with: the line went out as it stands.
        self.assertIn(b"alone\n", self.agent.heard)

    def test_commands_and_silence_do_what_they_do_in_haproxy(self):
        self.start_all()
        self.start_haproxy()
        self.say("100%")
        settled = lambda found: all(s["agent_status"] == "CHECKED" for s in found.values())  # noqa: E731
        self.wait_for_both("the agent says nothing of health", settled)
        for command, status in (
            ("set server app/{} agent down", "DOWN (agent)"),
            ("set server app/{} agent up", None),
            ("set server app/{} agent down", "DOWN (agent)"),
            ("set server app/{} health up", None),
            ("set server app/{} state drain", "DRAIN (agent)"),
            ("set server app/{} state ready", None),
            ("disable server app/{}", "MAINT"),
        ):
            for server in ("alone", "both"):
                line = command.format(server)
                self.assertEqual(self.lb.control.command(line).strip(), ask(self.haproxy, line).strip())
            expected = {"alone": status or "no check", "both": status or "UP"}
            with self.subTest(command):
                self.wait_for_both(
                    command, lambda found: {s: found[s]["status"] for s in found} == expected
                )

    def test_down_by_its_agent_it_gets_nothing_and_the_log_says_why(self):
        self.start_all()
        self.say("down # being updated")
        for server in ("alone", "both"):
            wait_until(lambda: self.lb.control.row("app", server)["status"] == "DOWN (agent)",
                       f"{server} is down")  # fmt: skip
        self.assertEqual(tandem_testing.get(self.front, "/").status, 503)
        metrics = self.lb.metrics()
        label = '{backend="app",server="both"}'
        self.assertEqual(metrics["tandem_server_agent_up" + label], 0)
        self.assertIn("tandem_server_agent_duration_seconds" + label, metrics)
        self.say("up")
        wait_until(lambda: self.lb.control.row("app", "both")["status"] == "UP", "both is up")
        self.assertEqual(tandem_testing.get(self.front, "/").status, 200)
        self.assertIn("Server app/both is DOWN, reason: Layer7 wrong status, code: 0, info: "
                      '"via agent : down (being updated)", check duration: ', self.lb.output())  # fmt: skip
        self.say("drain")
        wait_until(lambda: self.lb.control.row("app", "both")["status"] == "DRAIN (agent)", "drain")
        self.assertIn("Server app/both enters drain state. ", self.lb.output())
        self.assertIn(" Its agent asked for it.", self.lb.output())

    def test_an_agent_that_is_gone_takes_nothing_with_it(self):
        self.start_all()
        for line, status in (("up", "UP"), ("down", "DOWN (agent)")):
            self.say(line)
            wait_until(lambda: self.lb.control.row("app", "both")["status"] == status, line)
            self.lb.control.command(f"set server app/both agent-port {free_port()}")
            wait_until(lambda: self.lb.control.row("app", "both")["agent_status"] == "L4CON", "gone")
            self.assertEqual(self.lb.control.row("app", "both")["status"], status)
            self.lb.control.command(f"set server app/both agent-port {self.agent.port}")
        failures = self.lb.metrics()[
            'tandem_server_agent_failures_total{backend="app",server="both"}'
        ]
        self.assertGreaterEqual(failures, 2)

    def test_an_agent_that_misbehaves_changes_nothing(self):
        self.start_all()
        wait_until(lambda: self.lb.control.row("app", "both")["status"] == "UP", "up")
        for said, status, words in (
            (b"", "L7RSP", "connection closed before the line of the agent"),
            (b"x" * 70000, "L7RSP", "the line of the agent has no end"),
            (b"\x00\xff<html>,\"'\x1b[31m\n", "CHECKED", "agent reports an error :"),
            (b"down", "CHECKED", "Ignoring incomplete line from agent"),
        ):
            self.agent.line = said
            with self.subTest(said[:10]):
                wait_until(
                    lambda: self.lb.control.row("app", "both")["last_agt"].startswith(words), words
                )
                row = self.lb.control.row("app", "both")
                self.assertEqual((row["agent_status"], row["status"]), (status, "UP"))
        self.assertTrue(self.lb.is_running())


if __name__ == "__main__":
    tandem_testing.main()
