"""What is set on servers and found of them, through the pulse: told, taken, and taken again by the
next process."""

import socket
import threading

import pulse_peer
import tandem_testing as testing
from pulse_peer import ADMIN, DRAIN, HEALTH, MAINT, READY, WEIGHT, now


class SlowHealth:
    """A server whose checks get no answer until the test gives one; other requests do at once."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.asked = threading.Event()
        self.may_answer = threading.Event()
        self.status = 200
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self):
        self.may_answer.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def serve(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.answer, args=[connection], daemon=True).start()
        except OSError:
            pass

    def answer(self, connection):
        with connection:
            head = connection.recv(4096)
            status = 200
            if b"/healthz" in head:
                self.asked.set()
                self.may_answer.wait()
                status = self.status
            try:
                connection.sendall(
                    f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
            except OSError:
                pass


class Settings(pulse_peer.PulseCase):
    def start_pair(self):
        self.origins = [self.start_origin(name) for name in ("web1", "web2")]
        servers = {f"web{i + 1}": origin.address for i, origin in enumerate(self.origins)}
        return self.start_watched(servers, backend={"default-server": {"check": False}})

    def test_what_an_operator_sets_is_told_at_once_and_to_who_comes_later(self):
        tandem = self.start_pair()
        watcher = self.watch()
        watcher.receive(pulse_peer.CONDITION)  # hello has been heard
        commands = {
            "set server app/web1 state drain": (ADMIN, DRAIN, "app/web1"),
            "set server app/web1 state ready": (ADMIN, READY, "app/web1"),
            "disable server app/web2": (ADMIN, MAINT, "app/web2"),
            "enable server app/web2": (ADMIN, READY, "app/web2"),
            "set server app/web2 weight 0": (WEIGHT, 0, "app/web2"),
            "set weight app/web1 256": (WEIGHT, 256, "app/web1"),
            "set server app/web1 state maint": (ADMIN, MAINT, "app/web1"),
        }
        told = {}
        for command, expected in commands.items():
            before = now()
            tandem.control.command(command)
            setting = watcher.setting()
            self.assertEqual((setting.what, setting.value, setting.server), expected, command)
            self.assertTrue(before <= setting.stamp <= now(), command)
            told[setting.server, setting.what] = setting
        self.assertEqual(tandem.ctl("drain", "app/web2").returncode, 0)
        setting = watcher.setting()
        self.assertEqual((setting.what, setting.value, setting.server), (ADMIN, DRAIN, "app/web2"))
        told[setting.server, setting.what] = setting
        # Neither of these is a setting that the other node should have.
        tandem.control.command("set server app/web1 health down")
        tandem.control.command("disable health app/web1")
        later = self.watch()
        self.assertEqual({later.setting() for _ in told}, set(told.values()))

    def test_what_comes_from_elsewhere_is_done_if_it_is_later(self):
        tandem = self.start_pair()
        watcher = self.watch()
        stamp = now()
        watcher.say(ADMIN, DRAIN, stamp, "app/web1")
        self.wait_for_status("web1", "DRAIN")
        log = "Set on the other node, or here before the start."
        drained = next(line for line in tandem.output().splitlines() if "enters drain" in line)
        self.assertIn(log, drained)
        for _ in range(20):
            self.assertEqual(testing.get(self.port, "/bytes/10").status, 200)
        self.assertEqual(tandem.control.row("app", "web1")["stot"], "0")
        # Each of these means nothing; the last one shows that all were heard.
        watcher.say(ADMIN, MAINT, stamp - 1, "app/web1")
        watcher.say(ADMIN, READY, stamp, "app/web1")
        watcher.say(ADMIN, MAINT, stamp + 1, "app/web9")
        watcher.say(ADMIN, 3, stamp + 1, "app/web1")
        watcher.say(WEIGHT, 257, stamp + 1, "app/web1")
        watcher.say(WEIGHT, 9, stamp, "app/web2")
        testing.wait_until(lambda: self.weight("web2") == "9 (initial 1)", "the weight is set")
        self.assertIn("Server app/web2 has weight 9 now. " + log, tandem.output())
        self.assertEqual(self.status("web1"), "DRAIN")
        watcher.say(ADMIN, MAINT, stamp + 2, "app/web1")
        self.wait_for_status("web1", "MAINT")
        # Nothing of it came back: what is told first is what an operator does after it, and counts
        # as later even where the other node's clock is ahead.
        ahead = now() + 3_600_000_000
        watcher.say(ADMIN, DRAIN, ahead, "app/web1")
        self.wait_for_status("web1", "DRAIN")
        tandem.control.command("set server app/web1 state ready")
        self.assertEqual(
            watcher.setting(), pulse_peer.Setting(ADMIN, READY, ahead + 1, "app/web1")
        )
        self.assertNotIn("another language", tandem.output())

    def test_the_next_process_goes_on_with_what_was_set(self):
        tandem = self.start_pair()
        watcher = self.watch()
        tandem.control.command("set server app/web1 state drain")
        tandem.control.command("set server app/web2 weight 77")
        known = [watcher.setting(), watcher.setting()]
        tandem.stop()
        self.assertTrue(watcher.is_closed())
        self.tandem = self.start_tandem(self.config)
        self.assertEqual(self.status("web1"), "no check")
        watcher = self.watch()
        for setting in known:
            watcher.send(setting.encode())
        self.wait_for_status("web1", "DRAIN")
        testing.wait_until(lambda: self.weight("web2") == "77 (initial 1)", "the weight is back")
        later = self.watch()
        self.assertEqual({later.setting(), later.setting()}, set(known))

    def test_health_is_told_at_first_and_as_it_changes(self):
        origin = self.start_origin("web1")
        self.start_watched(
            {"web1": origin.address, "web2": {"address": origin.address, "check": False}},
            backend={
                "check": {"type": "http", "uri": "/healthz"},
                "default-server": {"inter": "20ms", "rise": 2, "fall": 2},
            },
        )
        self.wait_for_status("web1", "UP")
        watcher = self.watch()
        up = watcher.setting()
        self.assertEqual((up.what, up.value, up.server), (HEALTH, 1, "app/web1"))
        origin.set_health("/status/503")
        down = watcher.setting()
        self.assertEqual((down.what, down.value, down.server), (HEALTH, 0, "app/web1"))
        self.assertGreater(down.stamp, up.stamp)
        # It has been found here: what others say is no help any more.
        watcher.say(HEALTH, 1, now() + 1_000_000, "app/web1")
        watcher.say(WEIGHT, 5, now(), "app/web2")
        testing.wait_until(lambda: self.weight("web2") == "5 (initial 1)", "the weight is set")
        self.assertTrue(self.status("web1").startswith("DOWN"))
        origin.set_health("/status/200")
        self.assertEqual(watcher.setting().value, 1)

    def test_a_word_on_health_counts_until_the_first_check_has_ended(self):
        slow = [SlowHealth(), SlowHealth()]
        for server in slow:
            self.addCleanup(server.close)
        self.start_watched(
            {"web1": slow[0].address, "web2": slow[1].address},
            backend={
                "check": {"type": "http", "uri": "/healthz"},
                "timeout": {"check": "60s"},
                "default-server": {"inter": "20ms"},
            },
            wait=False,
        )
        for server in slow:
            self.assertTrue(server.asked.wait(testing.TIMEOUT))
        testing.wait_until(lambda: testing.get(self.port).status == 503, "it serves")
        with self.watch() as watcher:
            watcher.say(HEALTH, 1, now(), "app/web1")
            watcher.say(HEALTH, 0, now(), "app/web2")
            self.tandem.wait_ready()
            self.assertEqual(testing.get(self.port).status, 200)
            testing.wait_until(lambda: self.status("web2").startswith("DOWN"), "web2 is down")
            self.assertIn("Until its first check: seen from the other node", self.tandem.output())
            # Their own checks find the opposite, at once.
            slow[0].status = 503
            for server in slow:
                server.may_answer.set()
            found = {watcher.setting(), watcher.setting()}
            self.assertEqual(
                {(one.what, one.value, one.server) for one in found},
                {(HEALTH, 0, "app/web1"), (HEALTH, 1, "app/web2")},
            )
        testing.wait_until(lambda: testing.get(self.port).status == 200, "web2 serves")

    def test_a_watcher_that_reads_late_hears_all_and_beats_all_the_while(self):
        count = 3000
        self.start_watched(
            {f"s{i}": "127.0.0.1:9" for i in range(count)},
            backend={"default-server": {"check": False}},
        )
        stamp = now()
        watcher = self.watch()
        for i in range(count):
            watcher.say(WEIGHT, 2 + i % 200, stamp + i, f"app/s{i}")
        late = self.watch(period=20)
        testing.wait_until(
            lambda: self.weight(f"s{count - 1}") == f"{2 + (count - 1) % 200} (initial 1)",
            "all is set",
        )
        late.close()
        late = self.watch(period=20)
        heard = {}
        beats = 0
        # More than the socket holds has been told already, and nothing was read.
        for _ in range(3):
            self.tandem.control.command("show info")
        while len(heard) < count or beats == 0:
            packet = late.socket.recv(16384)
            if packet[1] == pulse_peer.SETTING:
                setting = pulse_peer.Setting.decode(packet)
                heard[setting.server] = setting
            beats += packet[1] == pulse_peer.BEAT
        self.assertEqual(
            heard,
            {
                f"app/s{i}": pulse_peer.Setting(WEIGHT, 2 + i % 200, stamp + i, f"app/s{i}")
                for i in range(count)
            },
        )

    def test_who_speaks_before_hello_or_says_it_twice_is_sent_away(self):
        self.start_pair()
        early = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.addCleanup(early.close)
        early.settimeout(testing.TIMEOUT)
        early.connect(str(self.pulse))
        early.send(pulse_peer.leaving("127.0.0.1"))
        self.assertEqual(early.recv(16384), b"")
        watcher = self.watch()
        watcher.send(b"\x02\x01\x32\x00\x00\x00")
        self.assertTrue(watcher.is_closed())
        self.assertEqual(self.status("web1"), "no check")


if __name__ == "__main__":
    testing.main()
