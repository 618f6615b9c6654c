"""A pair in a network that sends an address where it is told, not where ARP says: the client has a
route for it, and the nodes' program changes that route."""

import pathlib
import re
import signal
import subprocess
import sys

import tandem_lab
from pair_test import SECRET, VIP, Tandem
from tandem_testing import Process, TestCase, main, program, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]

# The interface of that network. Both nodes use it, one at a time.
CLOUD = """#!/bin/sh
set -eu
cloud=@CLOUD@
if [ "$1" != read_back ] && [ -e "$cloud/slow-$4" ]; then sleep 600; fi
exec 9>"$cloud/lock"
flock 9
echo "$1 $4" >>"$cloud/log"
case $1 in
acquire)
  if [ -e "$cloud/broken-$4" ]; then echo "quota exceeded" >&2; exit 3; fi
  echo "$4" >"$cloud/$2"
  ip -n @CLIENT@ route replace "$2/32" via "$TANDEM_NODE_ADDRESS" ;;
read_back) cat "$cloud/$2" 2>/dev/null || : ;;
esac
"""

# Says which node it is to whoever connects.
HERE = """
import socket
server = socket.create_server(("", 80))
print("listens", flush=True)
while True:
    client, _ = server.accept()
    client.sendall(b"{name}")
    client.close()
"""

ASK = f"""
import socket
with socket.create_connection(("{VIP}", 80), timeout=2) as client:
    print(client.recv(100).decode(), end="")
"""

# What etc/examples/move-address speaks to.
API = """
import http.server
owners = {}
class Api(http.server.BaseHTTPRequestHandler):
    def answer(self, code, body=""):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def allowed(self):
        if self.headers["Authorization"] == "Bearer of the token": return True
        self.answer(403, "who are you?")
    def do_PUT(self):
        if self.allowed():
            owners[self.path] = self.rfile.read(int(self.headers["Content-Length"])).decode()
            print("now", self.path, owners[self.path], flush=True)
            self.answer(204)
    def do_GET(self):
        if self.allowed():
            self.answer(*((200, owners[self.path]) if self.path in owners else (404, "")))
server = http.server.HTTPServer(("", 8000), Api)
print("listens", flush=True)
server.serve_forever()
"""


class ActuatorTest(TestCase):
    def setUp(self):
        super().setUp()
        lab = tandem_lab.Lab()
        self.enterContext(lab)
        self.lab = lab
        self.client = lab.host("client", 21)
        self.hosts = {"one": lab.host("one", 11), "two": lab.host("two", 12)}
        self.cloud = pathlib.Path(self.folder) / "cloud"
        self.cloud.mkdir()
        text = CLOUD.replace("@CLOUD@", str(self.cloud)).replace("@CLIENT@", self.client.namespace)
        self.mover = self.executable("move", text)
        for name, host in self.hosts.items():
            here = Process(host.command("python3", "-c", HERE.format(name=name)), self.folder,
                           name=f"here-{name}")  # fmt: skip
            self.keep(here).wait_for_output("listens")

    def executable(self, name, text):
        path = pathlib.Path(self.folder) / name
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def node(self, name, priority, actuator=None, more=None, **options):
        node = Tandem(self.hosts[name], self.folder, priority, unicast=True,
                      **({"advert": 100} | options))
        node.keep = self.keep
        node.more = {"actuator": {
            "exec": [self.mover], "read_back": [self.mover], "timeout": "20s", "retry": "20ms",
            "interval": "50ms",
        } | (actuator or {})} | (more or {})  # fmt: skip
        node.write(**node.more)
        return node.start()

    def pair(self, **options):
        one = self.node("one", 150, **options)
        two = self.node("two", 100, **options)
        self.settle(one, two)
        return one, two

    def settle(self, holder, other):
        name = holder.host.name
        wait_until(lambda: holder.holds_all() and not other.holds(), f"{name} has the address")
        self.wait_until_sent_to(name)
        wait_until(lambda: self.state(holder) == "done", f"{name} knows that it has")

    def wait_until_sent_to(self, name):
        wait_until(lambda: self.owner() == name, f"the network says that {name} has the address")
        wait_until(lambda: self.who_answers() == name, f"the client reaches {name}")

    def owner(self):
        path = self.cloud / VIP
        return path.read_text().strip() if path.exists() else ""

    def who_answers(self):
        return self.client.run("python3", "-c", ASK, check=False).stdout

    def runs(self, words):
        log = self.cloud / "log"
        return log.read_text().splitlines().count(words) if log.exists() else 0

    def state(self, node):
        return node.router()["actuator"]["state"]

    def metrics(self, node):
        text = node.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        return dict(re.findall(r"^(tandem_failover_actuat\S+) (\S+)$", text, re.MULTILINE))

    def test_the_network_follows_a_takeover_and_a_return(self):
        one, two = self.pair()
        self.assertEqual(self.state(two), "idle")
        one.process.kill()
        self.settle(two, one)
        one.start()
        self.settle(one, two)
        self.assertIn("actuator: the network sends the addresses here, after 0.",
                      one.process.output())  # fmt: skip

    def test_a_program_that_hangs_is_ended_and_run_again(self):
        slow = self.cloud / "slow-one"
        slow.touch()
        one = self.node("one", 150, actuator={"timeout": "200ms"})
        late = f"acquire {VIP} took longer than 200ms"
        wait_until(lambda: late in one.router()["actuator"]["words"], "the reason is shown")
        wait_until(one.holds_all, "adverts and the address itself do not wait for it")
        key = 'tandem_failover_actuations_total{group="main",action="acquire",result="timeout"}'
        wait_until(lambda: float(self.metrics(one)[key]) >= 2, "it is tried again")
        self.assertEqual(self.metrics(one)['tandem_failover_actuator_ok{group="main"}'], "0")
        # Nothing that it has started is left.
        self.assertEqual(self.owner(), "")
        slow.unlink()
        self.wait_until_sent_to("one")

    def test_a_program_that_fails_says_why_and_is_run_again(self):
        broken = self.cloud / "broken-two"
        one, two = self.pair()
        broken.touch()
        one.process.kill()
        why = f"acquire {VIP} ended with status 3: quota exceeded"
        wait_until(lambda: two.router()["actuator"]["fault"] == why, "the reason is shown")
        shown = two.host.run("tandemctl", "-F", str(two.socket), "show", "failover").stdout
        self.assertIn(f"  actuator: failed: {why}; ", shown)
        self.assertEqual(self.metrics(two)['tandem_failover_actuator_ok{group="main"}'], "0")
        broken.unlink()
        self.settle(two, one)
        self.assertEqual(self.metrics(two)['tandem_failover_actuator_ok{group="main"}'], "1")
        self.assertIn(f"main: actuator: {why}", two.process.output())

    def test_what_somebody_else_moves_is_moved_back(self):
        one, two = self.pair()
        (self.cloud / VIP).write_text("two\n")
        key = 'tandem_failover_actuator_moved_away_total{group="main"}'
        wait_until(lambda: float(self.metrics(one)[key]) == 1, "it is noticed")
        self.settle(one, two)
        self.assertIn(f"actuator: two has {VIP}, which was this node's", one.process.output())
        self.assertEqual(self.runs("acquire two"), 0)

    def test_two_that_do_not_hear_each_other_do_not_fight_without_end(self):
        one, two = self.pair()
        self.lab.drop_at_switch("ip protocol vrrp")
        wait_until(two.holds_all, "both are active")
        spent = "taken back too often: left there for a while"
        wait_until(
            lambda: any(spent in node.router()["actuator"]["fault"] for node in (one, two)),
            "one of them leaves it to the other",
        )
        self.assertLessEqual(self.runs("acquire one"), 1 + 3)
        self.assertLessEqual(self.runs("acquire two"), 1 + 3)
        self.lab.drop_nothing()
        self.settle(one, two)

    def test_while_the_link_says_that_the_other_is_active_nothing_is_taken_back(self):
        one, two = self.pair(peer=SECRET)
        wait_until(lambda: one.show()["peers"][0]["up"], "the link is up")
        self.lab.drop_at_switch("ip protocol vrrp")
        # The link decides: two stays back, and runs nothing.
        before = self.runs("read_back one")
        wait_until(lambda: self.runs("read_back one") > before + 5, "one looks on")
        self.assertFalse(two.holds())
        self.assertEqual(self.runs("acquire two"), 0)
        self.assertEqual(self.runs("acquire one"), 1)

    def test_an_operator_moves_the_address_and_the_network_follows(self):
        one, two = self.pair(peer=SECRET)
        for node in (one, two):
            wait_until(lambda: node.show()["peers"][0].get("routers"), "they know each other")
        wait_until(lambda: one.show()["peers"][0]["routers"][0]["state"] == "backup", "it is told")
        one.host.run("tandemctl", "-F", str(one.socket), "switchover")
        self.settle(two, one)

    def test_a_reload_looks_before_it_acquires(self):
        one, _ = self.pair()
        one.write(advert_int="200ms", **one.more)
        one.process.signal(signal.SIGHUP)
        one.process.wait_for_output("actuator: the network still sends the addresses here")
        self.assertEqual(self.runs("acquire one"), 1)

    def test_who_stops_releases_if_it_is_asked_to(self):
        one, two = self.pair(actuator={"release": True})
        self.assertEqual(one.process.stop(), 0)
        self.assertEqual(self.runs("release one"), 1)
        self.settle(two, one)

    def test_addresses_that_are_on_both_nodes_are_left_alone(self):
        for host in self.hosts.values():
            host.ip("addr", "add", f"{VIP}/32", "dev", "lo")
        one = self.node("one", 150, actuator={"local": False})
        self.node("two", 100, actuator={"local": False})
        self.wait_until_sent_to("one")
        self.assertEqual(one.router()["holding"], "not local")
        text = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        self.assertIn(f'tandem_failover_vip_owned{{group="main",vip="{VIP}"}} 1', text)
        one.process.kill()
        self.wait_until_sent_to("two")
        for host in self.hosts.values():
            self.assertFalse(host.has(VIP))
            self.assertIn(VIP, host.ip("addr", "show", "dev", "lo"))

    def test_metrics_are_as_documented_and_clean(self):
        one, _ = self.pair()
        text = one.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
        check = subprocess.run([program("promtool"), "check", "metrics"], input=text, text=True,
                               capture_output=True, check=False)  # fmt: skip
        self.assertEqual((check.returncode, check.stdout, check.stderr), (0, "", ""))
        types = re.findall(r"^# TYPE (tandem_failover_actuat\S+) (\S+)$", text, re.MULTILINE)
        document = (TOP / "docs/FAILOVER.md").read_text(encoding="utf-8")
        rows = re.findall(r"^\| `(tandem_failover_actuat\w+)` \| (\w+) \|", document, re.MULTILINE)
        self.assertEqual(sorted(types), sorted(rows))

    def test_the_alert_for_it_fires_and_ends(self):
        test = TOP / "test/netns/actuator_alerts.yml"
        promtool = subprocess.run([program("promtool"), "test", "rules", test], text=True,
                                  capture_output=True, check=False)  # fmt: skip
        self.assertEqual(promtool.returncode, 0, promtool.stdout + promtool.stderr)

    # ---- the samples of etc/examples -----------------------------------------------------------

    def test_the_sample_program_moves_an_address_over_http(self):
        api = Process(self.client.command("python3", "-c", API), self.folder, name="api")
        self.keep(api).wait_for_output("listens")
        token = pathlib.Path(self.folder) / "token"
        token.write_text("of the token\n")
        mover = self.executable("sample", f"""#!/bin/sh
export MOVE_ADDRESS_API=http://{self.client.address}:8000/v1 MOVE_ADDRESS_TOKEN_FILE={token}
exec {TOP}/etc/examples/move-address "$@"
""")  # fmt: skip
        programs = {"exec": [mover], "read_back": [mover]}
        one = self.node("one", 150, actuator=programs)
        api.wait_for_output(f"now /v1/addresses/{VIP} one")
        wait_until(lambda: self.state(one) == "done", "it is read back")
        two = self.node("two", 100, actuator=programs)
        one.process.kill()
        api.wait_for_output(f"now /v1/addresses/{VIP} two")
        wait_until(lambda: self.state(two) == "done", "it is read back")
        token.write_text("another\n")
        why = f"read_back {VIP} ended with status 1: the network answers 403: who are you?"
        wait_until(lambda: two.router()["actuator"]["fault"] == why, "a refusal is shown")

    def test_the_sample_configuration_is_good(self):
        check = self.hosts["one"].run("tandem-failover", "-c", "-f",
                                      TOP / "etc/examples/cloud-pair.jsonc", "--node", "lb1",
                                      check=False)  # fmt: skip
        self.assertEqual((check.returncode, check.stderr), (0, ""), check.stdout)


if __name__ == "__main__":
    tandem_lab.require()
    sys.exit(main())
