"""A pair of nodes, each in a network namespace of its own: tandem-failover with itself and with
Debian's keepalived, in every way an address can move."""

import csv
import json
import pathlib
import re
import signal
import subprocess

import tandem_lab
from tandem_testing import ControlSocket, Process, TestCase, main, program, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
SECRET = "a secret of the pair"
VIP, VIP6, LOCAL6 = "10.77.0.100", "fd77::100", "fe80::100"


class Node:
    """What both kinds of node have in common."""

    def __init__(self, host, folder, priority, **options):
        self.host, self.priority = host, priority
        self.options = {"advert": 20, "v6": False, "unicast": False, "nopreempt": False} | options
        self.folder = pathlib.Path(folder) / host.name
        self.folder.mkdir(exist_ok=True)
        self.process = None
        self.keep = None  # remembers a process that the test has to stop

    @property
    def vips(self):
        return (VIP, VIP6) if self.options["v6"] else (VIP,)

    def holds(self):
        return {vip for vip in self.vips if self.host.has(vip)}

    def holds_all(self):
        return len(self.holds()) == len(self.vips)

    def stop(self):
        if self.process is not None:
            self.process.stop()

    def start(self):
        env = {"NODE_FOLDER": str(self.folder)}
        name = f"{self.host.name}-failover"
        self.process = self.keep(Process(self.command(), self.folder, name=name, env=env))
        return self


class Tandem(Node):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.socket = self.folder / "failover.sock"
        self.config = self.folder / "tandem.jsonc"
        self.write()

    def write(self, **more):
        options = self.options
        vips = [f"{VIP}/24"] + ([f"{LOCAL6}/64", f"{VIP6}/64"] if options["v6"] else [])
        nodes = {
            name: {"address": f"10.77.0.{number}", "address6": f"fd77::{number}",
                   "priority": priority}
            for name, number, priority in (("one", 11, 150), ("two", 12, 100))
        }  # fmt: skip
        nodes[self.host.name]["priority"] = self.priority
        failover = {
            "interface": "eth0", "vrid": 51, "vips": vips, "nodes": nodes,
            "advert_int": f"{options['advert']}ms",
            "transport": "unicast" if options["unicast"] else "multicast",
            "nopreempt": options["nopreempt"],
            "track": {"lb": options.get("lb", False)},
            "runtime": {"bind": "unix:${NODE_FOLDER}/failover.sock"},
            "admin": {"bind": "127.0.0.1:8405"},
        }  # fmt: skip
        if options.get("version") == 2:
            failover |= {"version": 2, "password": "sesame"}
        if options.get("peer"):
            failover["peer"] = {"secret": options["peer"]}
        failover |= more
        self.config.write_text(json.dumps({"failover": failover} | options.get("file", {})))

    def command(self):
        return self.host.command("tandem-failover", "-f", self.config, "--node", self.host.name)

    def start(self):
        super().start()
        self.process.wait_for_output("ready: ")
        return self

    def show(self):
        return json.loads(ControlSocket(self.socket).command("show failover json"))

    def router(self):
        return self.show()["routers"][0]

    def transitions(self):
        return self.process.output().count(" -> ")


class Keepalived(Node):
    def command(self):
        options = self.options
        newline = "\n  "
        version = options.get("version", 3)
        authentication = ""
        if version == 2:
            authentication = "authentication {\n auth_type PASS\n auth_pass sesame\n }"
        peer = 12 if self.host.number == 11 else 11

        def instance(name, vips, own, other):
            unicast = f"unicast_src_ip {own}\n unicast_peer {{ {other} }}" if options["unicast"] else ""
            family = "native_ipv6" if ":" in own else ""
            preempt = "nopreempt" if options["nopreempt"] else ""
            return f"""
vrrp_instance {name} {{
 state BACKUP
 interface eth0
 virtual_router_id 51
 priority {self.priority}
 version {version}
 {authentication}
 {family}
 {preempt}
 advert_int {options["advert"] / 1000}
 {unicast}
 virtual_ipaddress {{
  {newline.join(vips)}
 }}
}}
"""

        text = f"global_defs {{\n vrrp_version {version}\n}}\n"
        text += instance("four", [f"{VIP}/24"], f"10.77.0.{self.host.number}", f"10.77.0.{peer}")
        if options["v6"]:
            text += instance("six", [f"{LOCAL6}/64", f"{VIP6}/64"], f"fd77::{self.host.number}",
                             f"fd77::{peer}")  # fmt: skip
        config = self.folder / "keepalived.conf"
        config.write_text(text)
        return self.host.command(
            "keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp",
            "-f", config, "-p", self.folder / "k.pid", "-r", self.folder / "v.pid",
        )  # fmt: skip


class PairStage(TestCase):
    """Two hosts, and nodes on them as a test likes."""

    def setUp(self):
        super().setUp()
        lab = tandem_lab.Lab()
        self.enterContext(lab)
        self.hosts = {"one": lab.host("one", 11), "two": lab.host("two", 12)}

    def node(self, kind, name, priority, **options):
        node = kind(self.hosts[name], self.folder, priority, **options)
        node.keep = self.keep
        return node.start()

    def settle(self, holder, other):
        wait_until(lambda: holder.holds_all() and not other.holds(),
                   f"{holder.host.name} has the addresses alone")  # fmt: skip


class PairTest(PairStage):
    # ---- tandem with tandem --------------------------------------------------------------------

    def pair(self, **options):
        one = self.node(Tandem, "one", 150, **options)
        two = self.node(Tandem, "two", 100, **options)
        self.settle(one, two)
        return one, two

    def test_the_higher_one_is_active_and_the_other_follows(self):
        one, two = self.pair(v6=True)
        self.assertEqual([r["state"] for r in one.show()["routers"]], ["active", "active"])
        self.assertEqual([r["state"] for r in two.show()["routers"]], ["backup", "backup"])
        wait_until(lambda: two.router().get("heard"), "the backup has heard the active node")
        self.assertEqual(two.router()["heard"]["priority"], 150)

    def test_metrics_are_as_documented_and_clean(self):
        one, _ = self.pair(peer=SECRET)
        text = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        check = subprocess.run([program("promtool"), "check", "metrics"], input=text, text=True,
                               capture_output=True, check=False)  # fmt: skip
        self.assertEqual((check.returncode, check.stdout, check.stderr), (0, "", ""))
        types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
        document = (TOP / "docs/FAILOVER.md").read_text(encoding="utf-8")
        rows = dict(re.findall(r"^\| `(tandem_failover_\w+)` \| (\w+) \|", document, re.MULTILINE))
        # Without scripts and actuators there are no figures about them.
        others = {name: kind for name, kind in rows.items() if re.search("_(script|actuat)", name)}
        self.assertEqual(types | others, rows)
        self.assertIn('tandem_failover_state{group="main",state="active"} 1', text)
        self.assertIn(f'tandem_failover_vip_owned{{group="main",vip="{VIP}"}} 1', text)
        ready = one.host.run("curl", "-s", "http://127.0.0.1:8405/ready").stdout
        self.assertEqual(ready, "ready\n")

    def test_the_client_shows_the_pair_and_its_events(self):
        one, _ = self.pair()
        client = ["tandemctl", "-F", str(one.socket)]
        shown = one.host.run(*client, "show", "failover").stdout
        self.assertIn("node one on eth0, VRRPv3 multicast, every 20ms", shown)
        self.assertIn(f"addresses {VIP}/24 held\n  priority 150\n", shown)
        state = json.loads(one.host.run(*client, "--json", "show", "failover").stdout)
        self.assertEqual(state["routers"][0]["state"], "active")
        events = one.host.run(*client, "events").stdout.splitlines()
        self.assertIn("main: backup -> active (silence), priority 150", events[-1])
        # No data plane here: said, and the pair is shown all the same.
        status = one.host.run(*client, "-s", str(one.folder / "none.sock"), "status", check=False)
        self.assertEqual(status.returncode, 3)
        self.assertIn("router main vrid 51: active", status.stdout)

    def test_a_killed_daemon_holds_nothing(self):
        one, two = self.pair(v6=True)
        one.process.kill()
        self.settle(two, one)
        self.assertIn("backup -> active (farewell)", two.process.output())
        one.start()
        self.settle(one, two)

    def test_a_frozen_daemon_gives_the_addresses_up_before_it_speaks_and_says_why(self):
        one, two = self.pair(nopreempt=True)
        one.process.signal(signal.SIGSTOP)
        wait_until(two.holds_all, "two has the addresses")
        one.process.signal(signal.SIGCONT)
        self.settle(two, one)
        one.process.wait_for_output("main: was silent for ")
        output = one.process.output()
        said = re.search(r"main: active -> backup \(froze\), .*\n.*main: was silent for (\d+) ms: "
                         r"(\d+) ms on a CPU, (\d+) ms waiting for one\n", output)  # fmt: skip
        self.assertTrue(said, output)
        silent, on_cpu, waiting = (int(number) for number in said.groups())
        self.assertGreaterEqual(silent, 60)  # three intervals
        self.assertLess(on_cpu + waiting, silent / 2)  # it was stopped, and did not want to run
        self.assertEqual(two.router()["state"], "active")

    def test_a_daemon_that_is_told_to_stop_gives_the_addresses_away(self):
        one, two = self.pair()
        self.assertEqual(one.process.stop(), 0)
        self.assertFalse(one.holds())
        self.settle(two, one)
        self.assertIn("backup -> active (farewell)", two.process.output())

    def test_a_cut_cable_moves_the_addresses(self):
        one, two = self.pair()
        one.host.cut()
        wait_until(two.holds_all, "two has them")
        wait_until(lambda: not one.holds(), "one has let go: its interface is down")
        one.host.mend()
        self.settle(one, two)

    def test_without_preemption_they_stay_where_they_are(self):
        one, two = self.pair(nopreempt=True, unicast=True, v6=True)
        one.process.kill()
        self.settle(two, one)
        one.start()
        wait_until(lambda: one.router()["state"] == "backup", "one is back")
        wait_until(lambda: one.router().get("heard"), "one has heard two")
        self.assertTrue(two.holds_all())
        self.assertFalse(one.holds())

    def test_a_reload_keeps_what_is_held(self):
        one, two = self.pair()
        before = one.transitions()
        sent = one.router()["adverts_sent"]
        one.write(advert_int="10ms")
        one.process.signal(signal.SIGHUP)
        one.process.wait_for_output("(adopted)")
        self.assertTrue(one.holds_all())
        wait_until(lambda: one.router()["adverts_sent"] > sent + 10, "adverts go on")
        self.assertEqual(one.transitions(), before + 1)
        self.assertEqual(two.transitions(), 1)

    def test_a_bad_file_changes_nothing(self):
        one, _ = self.pair()
        one.config.write_text('{ "failover": { "vrid": 300 } }')
        one.process.signal(signal.SIGHUP)
        one.process.wait_for_output("the configuration has errors: nothing changes")
        self.assertIn("/failover/vrid: 300 is out of range: 1 to 255", one.process.output())
        self.assertTrue(one.holds_all())

    def test_a_new_process_takes_over_from_the_old_one(self):
        one, two = self.pair()
        one.process.signal(signal.SIGUSR2)
        one.process.wait_for_output("(adopted)")
        self.assertTrue(one.holds_all())
        self.assertTrue(one.process.is_running())
        wait_until(lambda: one.router()["state"] == "active", "the new process answers")
        self.assertEqual(two.transitions(), 1)

    def test_an_address_that_somebody_takes_away_is_put_back(self):
        one, _ = self.pair()
        one.host.ip("addr", "del", f"{VIP}/24", "dev", "eth0")
        wait_until(one.holds_all, "it is back")

    def test_an_address_that_is_there_without_right_is_taken_off(self):
        one, two = self.pair()
        two.host.ip("addr", "add", f"{VIP}/24", "dev", "eth0")
        wait_until(lambda: not two.holds(), "two lets go of it")
        self.assertTrue(one.holds_all())

    def test_a_program_is_told_of_each_change(self):
        told = pathlib.Path(self.folder) / "told"
        teller = pathlib.Path(self.folder) / "notify"
        teller.write_text(f'#!/bin/sh\necho "$@" >> {told}\n')
        teller.chmod(0o755)
        one = Tandem(self.hosts["one"], self.folder, 150)
        one.keep = self.keep
        one.write(notify={"exec": [str(teller), "extra"]})
        one.start()
        wait_until(one.holds_all, "one is active")
        self.assertEqual(one.process.stop(), 0)
        self.assertEqual(told.read_text().splitlines(), [
            "extra main initialize backup started 150",
            "extra main backup active silence 150",
            "extra main active initialize stopped 150",
        ])  # fmt: skip

    # ---- the link between the nodes ------------------------------------------------------------

    def linked_pair(self, **options):
        one, two = self.pair(peer=SECRET, **options)
        for node in (one, two):
            wait_until(lambda: node.show()["peers"][0]["up"], "the link is up")
            wait_until(lambda: node.show()["peers"][0]["routers"], "the other has said how it is")
        return one, two

    def test_each_node_knows_how_the_other_is(self):
        one, two = self.linked_pair()
        (peer,) = two.show()["peers"]
        self.assertEqual((peer["name"], peer["same_config"]), ("one", True))
        wait_until(lambda: two.show()["peers"][0]["routers"][0]["state"] == "active", "it is told")
        self.assertEqual(two.show()["peers"][0]["routers"][0]["priority_why"], "150")
        one.process.stop()
        two.process.wait_for_output("the link to one is down: ")

    def test_what_is_let_go_of_is_taken_at_once(self):
        one, two = self.linked_pair()
        # With another configuration it is not asked to take the addresses first.
        two.write(preempt_delay="1s")
        two.process.signal(signal.SIGHUP)
        one.process.wait_for_output("two runs another configuration")
        one.process.stop()
        self.settle(two, one)
        self.assertIn("backup -> active (handed_over)", two.process.output())

    def test_a_node_that_stops_is_replaced_before_it_lets_go(self):
        one, two = self.linked_pair(advert=100)
        one.process.stop()
        self.settle(two, one)
        self.assertIn("backup -> active (claim)", two.process.output())
        self.assertIn("moves to two (this node stops)", one.process.output())

    def test_while_adverts_are_cut_the_link_decides(self):
        one, two = self.linked_pair()
        for node in (one, two):
            node.host.run("nft", "add table inet cut; add chain inet cut in { type filter hook input "
                          "priority 0; }; add rule inet cut in meta l4proto 112 drop")  # fmt: skip
        heard = one.router()["adverts_sent"]
        wait_until(lambda: one.router()["adverts_sent"] > heard + 50, "many adverts are lost")
        self.assertEqual(two.router()["state"], "backup")
        self.assertTrue(one.holds_all() and not two.holds())
        one.process.kill()
        self.settle(two, one)

    def test_another_secret_is_refused(self):
        one, two = self.pair(peer=SECRET)
        two.options["peer"] = "another secret than that"
        two.write()
        two.process.signal(signal.SIGHUP)
        two.process.wait_for_output("reloading")
        wait_until(lambda: "secret" in one.show()["peers"][0].get("trouble", "")
                   or "secret" in two.show()["peers"][0].get("trouble", ""),
                   "one of them says why")  # fmt: skip
        self.assertFalse(one.show()["peers"][0]["up"])
        self.assertTrue(one.holds_all())

    def test_an_operator_moves_the_addresses_and_they_stay(self):
        one, two = self.linked_pair(v6=True, advert=100)
        wait_until(lambda: one.show()["peers"][0]["routers"][1]["priority"], "two is fit")
        done = one.host.run("tandemctl", "-F", str(one.socket), "switchover", check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"(?m)^main moved to two in \d+ ms; ")
        self.assertRegex(done.stdout, r"(?m)^main/6 moved to two in \d+ ms; ")
        self.settle(two, one)
        self.assertIn("backup -> active (claim)", two.process.output())
        self.assertIn("active -> backup (yield)", one.process.output())
        sent = two.router()["adverts_sent"]
        wait_until(lambda: two.router()["adverts_sent"] > sent + 20, "time passes")
        self.assertTrue(two.holds_all() and not one.holds())

    def test_another_configuration_is_loud_and_stops_a_move(self):
        one, two = self.linked_pair()
        two.write(preempt_delay="1s")
        two.process.signal(signal.SIGHUP)
        one.process.wait_for_output("two runs another configuration")
        done = one.host.run("tandemctl", "-F", str(one.socket), "switchover", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "two runs another configuration.\n"))
        metrics = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        self.assertIn('tandem_failover_peer_config_match{peer="two"} 0', metrics)

    def test_a_configuration_that_cannot_be_opened_is_not_kept(self):
        one, two = self.linked_pair()
        before = two.transitions()
        one.write(runtime={"bind": "unix:/nowhere/failover.sock"})
        one.process.signal(signal.SIGHUP)
        one.process.wait_for_output("going on with the one before")
        one.process.wait_for_output("(adopted)")
        self.assertTrue(one.holds_all())
        wait_until(lambda: one.router()["state"] == "active", "the old socket answers")
        self.assertEqual(two.transitions(), before)

    def test_addresses_do_not_move_to_a_node_that_is_not_there(self):
        one, two = self.linked_pair()
        two.process.stop()
        one.process.wait_for_output("the link to two is down")
        done = one.host.run("tandemctl", "-F", str(one.socket), "switchover", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "no other node is there to take it: its link is down.\n")
        self.assertTrue(one.holds_all())

    # ---- the data plane decides ----------------------------------------------------------------

    def start_lb(self, node, *prefix):
        """A data plane beside the node's daemon, from the same file."""
        lb = self.keep(
            Process(
                node.host.command(*prefix, program("tandem-lb"), "-f", node.config), node.folder,
                name="lb",
                env={"NODE_FOLDER": str(node.folder)},
            )  # fmt: skip
        )
        lb.wait_for_output("ready: ")
        return lb

    def pair_with_data_planes(self, servers=("a",), **options):
        nodes = []
        for name, priority in (("one", 150), ("two", 100)):
            node = Tandem(self.hosts[name], self.folder, priority, **options)
            node.keep = self.keep
            node.options |= {"lb": {"bind": "unix:${NODE_FOLDER}/pulse.sock"}}
            node.options["file"] = {
                "admin": {"bind": "127.0.0.1:8404"},
                "frontends": {"www": {"bind": f"{VIP}:80", "default_backend": "app"}},
                "backends": {"app": {"servers": dict.fromkeys(servers, "10.77.0.11:8000")}},
                "runtime": [{"bind": "unix:${NODE_FOLDER}/lb.sock", "level": "admin"}],
            }
            node.write()
            node.lb = self.start_lb(node)
            nodes.append(node.start())
        self.settle(*nodes)
        return nodes

    def test_a_dead_data_plane_gives_the_addresses_away_and_takes_them_back(self):
        one, two = self.pair_with_data_planes()
        one.lb.kill()
        self.settle(two, one)
        self.assertIn("none: data plane has died", one.process.output())
        self.assertIn("backup -> active (farewell)", two.process.output())
        wait_until(lambda: one.router()["priority"] == 0, "one has no right any more")
        one.lb = self.start_lb(one)
        self.settle(one, two)

    def page(self, node):
        return node.host.run("curl", "-sf", "http://127.0.0.1:8404/stats", check=False).stdout

    def pair_on_page(self, node):
        """{node: (role, whether it runs the same configuration)}, as the node's page has it."""
        text = node.host.run("curl", "-sf", "http://127.0.0.1:8404/stats;pair").stdout
        nodes = json.loads(text)["nodes"]
        return {
            one["name"]: (
                one["routers"][0]["state"] if one["routers"] else "unknown",
                one["config_hash"] == nodes[0]["config_hash"],
            )
            for one in nodes
        }

    def test_the_pages_of_both_nodes_show_the_pair(self):
        nodes = one, two = self.pair_with_data_planes(peer=SECRET)
        for node in nodes:
            wait_until(lambda node=node: self.pair_on_page(node) == {
                "one": ("active", True), "two": ("backup", True)}, "the page shows both")  # fmt: skip
            self.assertRegex(self.page(node), r"one</th>.*>active for .*>10\.77\.0\.100/24<")
            self.assertRegex(self.page(node), r" UTC \(\d+s ago\), took \d+\.\d ms<")
        self.assertIn("this node<", self.page(two).partition("two</th>")[2])
        self.assertIn("up, there and back in ", self.page(two).partition("one</th>")[2])
        one.lb.kill()
        wait_until(lambda: self.pair_on_page(two)["two"][0] == "active", "two says that it took over")
        wait_until(lambda: "0: none: data plane has died" in self.page(two), "two says why")
        one.process.kill()
        wait_until(lambda: "down: " in self.page(two), "two says that one is not there")
        two.process.kill()
        wait_until(lambda: "tandem-failover does not answer since" in self.page(two), "it is said")

    def test_a_hung_data_plane_gives_the_addresses_away(self):
        one, two = self.pair_with_data_planes()
        one.lb.signal(signal.SIGSTOP)
        self.settle(two, one)
        self.assertRegex(one.process.output(), r"data plane hangs: worker \d+ has not turned for")
        one.lb.signal(signal.SIGCONT)
        self.settle(one, two)

    def test_a_data_plane_that_stops_gives_the_addresses_away_first(self):
        one, two = self.pair_with_data_planes()
        one.lb.signal(signal.SIGTERM)
        self.settle(two, one)
        self.assertIn("none: data plane is stopping", one.process.output())

    def test_a_data_plane_without_a_live_server_is_not_fit(self):
        one, two = self.pair_with_data_planes()
        nothing = {"app": {"check": {"type": "tcp"}, "default-server": {"inter": "50ms"},
                           "servers": {"a": "10.77.0.11:8000"}}}  # fmt: skip
        one.lb.kill()
        one.options["file"]["backends"] = nothing
        one.write()
        one.lb = self.start_lb(one)
        self.settle(two, one)
        wait_until(lambda: "app has no usable server" in one.router()["priority_why"],
                   "the reason is shown")  # fmt: skip

    def test_a_full_data_plane_leaves_the_addresses_to_one_with_room(self):
        one, two = self.pair_with_data_planes()
        one.lb.kill()
        self.settle(two, one)
        one.lb = self.start_lb(one, "prlimit", "--nofile=64")
        self.settle(one, two)
        # More clients than descriptors; each has sent something, so that it is accepted.
        crowd = f"""
import socket, time
clients = [socket.create_connection(("{VIP}", 80)) for _ in range(100)]
for client in clients: client.send(b"G")
print("all are there", flush=True)
clients[0].recv(1)
time.sleep(600)
"""
        self.keep(Process(two.host.command("python3", "-c", crowd), self.folder, name="crowd"))
        one.process.wait_for_output("room in the data plane failed: no descriptors or no memory")
        self.settle(two, one)
        self.assertIn("active -> backup (higher_priority)", one.process.output())

    def test_a_failing_script_gives_the_addresses_away(self):
        flag = pathlib.Path(self.folder) / "flag"
        flag.touch()
        script = {"exec": ["/usr/bin/test", "-e", str(flag)], "interval": "20ms", "fall": 2}
        one = Tandem(self.hosts["one"], self.folder, 150)
        one.keep = self.keep
        one.write(track={"lb": False, "script": {"flag": script}})
        one.start()
        two = self.node(Tandem, "two", 100)
        self.settle(one, two)
        flag.unlink()
        self.settle(two, one)
        self.assertIn("none: script flag ended with status 1", one.process.output())
        flag.touch()
        self.settle(one, two)

    def test_a_file_moves_the_addresses_and_gives_them_back(self):
        path = pathlib.Path(self.folder) / "no-vip"
        one = Tandem(self.hosts["one"], self.folder, 150)
        one.keep = self.keep
        files = {"maintenance": {"path": str(path), "weight": -60}}
        one.write(track={"lb": False, "file": files})
        one.start()
        two = self.node(Tandem, "two", 100)
        self.settle(one, two)
        path.touch()
        self.settle(two, one)
        self.assertEqual(one.router()["priority_why"], "150 - 60 (file maintenance says 1) = 90")
        text = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        self.assertIn('tandem_failover_track_ok{check="file maintenance"} 0', text)
        path.write_text("0\n")
        self.settle(one, two)
        # Text is not a number, and not overlooked either.
        path.write_text("back at five\n")
        self.settle(two, one)
        self.assertIn("file maintenance: does not hold a number", one.host.run(
            "tandemctl", "-F", str(one.socket), "show", "failover").stdout)  # fmt: skip
        path.unlink()
        self.settle(one, two)

    # ---- what the nodes share ------------------------------------------------------------------

    def sharing_pair(self):
        one, two = self.pair_with_data_planes(servers=("a", "b"), peer=SECRET)
        self.wait_in_step(one, two)
        return one, two

    def wait_in_step(self, *nodes):
        for node in nodes:
            wait_until(lambda node=node: all(node.show()["servers"]["in_step"].values()),
                       f"{node.host.name} has told everything")  # fmt: skip

    def set(self, node, words):
        self.assertEqual(ControlSocket(node.folder / "lb.sock").command(words).strip(), "")

    def server(self, node, name="a"):
        """Its state and weight."""
        text = ControlSocket(node.folder / "lb.sock").command("show stat")
        rows = csv.DictReader(text.removeprefix("# ").splitlines())
        row = next(row for row in rows if (row["pxname"], row["svname"]) == ("app", name))
        return row["status"], int(row["weight"])

    def wait_server(self, node, status, weight=1):
        wait_until(lambda: self.server(node) == (status, weight),
                   f"app/a is {status} with weight {weight} on {node.host.name}")  # fmt: skip

    def test_a_drain_holds_on_the_other_node_after_the_active_one_has_died(self):
        one, two = self.sharing_pair()
        self.set(one, "set server app/a state drain")
        self.wait_server(two, "DRAIN")
        self.assertEqual(two.show()["servers"]["set"], ["app/a drain"])
        one.host.cut()
        tandem_lab.kill(one.host.pids())
        wait_until(two.holds_all, "two has the addresses")
        self.assertEqual(self.server(two), ("DRAIN", 1))
        # And what died learns it when it is back.
        one.host.mend()
        one.lb = self.start_lb(one)
        one.start()
        self.wait_server(one, "DRAIN")

    def test_what_is_set_on_the_standby_holds_on_the_active_node_and_can_be_undone_there(self):
        one, two = self.sharing_pair()
        self.set(two, "set server app/a state drain")
        self.set(two, "set server app/a weight 7")
        self.wait_server(one, "DRAIN", 7)
        self.set(one, "set server app/a state ready")
        self.wait_server(two, "no check", 7)
        self.wait_in_step(one, two)
        shown = one.host.run("tandemctl", "-F", str(one.socket), "show", "failover").stdout
        self.assertIn(
            "servers: 2 set by operators (app/a ready, app/a weight 7), in step with two", shown
        )
        metrics = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        self.assertIn('tandem_failover_sync_entries{table="admin"} 1', metrics)
        self.assertIn('tandem_failover_sync_lag_seconds{peer="two"} 0', metrics)

    def test_a_data_plane_that_is_started_again_has_what_was_set(self):
        one, _ = self.pair_with_data_planes(servers=("a", "b"))  # without a link
        self.set(one, "set server app/a state maint")
        self.set(one, "set server app/a weight 9")
        wait_until(lambda: len(one.show()["servers"]["set"]) == 2, "it is known")
        for change in (one.lb.kill, lambda: one.process.signal(signal.SIGHUP)):
            change()
            if not one.lb.is_running():
                one.lb = self.start_lb(one)
            else:
                one.process.wait_for_output("reloading")
                one.lb.kill()
                one.lb = self.start_lb(one)
            self.wait_server(one, "MAINT", 9)
        # A new process of the daemon is told by the data plane.
        one.process.signal(signal.SIGUSR2)
        one.process.wait_for_output("replaced by a new process")
        wait_until(lambda: len(one.show()["servers"]["set"]) == 2, "it is known again")

    def test_nodes_that_were_cut_apart_end_with_what_was_set_later(self):
        one, two = self.sharing_pair()
        one.host.lab.drop_at_switch("ip protocol tcp")
        for node, other in ((one, "two"), (two, "one")):
            node.process.wait_for_output(f"the link to {other} is down")
        self.set(one, "set server app/a state drain")
        self.set(two, "set server app/a weight 3")
        self.set(two, "set server app/a state maint")
        self.set(one, "set server app/a weight 4")
        wait_until(lambda: self.server(one) == ("DRAIN", 4), "one goes its way")
        wait_until(lambda: self.server(two) == ("MAINT", 3), "two goes its way")
        one.host.lab.drop_nothing()
        for node in (one, two):
            self.wait_server(node, "MAINT", 4)

    def test_each_node_shows_the_events_of_both(self):
        nodes = one, two = self.sharing_pair()
        self.set(one, "set server app/a state drain")
        for node in nodes:
            client = ("tandemctl", "-F", str(node.socket), "events")
            wait_until(
                lambda node=node, client=client: re.search(
                    r"^\S+Z one set by an operator: app/a drain$",
                    node.host.run(*client).stdout, re.MULTILINE),
                f"{node.host.name} shows who did it",
            )  # fmt: skip
            lines = node.host.run(*client).stdout.splitlines()
            self.assertEqual([line[:24] for line in lines], sorted(line[:24] for line in lines))
            for name in ("one", "two"):
                wait_until(
                    lambda node=node, client=client, name=name: re.search(
                        rf"^\S+Z {name} main: initialize -> backup",
                        node.host.run(*client).stdout, re.MULTILINE),
                    f"{node.host.name} shows the past of {name}",
                )  # fmt: skip

    # ---- with keepalived -----------------------------------------------------------------------

    def mixed(self, tandem_first, **options):
        first, second = (Tandem, Keepalived) if tandem_first else (Keepalived, Tandem)
        one = self.node(first, "one", 150, **options)
        two = self.node(second, "two", 100, **options)
        self.settle(one, two)
        return one, two

    def takeover_and_return(self, tandem_first, **options):
        one, two = self.mixed(tandem_first, **options)
        one.stop()
        self.settle(two, one)
        one.start()
        self.settle(one, two)
        one.host.cut()
        wait_until(two.holds_all, "two takes over in silence")
        one.host.mend()
        self.settle(one, two)

    def test_keepalived_takes_over_from_tandem_and_gives_back(self):
        self.takeover_and_return(True, v6=True, advert=100)

    def test_tandem_takes_over_from_keepalived_and_gives_back(self):
        self.takeover_and_return(False, v6=True, advert=100)

    def test_version_2_with_a_password_moves_both_ways(self):
        one, two = self.mixed(True, version=2, advert=1000)
        one.stop()
        self.settle(two, one)
        one.start()
        self.settle(one, two)

    def test_keepalived_and_tandem_by_unicast(self):
        self.takeover_and_return(True, v6=True, unicast=True, advert=100)

    def test_tandem_and_keepalived_by_unicast(self):
        self.takeover_and_return(False, v6=True, unicast=True, advert=100)


if __name__ == "__main__":
    tandem_lab.require()
    main()
