"""Connections to an address that moves to the other node end softly, and no others do."""

import shutil
import signal
import subprocess
import time
import unittest

import pulse_peer
import tandem_testing as testing
from client_threads import ClientThreads
from tandem_testing import HttpClient

MOVING, STAYING = "127.0.0.2", "127.0.0.1"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


class Traffic(ClientThreads):
    """Clients that keep their connection as long as they are let, and make a new one then."""

    def __init__(self, address, clients=4):
        super().__init__(clients)
        self.address = address
        self.answered = self.ended = 0
        self.failures = []

    def run(self, _):
        while not self.stopping.is_set():
            try:
                with HttpClient(self.address) as client:
                    self.use(client)
            except (OSError, testing.Truncated) as error:
                with self.lock:
                    self.failures.append(repr(error))
                return

    def use(self, client):
        while not self.stopping.is_set():
            response = client.get("/")
            with self.lock:
                self.answered += 1
                if response.status != 200:
                    self.failures.append(response.status)
            if response.header("Connection") == "close":
                with self.lock:
                    self.ended += 1
                return

    def wait_for_more(self, count=50):
        goal = self.answered + count
        testing.wait_until(lambda: self.answered >= goal or self.failures, "requests go on")

    def wait_for_ends(self, count=20):
        goal = self.ended + count
        testing.wait_until(lambda: self.ended >= goal or self.failures, "connections end")


class Leaving(pulse_peer.PulseCase):
    def start(self, bind=":", **options):
        self.origin = self.start_origin("web1")
        return self.start_watched({"web1": self.origin.address}, bind=bind, **options)

    def client(self, host=MOVING):
        client = HttpClient((host, self.port))
        self.addCleanup(client.close)
        return client

    def keeps(self, client, target="/bytes/10"):
        """Asks for something. @return whether the connection goes on after it; and if not, that it
        has ended."""
        response = client.get(target)
        self.assertEqual(response.status, 200)
        self.assertIn(response.header("Connection"), (None, "close"))
        if response.header("Connection") is None:
            return True
        self.assertTrue(client.is_closed_by_peer())
        return False

    def leave(self, watcher, *addresses):
        """Says it, and waits until every worker has heard of it."""
        watcher.send(pulse_peer.leaving(*addresses))
        self.wait_until_heard(*addresses)

    def wait_until_heard(self, *addresses):
        for host in (MOVING, STAYING):
            expected = host not in addresses
            testing.wait_until(
                lambda host=host, expected=expected: self.keeps(self.client(host)) == expected,
                f"connections to {host} are {'kept' if expected else 'ended'}",
            )

    def closed(self):
        return self.tandem.metrics()["tandem_leaving_connections_closed_total"]

    def test_connections_to_the_address_end_with_their_next_answer_others_stay(self):
        self.start()
        watcher = self.watch()
        moving, idle, fresh = self.client(), self.client(), self.client()
        staying = self.client(STAYING)
        for client in (moving, idle, staying):
            self.assertTrue(self.keeps(client))
        self.assertEqual(self.closed(), 0)
        self.leave(watcher, MOVING)
        self.assertIn(
            f"connections to {MOVING} are ending softly: the address moves to the other node",
            self.tandem.output(),
        )
        before = self.closed()
        self.assertFalse(self.keeps(moving))
        self.assertTrue(self.keeps(staying))
        # Nothing came on this one since it was accepted; it is served all the same.
        self.assertFalse(self.keeps(fresh))
        # A connection that comes in now is served.
        self.assertFalse(self.keeps(self.client()))
        self.assertEqual(self.closed(), before + 3)
        self.leave(watcher)
        self.assertIn("no address moves to the other node any more", self.tandem.output())
        # The idle one has been left alone all the while.
        self.assertTrue(self.keeps(idle))
        self.assertTrue(self.keeps(staying))

    def test_an_answer_that_has_begun_is_whole_and_its_connection_waits_for_the_next(self):
        self.start()
        watcher = self.watch()
        client, tunnel = self.client(), self.client()
        tunnel.send_request("GET", "/upgrade", UPGRADE)
        self.assertEqual(tunnel.read_response().status, 101)
        client.send_request("GET", "/bytes/20000000")
        version, status, _, headers = client.read_head()
        self.assertEqual((version, status), ("HTTP/1.1", 200))
        self.assertNotIn("connection", {name.lower() for name, _ in headers})
        self.leave(watcher, MOVING)
        self.assertEqual(len(client.take(20_000_000)), 20_000_000)
        self.assertFalse(self.keeps(client))
        tunnel.send(b"still here")
        self.assertEqual(tunnel.take(10), b"still here")

    def test_answers_of_our_own_and_of_older_clients_say_so_too(self):
        self.start()
        watcher = self.watch()
        self.tandem.control.command("disable server app/web1")
        client = self.client()
        self.assertIsNone(client.get("/").header("Connection"))
        self.leave_while_down(watcher)
        answer = client.get("/")
        self.assertEqual((answer.status, answer.header("Connection")), (503, "close"))
        self.assertTrue(client.is_closed_by_peer())
        self.tandem.control.command("enable server app/web1")
        old = self.client()
        headers = {"Connection": "keep-alive"}
        answer = old.request("GET", "/bytes/10", headers, version="HTTP/1.0")
        self.assertNotEqual((answer.header("Connection") or "").lower(), "keep-alive")
        self.assertTrue(old.is_closed_by_peer())

    def leave_while_down(self, watcher):
        watcher.send(pulse_peer.leaving(MOVING))
        testing.wait_until(
            lambda: self.client().get("/").header("Connection") == "close", "the worker has heard"
        )

    def test_it_ends_with_the_watcher_and_the_lists_of_two_add_up(self):
        self.start(bind="0.0.0.0:")
        one, two = self.watch(), self.watch()
        self.leave(one, MOVING)
        two.send(pulse_peer.leaving(STAYING, "2001:db8::10", MOVING))
        self.wait_until_heard(MOVING, STAYING)
        self.assertIn(
            f"connections to {STAYING}, {MOVING}, 2001:db8::10 are ending softly: the addresses",
            self.tandem.output(),
        )
        two.close()
        self.wait_until_heard(MOVING)
        one.close()
        self.wait_until_heard()

    def test_no_request_is_lost_however_often_the_address_moves(self):
        self.start_watched_nginx()
        watcher = self.watch()
        with Traffic((MOVING, self.port)) as moving, Traffic((STAYING, self.port)) as staying:
            for _ in range(10):
                moving.wait_for_more()
                watcher.send(pulse_peer.leaving(MOVING))
                moving.wait_for_ends()
                watcher.send(pulse_peer.leaving())
                staying.wait_for_more()
        self.assertEqual((moving.failures, staying.failures), ([], []))
        self.assertEqual(staying.ended, 0)
        self.assertEqual(self.closed(), moving.ended)

    def test_one_that_stops_takes_clients_in_as_long_as_they_come(self):
        # Until a try in which this program itself was not held up.
        while not self.stops_behind_the_last_client():
            pass

    def stops_behind_the_last_client(self):
        """The other node is slow to take the address. @return whether clients came all the time."""
        self.start()
        self.watch()
        began = last = time.monotonic()
        self.tandem.signal(signal.SIGTERM)
        while time.monotonic() - began < 1.2:
            try:
                status = testing.get((MOVING, self.port)).status
            except OSError:
                self.assertGreater(time.monotonic() - last, 0.4, "refused, and one had just come")
                return False
            self.assertEqual(status, 200)
            last = time.monotonic()
        self.assertEqual(self.tandem.wait(), 0)
        return True

    def test_one_that_stops_does_not_wait_for_ever_for_the_last_client(self):
        self.start()
        self.watch()
        self.tandem.signal(signal.SIGTERM)

        def is_refused():
            try:
                testing.get((MOVING, self.port))
            except OSError:
                return True
            return False

        testing.wait_until(is_refused, "clients that come without a pause are refused")
        self.assertEqual(self.tandem.wait(), 0)

    def start_watched_nginx(self):
        if shutil.which("nginx", path="/usr/sbin:/usr/bin") is None:
            raise unittest.SkipTest("nginx is not installed: scripts/deps test")
        port = testing.free_port()
        path = self.folder / "nginx.conf"
        path.write_text(
            f"daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr;"
            "events {} http { access_log off; server {"
            f" listen 127.0.0.1:{port}; location / {{ return 200 hello; }} }} }}"
        )
        self.keep(
            testing.Process([testing.program("nginx"), "-c", path, "-e", "stderr"], self.folder)
        )
        testing.wait_until(lambda: testing.accepts(port), "nginx listens")
        self.start_watched({"web1": f"127.0.0.1:{port}"}, bind=":", backend={})

    def test_curl_makes_a_new_connection_for_each_request(self):
        self.start()
        watcher = self.watch()
        target = f"http://{MOVING}:{self.port}/bytes/10"
        curl = [testing.program("curl"), "-s", "-o", "/dev/null", "-o", "/dev/null", "-w"]
        curl += ["%{http_code} %{num_connects};", target, target]

        def connections():
            return subprocess.run(curl, capture_output=True, text=True, check=True).stdout

        self.assertEqual(connections(), "200 1;200 0;")
        self.leave(watcher, MOVING)
        self.assertEqual(connections(), "200 1;200 1;")


if __name__ == "__main__":
    testing.main()
