"""Failover after failover, of kinds drawn at random: after each the addresses are on exactly one
node within the time that is promised for it, clients reach them, and nothing is left behind.

TANDEM_SOAK_FAILOVERS says how many (20), TANDEM_SOAK_SEED which (printed when it fails).
"""

import os
import random
import signal
import subprocess
import time

import tandem_lab
from pair_test import SECRET, VIP, Tandem
from tandem_testing import Process, TestCase, main, wait_until

FAILOVERS = int(os.environ.get("TANDEM_SOAK_FAILOVERS", "20"))
SEED = int(os.environ.get("TANDEM_SOAK_SEED", "0")) or random.randrange(1, 1 << 32)

# Seconds from the fault until the other node has the addresses and this one does not. Promised is
# less; the rest is for two shared cores and for looking at namespaces by starting a program.
ADVERT = 0.05
DOWN = 4 * ADVERT
HANG = 0.2
SLACK = 3.0
# Both have them no longer than this, unless the network between them is cut. Looking takes a while.
BOTH = 0.25


class Node(Tandem):
    """A node with its data plane, in the hands of somebody who breaks it."""

    def start_all(self):
        self.start_lb()
        self.start()

    def start_lb(self):
        env = {"NODE_FOLDER": str(self.folder)}
        command = self.host.command("tandem-lb", "-f", self.config)
        self.lb = self.keep(Process(command, self.folder, name=f"{self.host.name}-lb", env=env))
        self.lb.wait_for_output("ready: ")

    def guards(self):
        """Pids of the guards in the node's namespace."""
        pids = subprocess.run(["ip", "netns", "pids", self.host.namespace], check=True,
                              capture_output=True, text=True).stdout.split()  # fmt: skip
        return [int(pid) for pid in pids if name_of(pid) == "tandem-guard"]


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            return comm.read().strip()
    except OSError:
        return ""


class Faults:
    """Each breaks the active node and returns how to mend it."""

    def __init__(self, active, standby):
        self.active, self.standby = active, standby

    def daemon_killed(self):
        self.active.process.kill()
        return self.active.start

    def daemon_stopped(self):
        self.active.process.stop()
        return self.active.start

    def data_plane_killed(self):
        self.active.lb.kill()
        return self.active.start_lb

    def data_plane_hung(self):
        self.active.lb.signal(signal.SIGSTOP)
        return lambda: self.active.lb.signal(signal.SIGCONT)

    def data_plane_stopped(self):
        self.active.lb.stop()
        return self.active.start_lb

    def cable_cut(self):
        self.active.host.cut()
        return self.active.host.mend

    def switched_over(self):
        client = ["tandemctl", "-F", str(self.active.socket), "switchover"]
        self.active.host.run(*client)
        return lambda: None


KINDS = [name for name in vars(Faults) if not name.startswith("_")]


class PairSoak(TestCase):
    def setUp(self):
        super().setUp()
        lab = tandem_lab.Lab()
        self.enterContext(lab)
        self.client = lab.host("client", 20)
        self.nodes = [self.node(lab.host("one", 11), 150), self.node(lab.host("two", 12), 100)]
        for node in self.nodes:
            node.start_all()
        self.worst = {}

    def node(self, host, priority):
        lb = {"bind": "unix:${NODE_FOLDER}/pulse.sock", "hang": f"{int(HANG * 1000)}ms"}
        node = Node(host, self.folder, priority, advert=int(ADVERT * 1000), peer=SECRET,
                    nopreempt=True, lb=lb)  # fmt: skip
        node.options["file"] = {
            "frontends": {"www": {"bind": ":80", "default_backend": "app",
                                  "rules": [{"return": {"status": 200, "string": "hello"}}]}},
            "backends": {"app": {"servers": {"a": "10.77.0.20:8000"}}},
        }  # fmt: skip
        node.write()
        node.keep = self.keep
        return node

    def both_ready(self):
        """Each has a right, and they have told each other."""

        def is_ready(node):
            shown = node.show()
            peer = shown["peers"][0]
            return (shown["routers"][0]["priority"] and peer["up"] and peer["routers"]
                    and peer["as_of_seconds_ago"] < 3 * ADVERT  # a cut link takes a while to fall
                    and peer["routers"][0]["priority"])  # fmt: skip

        for node in self.nodes:
            wait_until(lambda node=node: is_ready(node), f"{node.host.name} is ready")

    def active_and_standby(self):
        def find():
            holders = [node for node in self.nodes if node.holds_all()]
            return holders if len(holders) == 1 else None

        (active,) = wait_until(find, "one node has the addresses")
        return active, self.nodes[1 - self.nodes.index(active)]

    def fail_over(self, kind):
        active, standby = self.active_and_standby()
        began = time.monotonic()
        mend = getattr(Faults(active, standby), kind)()
        both = both_since = 0.0
        while True:
            mine, theirs = active.holds_all(), standby.holds_all()
            now = time.monotonic()
            if mine and theirs:
                both_since = both_since or now
                both = max(both, now - both_since)
            else:
                both_since = 0.0
            if theirs and not mine:
                break
            self.assertLess(now - began, DOWN + HANG + SLACK, f"{kind}: nobody has taken over")
        took = time.monotonic() - began
        if kind != "cable_cut":
            self.assertLess(both, BOTH, f"{kind}: both had the addresses")
        self.worst[kind] = max(self.worst.get(kind, 0.0), took)
        self.reach()
        mend()
        self.both_ready()
        self.assertTrue(standby.holds_all() and not active.holds(), "mended, and nothing moved")

    def reach(self):
        """A client gets an answer at the address."""
        wait_until(lambda: self.client.run("curl", "-s", "-m", "1", f"http://{VIP}/",
                                           check=False).stdout == "hello", "a client is served")  # fmt: skip

    def test_failover_after_failover(self):
        draw = random.Random(SEED)
        self.both_ready()
        descriptors = None
        for number in range(FAILOVERS):
            kind = draw.choice(KINDS)
            try:
                self.fail_over(kind)
            except AssertionError as error:
                raise AssertionError(
                    f"failover {number} ({kind}); again: TANDEM_SOAK_SEED={SEED}; "
                    f"the nodes say {[self.shown(node) for node in self.nodes]}"
                ) from error
            if number == len(KINDS):
                descriptors = self.count_descriptors()
        for node in self.nodes:
            self.assertEqual(len(node.guards()), 1, "one guard for each node")
        if descriptors:
            self.assertLessEqual(self.count_descriptors(), descriptors + 4)
        for kind, seconds in sorted(self.worst.items()):
            print(f"{kind}: at worst {seconds * 1000:.0f} ms")

    def shown(self, node):
        try:
            return node.show()
        except OSError as error:
            return str(error)

    def count_descriptors(self):
        return sum(node.process.open_descriptors() for node in self.nodes)


if __name__ == "__main__":
    tandem_lab.require()
    main()
