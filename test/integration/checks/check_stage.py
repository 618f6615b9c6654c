"""A balancer that checks servers of some kind; what it found, from show stat and show servers
state. Nothing is sent through it."""

import socketserver
import threading

import tandem_testing
from tandem_testing import free_port, wait_until

INTERVAL = 0.2  # seconds between checks
UP, DOWN = "2", "0"  # srv_op_state of show servers state


def backend(check, servers, **more):
    """One backend whose servers ({name: port}) are checked every INTERVAL, one result deciding."""
    return {
        "check": check,
        "timeout": {"check": "1s"},
        "default-server": {"inter": f"{int(INTERVAL * 1000)}ms", "rise": 1, "fall": 1},
        "servers": {name: f"127.0.0.1:{port}" for name, port in servers.items()},
        **more,
    }


class CheckTestCase(tandem_testing.TestCase):
    def start_checker(self, **backends):
        rules = [{"if": {"path": f"/{name}"}, "use_backend": name} for name in backends]
        self.lb = self.start_tandem(
            {
                "frontends": {"www": {"bind": f"127.0.0.1:{free_port()}", "rules": rules}},
                "backends": backends,
            }
        )

    def found(self, name, server):
        """What the last check found: status, code, words; and whether the server is up."""
        row = self.lb.control.row(name, server)
        return row["status"].split()[0], row["check_status"].removeprefix("* "), row["last_chk"]

    def wait_for(self, name, server, status, check_status, words=""):
        def is_so():
            now = self.found(name, server)
            return now[:2] == (status, check_status) and words in now[2]

        try:
            wait_until(is_so, f"{name}/{server} is {status} {check_status} {words}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.found(name, server)}") from None
        self.assertEqual(self.state_of(name, server), UP if status == "UP" else DOWN)

    def state_of(self, name, server):
        for line in self.lb.control.command("show servers state").splitlines()[2:]:
            fields = line.split()
            if fields and (fields[1], fields[3]) == (name, server):
                return fields[5]
        raise AssertionError(f"show servers state has no {name}/{server}")


class LoopbackServer(socketserver.ThreadingTCPServer):
    """What a check meets on a free port: `handler` in a thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, test, handler):
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        test.addCleanup(self.server_close)
        test.addCleanup(self.shutdown)

    @property
    def port(self):
        return self.server_address[1]
