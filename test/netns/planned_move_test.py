"""A planned move between two nodes with data planes under real connections: none breaks."""

import json
import pathlib
import re
import signal
import subprocess

from pair_test import SECRET, VIP, VIP6, PairStage, Tandem
from tandem_testing import Process, main, wait_until

CLIENT = pathlib.Path(__file__).with_name("move_client.py")
ORIGIN = pathlib.Path(__file__).with_name("move_origin.py")


class Client:
    """Connections from a namespace of their own; told what to do line by line."""

    def __init__(self, host, address, complaints):
        self.complaints = complaints
        with open(complaints, "wb") as stderr:
            self.process = subprocess.Popen(
                host.command("python3", CLIENT, address), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=stderr, text=True,
            )  # fmt: skip

    def begin(self, word, *arguments):
        self.process.stdin.write(" ".join([word, *map(str, arguments)]) + "\n")
        self.process.stdin.flush()

    def result(self):
        line = self.process.stdout.readline()
        assert line, f"the client died: {self.last_words()}"
        return json.loads(line)

    def last_words(self):
        status = self.process.wait(timeout=10)
        words = self.complaints.read_text(encoding="utf-8", errors="replace")
        return f"status {status}\n{words}"

    def do(self, word, *arguments):
        self.begin(word, *arguments)
        return self.result()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)
        self.process.stdout.close()


class PlannedMoveTest(PairStage):
    def setUp(self):
        super().setUp()
        self.lab = self.hosts["one"].lab
        self.client_host = self.lab.host("client", 21)
        self.app = self.lab.host("app", 31)
        self.origin = self.keep(Process(self.app.command("python3", ORIGIN), self.folder,
                                        name="origin"))  # fmt: skip
        self.origin.wait_for_output("listening")

    def pair(self, bind=":80", **options):
        # A node that gets no processor for three intervals loses its addresses, as it must, and that
        # is no planned move: here they are long enough for a busy machine.
        nodes = []
        for name, priority in (("one", 150), ("two", 100)):
            node = Tandem(self.hosts[name], self.folder, priority, peer=SECRET, advert=300,
                          **{"nopreempt": True} | options)  # fmt: skip
            node.keep = self.keep
            # Whether a data plane hangs is the affair of other tests; on a busy machine one that is
            # merely starved of the disk looks like it.
            node.options |= {"lb": {"bind": "unix:${NODE_FOLDER}/pulse.sock", "hang": "2s"}}
            node.options["file"] = {
                # No connection ends because a busy machine makes a test long.
                "global": {"grace": "5m"},
                "defaults": {"timeout": {"client": "5m", "server": "5m"}},
                "frontends": {"www": {"bind": bind, "default_backend": "app"}},
                "backends": {"app": {"servers": {"a": "10.77.0.31:8000"}}},
            }
            node.write(**options.get("more", {}))
            node.lb = self.start_lb(node)
            nodes.append(node.start())
            if name == "one":
                wait_until(node.holds_all, "one has the addresses")
        for node in nodes:
            wait_until(lambda n=node: n.show()["peers"][0]["up"], "the link stands")
        wait_until(lambda: self.is_other_fit(nodes[0]), "two is fit")
        return nodes

    def is_other_fit(self, node):
        routers = node.show()["peers"][0]["routers"]  # none before it has told
        return routers and all(router["priority"] for router in routers)

    def start_lb(self, node):
        lb = self.keep(Process(node.host.command("tandem-lb", "-f", node.config), node.folder,
                               name=f"{node.host.name}-lb", env={"NODE_FOLDER": str(node.folder)}))  # fmt: skip
        lb.wait_for_output("ready: ")
        return lb

    def connect(self, address=VIP):
        number = len(list(self.folder.glob("client-*")))
        client = Client(self.client_host, address, self.folder / f"client-{number}.txt")
        self.addCleanup(client.stop)
        return client

    def ctl(self, node, *words, check=True):
        return node.host.run("tandemctl", "-F", str(node.socket), *words, check=check)

    def moves(self, node):
        return json.loads(self.ctl(node, "--json", "show", "moves").stdout)[0]

    def is_over(self, node):
        return self.moves(node)["move"]["stage"] == "done"

    def retained(self, node):
        shown = node.host.run("ip", "-o", "addr", "show", "dev", "lo").stdout
        return {vip for vip in node.vips if f" {vip}/" in shown}

    def tables(self, node):
        return node.host.run("nft", "list", "tables").stdout.count("_second")

    # ---- nothing breaks ------------------------------------------------------------------------

    def test_older_connections_go_on_and_new_ones_reach_the_new_node(self):
        one, two = self.pair()
        client = self.connect()
        self.assertEqual(client.do("open", 20), {"served": 20, "by": ["10.77.0.11"]})
        client.do("download")
        done = self.ctl(one, "switchover")
        self.assertRegex(done.stdout, r"main moved to two in \d+ ms; 21 older connections go on")
        self.settle(two, one)
        self.assertEqual(self.retained(one), {VIP})
        self.assertEqual(self.tables(two), 1)
        self.assertEqual(client.do("new"), {"by": "10.77.0.12"})
        # Each is told to come back in its own time, and loses nothing.
        self.assertEqual(client.do("again"),
                         {"served": 20, "closing": 20, "by": ["10.77.0.11"]})  # fmt: skip
        wait_until(lambda: self.moves(one)["move"]["connections_left"] == 1, "the download is left")
        self.assertEqual(client.do("finish"), {"missing": 0})
        wait_until(lambda: self.is_over(one), "nothing is left of it")
        move = self.moves(one)["move"]
        self.assertEqual((move["connections_kept"], move["connections_cut"]), (21, 0))
        wait_until(lambda: self.moves(one)["move"]["packets_handed_back"] > 20, "two has told it")
        self.assertEqual(self.retained(one), set())
        self.assertEqual(self.tables(two), 0)
        metrics = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        self.assertIn('tandem_failover_moves_total{group="main",result="done"} 1', metrics)
        self.assertIn('tandem_failover_connections_retained{group="main"} 0', metrics)
        self.assertIn("tandem_failover_second_chance 1", metrics)

    def test_the_same_for_ipv6(self):
        one, two = self.pair(v6=True)
        client = self.connect(VIP6)
        self.assertEqual(client.do("open", 5)["served"], 5)
        self.ctl(one, "switchover")
        self.settle(two, one)
        self.assertEqual(client.do("again")["served"], 5)
        self.assertEqual(client.do("new"), {"by": "10.77.0.12"})

    def test_the_same_with_listeners_on_the_address_itself(self):
        one, two = self.pair(bind=f"{VIP}:80")
        client = self.connect()
        client.do("open", 20)
        client.do("download")
        done = self.ctl(one, "switchover")
        self.assertRegex(done.stdout, r"moved to two in \d+ ms; 21 older connections go on[^;]*\n")
        self.settle(two, one)
        self.assertEqual(client.do("new"), {"by": "10.77.0.12"})
        self.assertEqual(client.do("again")["served"], 20)
        # Back, while the download goes on.
        self.ctl(two, "switchover")
        self.settle(one, two)
        self.assertEqual(client.do("new"), {"by": "10.77.0.11"})
        self.assertEqual(client.do("finish"), {"missing": 0})
        wait_until(lambda: not self.retained(one) and not self.retained(two), "lo is empty")
        wait_until(lambda: self.tables(one) + self.tables(two) == 0, "no rules are left")

    def test_the_same_with_listeners_on_an_ipv6_address_itself(self):
        one, two = self.pair(v6=True, bind=f"[{VIP6}]:80")
        client = self.connect(VIP6)
        client.do("open", 5)
        self.ctl(one, "switchover")
        self.settle(two, one)
        self.assertEqual(client.do("again")["served"], 5)
        self.assertEqual(client.do("new"), {"by": "10.77.0.12"})

    def test_there_and_back_while_older_connections_go_on(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        client.do("download")
        done = self.ctl(one, "drill", "--stay", "100ms")
        self.assertIn("main moved to two in ", done.stdout)
        self.assertIn("everything moved here", done.stdout)
        self.assertRegex(done.stdout, r"\n +0\.000 s .*main: moves to two")
        self.settle(one, two)
        self.assertEqual(client.do("again")["served"], 5)
        self.assertEqual(client.do("finish"), {"missing": 0})
        self.assertEqual(client.do("new"), {"by": "10.77.0.11"})
        wait_until(lambda: not self.retained(one) and not self.retained(two), "lo is empty")
        wait_until(lambda: self.tables(one) + self.tables(two) == 0, "no rules are left")

    def test_the_other_node_asks_for_it(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 3)
        self.assertEqual(self.ctl(two, "takeover").stdout, "everything moved here\n")
        self.settle(two, one)
        self.assertEqual(client.do("again")["served"], 3)
        wait_until(lambda: self.is_over(one), "nothing is left of it")

    def test_a_higher_node_that_returns_is_given_the_address(self):
        one, two = self.pair(nopreempt=False)
        one.process.stop()
        self.settle(two, one)
        client = self.connect()
        client.do("open", 5)
        one.start()
        self.settle(one, two)
        self.assertIn("moves to one (asked for by the other node)", two.process.output())
        again = client.do("again")
        self.assertEqual((again["served"], again["by"]), (5, ["10.77.0.12"]))
        self.assertEqual(client.do("new"), {"by": "10.77.0.11"})

    def test_a_daemon_that_is_told_to_stop_moves_its_addresses_and_waits(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 3)
        client.do("download")
        one.process.signal(signal.SIGTERM)
        self.settle(two, one)
        self.assertIn("backup -> active (claim)", two.process.output())
        self.assertEqual(client.do("again")["served"], 3)
        self.assertEqual(client.do("finish"), {"missing": 0})
        self.assertEqual(one.process.wait(), 0)
        self.assertEqual(self.retained(one), set())
        wait_until(lambda: self.tables(two) == 0, "no rules are left")

    def test_a_data_plane_that_is_told_to_stop_loses_nothing(self):
        one, two = self.pair()
        client, crowd = self.connect(), self.connect()
        client.do("download")
        crowd.begin("crowd", 300)
        one.lb.signal(signal.SIGTERM)
        self.settle(two, one)
        self.assertIn("moves to two (the data plane stops)", one.process.output())
        came = crowd.result()
        self.assertEqual((came["served"], came["failed"]), (300, 0))
        self.assertEqual(client.do("finish"), {"missing": 0})
        self.assertEqual(one.lb.wait(), 0)
        wait_until(lambda: self.is_over(one), "nothing is left of it")
        wait_until(lambda: one.router()["priority"] == 0, "one has no right any more")

    # ---- a node that stands still for a moment -------------------------------------------------

    def stand_still(self, node, other):
        """Stops the daemon until the other one takes it for gone, as a busy machine may."""
        node.process.signal(signal.SIGSTOP)
        lost = f"the link to {node.host.name} is down: it was silent"
        other.process.wait_for_output(lost)
        node.process.signal(signal.SIGCONT)

    def test_older_connections_outlive_an_old_node_that_stands_still(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        client.do("download")
        self.ctl(one, "switchover")
        self.settle(two, one)
        self.stand_still(one, two)
        two.process.wait_for_output("one is back: its older connections go on")
        self.assertEqual(self.tables(two), 1)
        self.assertEqual(client.do("again")["served"], 5)
        self.assertEqual(client.do("finish"), {"missing": 0})
        wait_until(lambda: self.is_over(one), "nothing is left of it")
        wait_until(lambda: self.tables(two) == 0, "no rules are left")

    def test_older_connections_outlive_a_new_node_that_stands_still(self):
        one, two = self.pair()
        client = self.connect()
        client.do("download")
        one.lb.signal(signal.SIGTERM)  # it cannot have the address back
        self.settle(two, one)
        self.stand_still(two, one)
        two.process.wait_for_output("active -> backup (froze)")
        wait_until(two.holds_all, "two has the address again")
        self.assertEqual(client.do("finish"), {"missing": 0})
        self.assertEqual(one.lb.wait(), 0)

    def test_a_claim_whose_answer_is_lost_is_made_again(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        client.do("download")
        two.process.signal(signal.SIGSTOP)
        moving = self.keep(Process(one.host.command("tandemctl", "-F", one.socket, "switchover"),
                                   self.folder, name="switchover"))  # fmt: skip
        one.process.wait_for_output("main: moves to two")
        one.process.wait_for_output("the link to two is down: it was silent")
        two.process.signal(signal.SIGCONT)
        self.assertEqual(moving.wait(), 0, moving.output())
        self.assertRegex(moving.output(), r"main moved to two in \d+ ms; 6 older connections go on")
        self.settle(two, one)
        self.assertEqual(client.do("again")["served"], 5)
        self.assertEqual(client.do("finish"), {"missing": 0})

    def test_a_claim_that_nobody_answers_leaves_the_address(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        two.process.signal(signal.SIGSTOP)
        moving = self.ctl(one, "switchover", check=False)
        self.assertNotEqual(moving.returncode, 0)
        self.assertIn("main does not move", moving.stdout + moving.stderr)
        self.assertTrue(one.holds_all())
        self.assertEqual(self.retained(one), set())
        self.assertEqual(client.do("again"),
                         {"served": 5, "closing": 0, "by": ["10.77.0.11"]})  # fmt: skip

    def test_a_client_that_hears_late_of_the_way_back_loses_nothing(self):
        one, two = self.pair()
        older, newer = self.connect(), self.connect()
        older.do("open", 5)
        self.ctl(one, "switchover")
        self.settle(two, one)
        newer.do("download")
        # What was sent before the network has learned of the move, or by one who never hears of it.
        neighbour = ("neigh", "replace", VIP, "dev", "eth0", "nud", "permanent")
        self.client_host.ip(*neighbour, "lladdr", two.host.mac())
        self.ctl(two, "switchover")
        self.assertEqual(older.do("again")["served"], 5)
        self.client_host.ip("neigh", "del", VIP, "dev", "eth0")
        self.settle(one, two)
        self.assertEqual(newer.do("finish"), {"missing": 0})
        wait_until(lambda: self.tables(two) == 0, "no rules are left")

    # ---- when it cannot go on ------------------------------------------------------------------

    def test_clients_are_told_when_the_old_node_dies(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        self.ctl(one, "switchover")
        self.settle(two, one)
        one.host.cut()
        wait_until(lambda: self.tables(two) == 0, "two takes its rules away")
        self.assertEqual(client.do("reset"), {"reset": 5})

    def test_the_address_comes_back_when_the_new_node_dies(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        self.ctl(one, "switchover")
        self.settle(two, one)
        two.host.cut()
        wait_until(one.holds_all, "one has the address again")
        wait_until(lambda: not self.retained(one), "it is not needed on lo any more")
        self.assertEqual(client.do("again")["served"], 5)
        self.assertEqual(client.do("new"), {"by": "10.77.0.11"})

    def test_a_deadline_ends_what_is_left(self):
        one, two = self.pair(more={"switchover": {"drain": "300ms"}})
        client = self.connect()
        client.do("open", 5)
        done = self.ctl(one, "switchover", "--wait")
        words = r"5 older connections went on, 5 were cut; over after (\d+\.\d) s"
        over = re.search(words, done.stdout)
        self.assertTrue(over, done.stdout)
        self.assertGreaterEqual(float(over[1]), 0.3)
        self.settle(two, one)
        self.assertEqual(client.do("reset"), {"reset": 5})

    def test_the_guard_cleans_up_behind_the_old_node(self):
        one, two = self.pair()
        client = self.connect()
        client.do("open", 5)
        self.ctl(one, "switchover")
        self.settle(two, one)
        one.process.kill()
        wait_until(lambda: not self.retained(one), "lo is empty")
        wait_until(lambda: self.tables(two) == 0, "two takes its rules away")
        self.assertEqual(client.do("reset"), {"reset": 5})

    def test_without_a_second_chance_connections_break_and_it_is_said(self):
        one, two = self.pair(more={"switchover": {"second_chance": False}})
        client = self.connect()
        client.do("open", 5)
        done = self.ctl(one, "switchover")
        self.assertRegex(done.stdout, r"main moved to two in \d+ ms; older connections broke\n")
        self.settle(two, one)
        self.assertEqual(client.do("reset"), {"reset": 5})


if __name__ == "__main__":
    main()
