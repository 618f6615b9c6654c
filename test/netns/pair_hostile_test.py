"""A pair among strangers: adverts with seals, forged, recorded and random ones, floods of them, and
a peer link between nodes that prove themselves by certificates."""

import pathlib
import random
import re
import signal
import subprocess
import time

import tandem_lab
from forged_adverts import GROUP_MAC, Advert, Seal, Wire, priority_of, source_of
from pair_test import SECRET, PairStage, Tandem
from tandem_testing import main, program, wait_until

KEY = "0123456789abcdef0123456789abcdef"
NEW_KEY = "fedcba9876543210fedcba9876543210"
OTHER_KEY = "another key that nobody has but me"
SECOND = {"id": 2, "secret": NEW_KEY}
FIRST = {"id": 1, "secret": KEY}


def auth(*keys):
    return {"auth": {"keys": list(keys), "window": "5s"}}


def metrics(node):
    text = node.host.run("curl", "-sf", "http://127.0.0.1:8405/metrics").stdout
    rows = re.findall(r"^tandem_failover_(\w+)(?:\{(.*)\})? (\S+)$", text, re.MULTILINE)
    return {(name, labels): float(value) for name, labels, value in rows}


def refused(node):
    """By reason, of all routers."""
    by_reason = {}
    for (name, labels), value in metrics(node).items():
        if name == "adverts_refused_total":
            reason = re.search(r'reason="(\w+)"', labels)[1]
            by_reason[reason] = by_reason.get(reason, 0) + int(value)
    return by_reason


def total(node, name):
    return sum(value for (one, _), value in metrics(node).items() if one == name)


def moves(node):
    """Every change between backup and active."""
    return re.findall(r"(?:backup -> active|active -> backup|-> initialize) \(\w+\)",
                      node.process.output())  # fmt: skip


class HostileStage(PairStage):
    def setUp(self):
        super().setUp()
        lab = next(iter(self.hosts.values())).lab
        self.wire = Wire(lab.host("mallory", 66))
        self.addCleanup(self.wire.close)

    def node(self, kind, name, priority, more=None, **options):
        node = kind(self.hosts[name], self.folder, priority, **options)
        node.keep = self.keep
        node.write(**(more or {}))
        return node.start()

    def pair(self, more=None, **options):
        one = self.node(Tandem, "one", 150, more, **options)
        two = self.node(Tandem, "two", 100, more, **options)
        self.settle(one, two)
        wait_until(lambda: all("heard" in r for r in two.show()["routers"]), "two hears one")
        return one, two

    def linked(self, one, two):
        for node in (one, two):
            wait_until(lambda: node.show()["peers"][0].get("routers"), "the link is up")

    def reload(self, node, **more):
        """Returns when the node works with what it was given."""
        before = node.process.output().count("ready: ")
        node.write(**more)
        node.process.signal(signal.SIGHUP)
        wait_until(lambda: node.process.output().count("ready: ") > before, "it has reloaded")

    def assert_unmoved(self, one, two):
        self.assertTrue(one.holds_all() and not two.holds())
        self.assertEqual(one.router()["state"], "active")
        self.assertEqual(two.router()["state"], "backup")
        self.assertNotIn("active", " ".join(moves(two)))


class Sealed(HostileStage):
    def test_sealed_adverts_are_taken_and_plain_ones_are_not(self):
        one, two = self.pair(auth(FIRST), v6=True)
        self.assertEqual(one.show()["auth_keys"], [1])
        for _ in range(20):
            self.wire.send(Advert(source="10.77.0.66"))
        for node in (one, two):
            wait_until(lambda: refused(node)["seal_missing"] == 20, "all are counted")
            node.process.wait_for_output("are refused: they carry no seal")
        self.assert_unmoved(one, two)
        self.assertEqual(sum(refused(two).values()), 20)
        self.assertEqual(sum(refused(one).values()), 20)

    def test_a_seal_that_others_make_is_the_same(self):
        one, two = self.pair(auth(FIRST))
        received = one.router()["adverts_received"]
        self.wire.send(Advert(priority=1, interval=2, seal=Seal(KEY)))
        wait_until(lambda: one.router()["adverts_received"] == received + 1, "it is taken")
        self.assertEqual(one.router()["heard"]["from"], "10.77.0.66")
        self.assert_unmoved(one, two)

    def test_the_guards_farewell_is_taken_though_it_was_sealed_before(self):
        one, two = self.pair(auth(FIRST), v6=True, advert=100)
        # Longer than a seal is made ahead for, so that it has been made anew.
        wait_until(lambda: one.router()["adverts_sent"] > 25, "time passes")
        one.process.kill()
        self.settle(two, one)
        self.assertEqual(moves(two), ["backup -> active (farewell)"] * 2)
        # And what it says when it is back is beyond that.
        one.start()
        self.settle(one, two)
        self.assertEqual(sum(refused(two).values()), 0)
        self.assertEqual(sum(refused(one).values()), 0)

    def test_keys_roll_over_with_no_change_of_role(self):
        nodes = one, two = self.pair(auth(FIRST), advert=100)
        for keys in ((FIRST, SECOND), (SECOND, FIRST), (SECOND,)):
            for node in nodes:
                self.reload(node, **auth(*keys))
                received = two.router()["adverts_received"]
                wait_until(lambda: two.router()["adverts_received"] > received + 5, "they are taken")
                self.assert_unmoved(one, two)
        for node in nodes:
            self.assertEqual(sum(refused(node).values()), 0)
            self.assertEqual(node.show()["auth_keys"], [2])

    def test_another_key_is_refused_by_reason_and_the_link_keeps_one_active(self):
        # A reload interrupts the link for a moment, shorter than the down interval.
        one, two = self.pair(auth(FIRST), peer=SECRET, advert=200)
        self.linked(one, two)
        self.reload(two, **auth({"id": 1, "secret": NEW_KEY}))
        wait_until(lambda: refused(two)["seal"] > 8, "many are refused")
        two.process.wait_for_output("its key 1 is another one than ours")
        self.assert_unmoved(one, two)
        self.reload(two, **auth(SECOND))
        wait_until(lambda: refused(two)["seal_key"] > 8, "many are refused")
        two.process.wait_for_output("sealed with key 1, which is not listed here")
        self.assert_unmoved(one, two)
        # Only while the link stands: the death of one is not kept from two.
        one.process.kill()
        self.settle(two, one)

    def test_seals_come_to_a_running_pair_one_node_after_the_other(self):
        nodes = one, two = self.pair(advert=100)
        for mode in ("accept", "seal", "demand"):
            for node in nodes:
                self.reload(node, auth={"mode": mode, "keys": [FIRST]})
                received = two.router()["adverts_received"]
                wait_until(lambda: two.router()["adverts_received"] > received + 5, "they are taken")
                self.assert_unmoved(one, two)
        for node in nodes:
            self.assertEqual(sum(refused(node).values()), 0)
        self.wire.send(Advert())
        wait_until(lambda: refused(two)["seal_missing"] == 1, "plain ones are refused now")

    def test_a_clock_that_is_wrong_is_said(self):
        one, two = self.pair(auth(FIRST))
        self.wire.send(Advert(priority=1, seal=Seal(KEY, clock_ahead=3600)))
        one.process.wait_for_output("or its clock is wrong: it is 3600.")
        self.assertRegex(one.process.output(), r"3600\.\d s ahead of ours, 5 s are allowed")
        self.assertEqual(refused(one)["seal_stale"], 1)
        # Halfway there it is taken, and said already.
        self.wire.send(Advert(priority=1, seal=Seal(KEY, clock_ahead=-3.5)))
        one.process.wait_for_output("the clock of 10.77.0.66 is 3.5 s behind ours: beyond 5 s")
        self.assert_unmoved(one, two)

    def test_recorded_adverts_change_nothing(self):
        one, two = self.pair(auth(FIRST), advert=100)
        one.process.stop()  # says farewell, and is heard no more
        self.settle(two, one)
        one.start()
        self.settle(one, two)

        def has_both(heard):
            sources = [source_of(packet) for packet in heard]
            return sources.count("10.77.0.11") > 5 and "10.77.0.12" in sources

        # The cable kept what has passed so far, the farewell too.
        heard = self.wire.record(has_both)
        farewells = [packet for packet in heard if priority_of(packet) == 0]
        self.assertEqual({source_of(packet) for packet in farewells}, {"10.77.0.11"})
        before = {node: (moves(node), refused(node), total(node, "farewells_received_total"))
                  for node in (one, two)}  # fmt: skip
        for packet in heard + farewells * 20:
            self.wire.socket.send(self.wire.frame(packet))
        wait_until(lambda: refused(two)["replay"] >= 20, "two refuses them")
        wait_until(lambda: refused(one)["replay"] >= 1, "one refuses those of two")
        received = two.router()["adverts_received"]
        wait_until(lambda: two.router()["adverts_received"] > received + 10, "time passes")
        self.assertTrue(one.holds_all() and not two.holds())
        for node in (one, two):
            self.assertEqual(moves(node), before[node][0])
            self.assertEqual(total(node, "farewells_received_total"), before[node][2])

    def test_forged_seals_are_refused_by_reason(self):
        one, two = self.pair(auth(FIRST, SECOND), advert=100)
        forged = {
            "seal_form": Seal(KEY, scheme=2),
            "seal_key": Seal(KEY, key=3),
            "seal_stale": Seal(KEY, clock_ahead=-60),
            "seal": Seal(OTHER_KEY, key=2),
        }
        for reason, seal in forged.items():
            frame = self.wire.frame(Advert(seal=seal).packet())
            self.wire.flood(frame, 3000, per_second=10_000)
            for node in (one, two):
                wait_until(lambda: refused(node)[reason] > 1000, f"{reason} is counted")
        self.assert_unmoved(one, two)
        self.assertEqual(total(one, "two_masters_detected_total"), 0)


# A second's share: more than an honest network brings, less than what crowds out real adverts.
FLOOD_PER_SECOND = 15_000
FLOOD_EACH = 3_000

# From failover/system/link.h: what one router reads at most, in turns of 64 packets.
TURN = 64
FORMED_TURNS_PER_SECOND, FORMED_BURST = 500, 32
SUSPECT_TURNS_PER_SECOND, SUSPECT_BURST = 10, 4

# Processor time that one packet which is read may cost, by the time that is charged to the process
# and not by a clock on the wall: how busy the machine is does not matter. Measured: 4 microseconds
# with all the daemon does besides; with sanitizers a multiple of it.
SECONDS_PER_PACKET_MAX = 50e-6
# What the daemon does besides, as a share of the time.
SHARE_OF_ITS_OWN_MAX = 0.05


class Flood(HostileStage):
    def budget(self, seconds):
        """Packets that one router may have read in this time."""
        formed = seconds * FORMED_TURNS_PER_SECOND + FORMED_BURST + 1
        suspect = seconds * SUSPECT_TURNS_PER_SECOND + SUSPECT_BURST + 1
        return TURN * (formed + suspect)

    def read_so_far(self, node):
        return sum(refused(node).values()) + total(node, "adverts_received_total")

    def watch(self, nodes):
        return {
            node: (self.read_so_far(node), node.process.cpu_seconds(), time.monotonic())
            for node in nodes
        }

    def assert_bounded(self, before):
        for node, (read, processor, began) in before.items():
            # In this order: what is read after the clock was looked at counts for the packets.
            used = node.process.cpu_seconds() - processor
            read = self.read_so_far(node) - read
            elapsed = time.monotonic() - began
            self.assertLessEqual(read, self.budget(elapsed))
            self.assertLessEqual(
                used, read * SECONDS_PER_PACKET_MAX + elapsed * SHARE_OF_ITS_OWN_MAX + 0.1,
                f"{read} packets in {elapsed:.1f} s",
            )  # fmt: skip

    def flood(self, nodes, rows, to=GROUP_MAC):
        """Each row is counted by its reason on each of the nodes."""
        for reason, packet in rows.items():
            before = {node: refused(node)[reason] for node in nodes}
            self.wire.flood(self.wire.frame(packet, to), FLOOD_EACH, FLOOD_PER_SECOND)
            for node in nodes:
                wait_until(lambda: refused(node)[reason] > before[node], f"{reason} is counted")

    def test_forged_adverts_move_nothing_and_are_counted_by_reason(self):
        nodes = one, two = self.pair(advert=100)
        before = self.watch(nodes)
        self.flood(nodes, {
            "hop_limit": Advert(hop_limit=254).packet(),
            "truncated": Advert(count=2).packet(),
            "version": Advert(version=2).packet(),
            "type": Advert(kind=2).packet(),
            "vrid": Advert(vrid=52).packet(),
            "count": Advert(vips=()).packet(),
            "length": Advert(extra=b"much more").packet(),
            "checksum": Advert(checksum_off_by=1).packet(),
            "interval": Advert(interval=0).packet(),
            "addresses": Advert(vips=("10.77.0.101",)).packet(),
        })  # fmt: skip
        self.assert_bounded(before)
        self.assert_unmoved(one, two)
        self.assertEqual(len(moves(one)) + len(moves(two)), 1)
        self.assertEqual(total(one, "two_masters_detected_total"), 0)
        # The slow queue dropped most of what had not even the form of an advert, and counted it.
        self.assertGreater(total(two, "adverts_unread_total"), 0)

    def test_unicast_takes_nothing_from_strangers(self):
        nodes = one, two = self.pair(advert=100, unicast=True)
        before = self.watch(nodes)
        for node in nodes:
            to = bytes.fromhex(node.host.mac().replace(":", ""))
            own = node.host.address
            self.flood([node], {
                "source": Advert(destination=own).packet(),
                "checksum": Advert(source="10.77.0.11" if node is two else "10.77.0.12",
                                   destination=own, checksum_off_by=1).packet(),
            }, to)  # fmt: skip
            # By multicast it is not even delivered.
            self.wire.flood(self.wire.frame(Advert().packet()), 100, FLOOD_PER_SECOND)
        self.assert_bounded(before)
        self.assert_unmoved(one, two)

    def test_a_multicast_pair_takes_nothing_by_unicast(self):
        nodes = one, two = self.pair(advert=100)
        for node in nodes:
            to = bytes.fromhex(node.host.mac().replace(":", ""))
            unicast = self.wire.frame(Advert(destination=node.host.address).packet(), to)
            self.wire.flood(unicast, FLOOD_EACH, FLOOD_PER_SECOND)
        # What came behind them has been read: they were not, the kernel drops them.
        self.flood(nodes, {"checksum": Advert(checksum_off_by=1).packet()})
        self.assertEqual(total(one, "two_masters_detected_total"), 0)
        self.assert_unmoved(one, two)

    def test_random_bytes_move_nothing(self):
        seed = random.randrange(1 << 32)
        draw = random.Random(seed)
        nodes = one, two = self.pair(advert=100)
        before = self.watch(nodes)
        right = Advert(checksum_off_by=1).message()
        with self.subTest(seed=seed):
            for _ in range(300):
                # Half of them begin like an advert.
                kept = right[: draw.randrange(len(right))] if draw.random() < 0.5 else b""
                payload = kept + draw.randbytes(draw.randrange(64))
                packet = Advert(payload=payload, hop_limit=draw.choice((255, 255, 1))).packet()
                self.wire.flood(self.wire.frame(packet), 100, FLOOD_PER_SECOND)
            self.assert_bounded(before)
            self.assert_unmoved(one, two)


class Authority:
    """A CA of its own, by the openssl program."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.ca = self.folder / "ca.pem"
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                     "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", "ca.key",
                     "-out", "ca.pem")  # fmt: skip

    def openssl(self, *words):
        subprocess.run([program("openssl"), *words], cwd=self.folder, check=True,
                       capture_output=True)  # fmt: skip

    def certificate(self, name, days="2"):
        """A file with certificate and key of the node `name`."""
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                     "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                     "-keyout", "n.key", "-out", "n.csr")  # fmt: skip
        self.openssl("x509", "-req", "-in", "n.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-days", days, "-copy_extensions", "copy", "-out", "n.crt")  # fmt: skip
        return (self.folder / "n.crt").read_text() + (self.folder / "n.key").read_text()


class Certificates(HostileStage):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder, "authority")

    def give(self, name, certificate, authority=None):
        """What the node `name` proves itself with, and believes."""
        folder = pathlib.Path(self.folder) / name
        folder.mkdir(exist_ok=True)
        (folder / "node.pem").write_text(certificate)
        (folder / "node.pem").chmod(0o600)
        (folder / "ca.pem").write_text((authority or self.authority).ca.read_text())

    def certified_pair(self):
        for name in self.hosts:
            self.give(name, self.authority.certificate(name))
        more = {"peer": {"crt": "node.pem", "ca": "ca.pem"}}
        one, two = self.pair(more, advert=100)
        self.linked(one, two)
        return one, two, more

    def trouble(self, node, text):
        wait_until(lambda: text in node.show()["peers"][0].get("trouble", ""), text)

    def test_nodes_that_prove_themselves_by_certificates_are_linked(self):
        one, two, _ = self.certified_pair()
        one.process.stop()
        self.settle(two, one)
        # By what is said on the link, not by a farewell or in silence.
        self.assertRegex(" ".join(moves(two)), r"^backup -> active \((claim|handed_over)\)$")

    def test_new_certificates_are_taken_up_by_a_reload(self):
        one, two, more = self.certified_pair()
        authority = Authority(self.folder, "another")
        for node in (one, two):
            self.give(node.host.name, authority.certificate(node.host.name), authority)
        self.reload(one, **more)
        self.trouble(one, "its certificate does not come from our CA")
        self.assertIn("the link to one is down: it reloads", two.process.output())
        self.assert_unmoved(one, two)
        self.reload(two, **more)
        self.linked(one, two)
        self.assert_unmoved(one, two)
        # Adverts go on as before, link or no link.
        self.assertEqual(two.router()["heard"]["priority"], 150)

    def test_another_nodes_certificate_is_refused_at_home(self):
        one, two, more = self.certified_pair()
        self.give("two", self.authority.certificate("three"))
        two.write(**more)
        two.process.signal(signal.SIGHUP)
        two.process.wait_for_output("the configuration has errors: nothing changes")
        self.assertIn('/failover/peer/crt: the certificate is for "three", not for this node, "two"',
                      two.process.output())  # fmt: skip
        self.assertTrue(one.show()["peers"][0]["up"])


if __name__ == "__main__":
    tandem_lab.require()
    main()
