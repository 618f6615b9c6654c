"""Metrics against Prometheus itself: promtool has nothing to say, a server scrapes and answers."""

import json
import pathlib
import re
import subprocess
import urllib.parse

import tandem_testing as testing

ETC = pathlib.Path(__file__).resolve().parents[3] / "etc" / "prometheus"


def query(port, expression):
    target = "/api/v1/query?query=" + urllib.parse.quote(expression)
    response = testing.get(port, target)
    return json.loads(response.body)["data"]["result"] if response.status == 200 else []


def value_of(port, expression):
    """Of the first series; an empty list if there is none."""
    result = query(port, expression)
    return result and float(result[0]["value"][1])


class Metrics(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.origin = self.start_origin("web1")
        self.port = testing.free_port()
        self.tandem = self.start_tandem(self.config_of(self.port))
        for _ in range(5):
            self.assertEqual(testing.get(self.port, "/").status, 200)

    def config_of(self, port=None, compat=True):
        bind = f"127.0.0.1:{port or testing.free_port()}"
        return {
            "metrics": {"compat": compat},
            "frontends": {"www": {"bind": bind, "default_backend": "app"}},
            "backends": {
                "app": {
                    "servers": {
                        "web1": self.origin.address,
                        "old": {"address": self.origin.address, "state": "drain"},
                    }
                }
            },
        }

    def test_promtool_has_nothing_to_say(self):
        response = testing.get(self.tandem.admin_port, "/metrics")
        self.assertTrue(response.header("Content-Type").startswith("text/plain; version=0.0.4"))
        check = subprocess.run(
            [testing.program("promtool"), "check", "metrics"],
            input=response.body,
            capture_output=True,
            timeout=testing.TIMEOUT,
            check=False,
        )
        self.assertEqual((check.returncode, check.stdout, check.stderr), (0, b"", b""))

    def test_requests_are_counted_where_they_went(self):
        def all_counted():
            return self.tandem.metrics()['tandem_frontend_requests_total{frontend="www"}'] == 5

        testing.wait_until(all_counted, "five requests are counted")
        metrics = self.tandem.metrics()
        server = 'backend="app",server="web1"'
        self.assertEqual(metrics[f"tandem_server_requests_total{{{server}}}"], 5)
        self.assertEqual(metrics[f'tandem_server_responses_total{{{server},code="2xx"}}'], 5)
        self.assertEqual(metrics[f"tandem_server_request_duration_seconds_count{{{server}}}"], 5)
        drained = 'tandem_server_state{backend="app",server="old",state="drain"}'
        self.assertEqual(metrics[drained], 1)

    def test_ends_of_requests_are_counted_by_their_letters(self):
        with testing.HttpClient(self.port) as client:
            client.send("nonsense\r\n\r\n")
            self.assertEqual(client.read_response().status, 400)

        def ends(code):
            name = f'tandem_frontend_termination_total{{frontend="www",code="{code}"}}'
            return self.tandem.metrics()[name]

        testing.wait_until(lambda: ends("PR") == 1, "the bad request is counted")
        self.assertEqual(ends("--"), 5)
        self.assertEqual(ends("SH"), 0)

    def test_open_descriptors_are_told(self):
        def is_told():
            # The connection of the scrape itself is one that is gone a moment later.
            told = self.tandem.metrics()["tandem_fds_open"]
            return told - 1 <= self.tandem.open_descriptors() <= told

        testing.wait_until(is_told, "both counts agree")
        self.assertLess(self.tandem.metrics()["tandem_fds_open"], 100)

    def start_prometheus(self):
        """With the sample configuration. Returns its port, once it knows of the requests."""
        port = testing.free_port()
        config = self.folder / "prometheus.yml"
        text = (ETC / "prometheus.yml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:8404", f"127.0.0.1:{self.tandem.admin_port}")
        text = re.sub(r"- (\w+\.rules\.yml)", rf"- {ETC}/\1", text).replace("15s", "1s")
        config.write_text(text, encoding="utf-8")
        self.start(
            [
                testing.program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={self.folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ]
        )
        requests = 'tandem_frontend_requests_total{frontend="www"}'
        testing.wait_until(lambda: value_of(port, requests) == 5, "Prometheus has scraped")
        return port

    def test_prometheus_scrapes_it(self):
        port = self.start_prometheus()
        self.assertEqual(value_of(port, 'up{job="tandem-lb"}'), 1)
        self.assertEqual(value_of(port, "tandem_backend_up"), 1)
        rules = json.loads(testing.get(port, "/api/v1/rules").body)["data"]["groups"]
        names = {rule["name"] for group in rules for rule in group["rules"]}
        self.assertIn("TandemBackendEmpty", names)

    def test_what_dashboards_for_haproxy_ask_for_is_there(self):
        port = self.start_prometheus()
        web1 = 'proxy="app",server="web1"'
        for expression, expected in (
            ('haproxy_frontend_status{proxy="www",state="UP"}', 1),
            ('haproxy_backend_status{proxy="app",state="UP"}', 1),
            (f'haproxy_server_status{{{web1},state="UP"}}', 1),
            ('haproxy_server_status{proxy="app",server="old",state="DRAIN"}', 1),
            ('haproxy_backend_agg_server_status{proxy="app",state="DRAIN"}', 1),
            ('haproxy_backend_active_servers{proxy="app"}', 1),
            ('haproxy_backend_backup_servers{proxy="app"}', 0),
            ('haproxy_frontend_http_responses_total{proxy="www",code="2xx"}', 5),
            (f'haproxy_server_http_responses_total{{{web1},code="2xx"}}', 5),
            ("sum by (proxy) (haproxy_server_http_responses_total)", 5),
            ('haproxy_frontend_http_requests_total{proxy="www"}', 5),
            ('haproxy_frontend_connections_total{proxy="www"}', 5),
            ('haproxy_frontend_denied_connections_total{proxy="www"}', 0),
            ('haproxy_backend_sessions_total{proxy="app"}', 5),
            ('haproxy_backend_current_queue{proxy="app"}', 0),
            ("haproxy_backend_current_sessions / haproxy_backend_limit_sessions", 0),
            ("count(haproxy_backend_max_total_time_seconds)", 1),
            ("count(haproxy_server_check_failures_total)", 2),
            ("count(haproxy_process_start_time_seconds > 1.7e9)", 1),
            ("count(count by (code) (haproxy_server_http_responses_total))", 6),
            ("haproxy_process_stopping", 0),
        ):
            with self.subTest(expression):
                self.assertEqual(value_of(port, expression), expected)

    def test_a_scrape_can_ask_for_a_part(self):
        def names(query):
            response = testing.get(self.tandem.admin_port, "/metrics" + query)
            self.assertEqual(response.status, 200)
            return {line.split("{")[0].split(" ")[0] for line in response.text.splitlines()}

        self.assertIn("haproxy_server_status", names(""))
        frontends = names("?scope=frontend") - {"#"}
        self.assertIn("haproxy_frontend_status", frontends)
        for name in frontends:
            self.assertRegex(name, "^(tandem|haproxy)_frontend_")
        self.assertEqual(names("?scope=frontend%2Cbackend"), names("?scope=frontend&scope=backend"))
        refused = testing.get(self.tandem.admin_port, "/metrics?scope=fronted")
        self.assertEqual(refused.status, 400)
        self.assertIn("fronted: a scope is global, frontend", refused.text)

    def test_haproxys_names_can_be_switched_off(self):
        metrics = self.start_tandem(self.config_of(compat=False)).metrics()
        self.assertEqual([name for name in metrics if name.startswith("haproxy_")], [])
        self.assertIn("tandem_process_start_time_seconds", metrics)


class Alerts(testing.TestCase):
    def test_the_sample_configuration_and_its_rules_hold(self):
        here = pathlib.Path(__file__).resolve().parent
        for arguments in (
            ["check", "config", ETC / "prometheus.yml"],
            ["test", "rules", here / "alerts.test.yml"],
            ["test", "rules", here / "failover_alerts.test.yml"],
        ):
            check = subprocess.run(
                [testing.program("promtool"), *map(str, arguments)],
                capture_output=True,
                text=True,
                timeout=testing.TIMEOUT,
                check=False,
            )
            self.assertEqual(check.returncode, 0, check.stdout + check.stderr)


if __name__ == "__main__":
    testing.main()
