"""What the tests of the control socket start: one frontend over two or three origins."""

import tandem_testing as testing


class RuntimeCase(testing.TestCase):
    def start_pair(self, tcp_socket=False, **server):
        """web1 and web2 behind "app", checked often; `server` holds for both."""
        self.origins = [self.start_origin("web1"), self.start_origin("web2")]
        self.port, self.runtime_port = testing.free_ports(2)
        config = {
            "frontends": {"www": {"bind": f"127.0.0.1:{self.port}", "default_backend": "app"}},
            "backends": {
                "app": {
                    "check": {"type": "http", "uri": "/healthz"},
                    "default-server": {"inter": "50ms", "rise": 1, "fall": 2, **server},
                    "servers": {
                        f"web{i + 1}": origin.address for i, origin in enumerate(self.origins)
                    },
                }
            },
        }
        if tcp_socket:
            config["runtime"] = [
                {"bind": f"127.0.0.1:{self.runtime_port}", "level": "operator"},
            ]
        self.tandem = self.start_tandem(config)
        if tcp_socket:
            self.tandem.control = testing.ControlSocket(self.runtime_port)
        for name in ("web1", "web2"):
            self.wait_for_status(name, "UP")
        return self.tandem

    def status(self, server):
        return self.tandem.control.row("app", server)["status"]

    def wait_for_status(self, server, status):
        testing.wait_until(lambda: self.status(server) == status, f"{server} is {status}")

    def requests_of(self, number):
        return self.origins[number].stats()["requests"]
