"""Taking servers out of service and back while requests run: none may fail."""

import runtime_setup
import tandem_testing as testing
from client_threads import ClientThreads


class Traffic(ClientThreads):
    """Clients that send one request after the other until told to stop."""

    def __init__(self, port, clients=4):
        super().__init__(clients)
        self.port = port
        self.failures = []
        self.answered = 0

    def run(self, _):
        with testing.HttpClient(self.port) as client:
            while not self.stopping.is_set():
                try:
                    status = client.get("/bytes/1000").status
                except (OSError, testing.Truncated) as error:
                    status = repr(error)
                with self.lock:
                    self.answered += 1
                    if status != 200:
                        self.failures.append(status)
                        return

    def wait_for_more(self, count=50):
        goal = self.answered + count
        testing.wait_until(lambda: self.answered >= goal or self.failures, "requests go on")


class Drain(runtime_setup.RuntimeCase):
    def test_a_drained_server_gets_no_new_requests_and_loses_none(self):
        tandem = self.start_pair()
        with Traffic(self.port) as traffic:
            testing.wait_until(lambda: self.requests_of(0) > 20, "web1 is used")
            self.assertEqual(tandem.ctl("drain", "app/web1").returncode, 0)
            self.assertEqual(self.status("web1"), "DRAIN")
            testing.wait_until(
                lambda: tandem.control.row("app", "web1")["scur"] == "0", "web1 has run dry"
            )
            before = tandem.control.row("app", "web1")["stot"]
            traffic.wait_for_more()
            self.assertEqual(tandem.control.row("app", "web1")["stot"], before)
            self.assertEqual(tandem.ctl("ready", "app/web1").returncode, 0)
            testing.wait_until(
                lambda: tandem.control.row("app", "web1")["stot"] != before, "web1 is used again"
            )
        self.assertEqual(traffic.failures, [])

    def test_maintenance_stops_checks_and_keeps_requests_whole(self):
        tandem = self.start_pair()
        with Traffic(self.port) as traffic:
            traffic.wait_for_more()
            for name in ("web1", "web2"):
                self.assertEqual(tandem.ctl("maint", f"app/{name}").returncode, 0)
                self.assertEqual(self.status(name), "MAINT")
                self.assertEqual(tandem.control.row("app", name)["check_status"], "")
                traffic.wait_for_more()
                self.assertEqual(tandem.ctl("ready", f"app/{name}").returncode, 0)
                self.wait_for_status(name, "UP")
                traffic.wait_for_more()
        self.assertEqual(traffic.failures, [])

    def test_a_running_request_outlives_the_drain(self):
        tandem = self.start_pair()
        tandem.ctl("maint", "app/web2")
        with testing.HttpClient(self.port) as client:
            client.send_request("GET", "/bytes/10?delay=700")
            testing.wait_until(
                lambda: tandem.control.row("app", "web1")["scur"] == "1", "the request is running"
            )
            tandem.ctl("drain", "app/web1")
            self.assertEqual(client.read_response().status, 200)

    def test_a_weight_of_zero_drains_too(self):
        tandem = self.start_pair()
        with Traffic(self.port) as traffic:
            traffic.wait_for_more()
            tandem.control.command("set weight app/web1 0")
            before = tandem.control.row("app", "web1")["stot"]
            traffic.wait_for_more()
            self.assertEqual(tandem.control.row("app", "web1")["stot"], before)
        self.assertEqual(self.status("web1"), "UP")


if __name__ == "__main__":
    testing.main()
