"""Debian's prometheus-haproxy-exporter reads the control socket as it reads HAProxy's."""

import re

import runtime_setup
import tandem_testing as testing


class Exporter(runtime_setup.RuntimeCase):
    def scrape(self):
        return testing.get(self.exporter_port, "/metrics").text

    def value(self, name, **labels):
        """The value of the one series with these labels."""
        for line in self.scrape().splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if not found or found[1] != name:
                continue
            has = dict(re.findall(r'(\w+)="([^"]*)"', found[2] or ""))
            if all(has.get(key) == value for key, value in labels.items()):
                return float(found[3])
        return None

    def start_exporter(self):
        self.exporter_port = testing.free_port()
        self.start(
            [
                testing.program("prometheus-haproxy-exporter"),
                f"--web.listen-address=127.0.0.1:{self.exporter_port}",
                f"--haproxy.scrape-uri=unix:{self.tandem.socket_path}",
            ]
        )
        testing.wait_until(lambda: self.value("haproxy_up") == 1, "the exporter has scraped")

    def test_states_and_counters_reach_prometheus(self):
        self.start_pair()
        self.start_exporter()
        self.assertEqual(self.value("haproxy_backend_up", backend="app"), 1)
        self.assertEqual(self.value("haproxy_server_up", backend="app", server="web1"), 1)
        with testing.HttpClient(self.port) as client:
            for _ in range(6):
                client.get()
        testing.wait_until(
            lambda: self.value("haproxy_frontend_http_requests_total", frontend="www") == 6,
            "the requests are exported",
        )
        self.assertEqual(
            self.value("haproxy_backend_http_responses_total", backend="app", code="2xx"), 6
        )
        self.tandem.control.command("disable server app/web1")
        testing.wait_until(
            lambda: self.value("haproxy_server_up", backend="app", server="web1") == 0,
            "the exporter shows web1 out of service",
        )
        self.assertEqual(self.value("haproxy_up"), 1)

    def test_nothing_fails_to_parse(self):
        self.start_pair()
        self.start_exporter()
        self.assertEqual(self.value("haproxy_exporter_csv_parse_failures_total"), 0)
        self.assertEqual(self.value("haproxy_version_info", version="2.8.0"), 1)


if __name__ == "__main__":
    testing.main()
