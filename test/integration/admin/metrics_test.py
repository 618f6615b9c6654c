"""Metrics against Prometheus itself: promtool has nothing to say, a server scrapes and answers."""

import json
import pathlib
import subprocess
import urllib.parse

import tandem_testing as testing

ETC = pathlib.Path(__file__).resolve().parents[3] / "etc" / "prometheus"


class Metrics(testing.TestCase):
    def setUp(self):
        super().setUp()
        origin = self.start_origin("web1")
        port = testing.free_port()
        self.tandem = self.start_tandem(
            {
                "frontends": {"www": {"bind": f"127.0.0.1:{port}", "default_backend": "app"}},
                "backends": {
                    "app": {
                        "servers": {
                            "web1": origin.address,
                            "old": {"address": origin.address, "state": "drain"},
                        }
                    }
                },
            }
        )
        for _ in range(5):
            self.assertEqual(testing.get(port, "/").status, 200)

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

    def test_prometheus_scrapes_it(self):
        port = testing.free_port()
        config = self.folder / "prometheus.yml"
        text = (ETC / "prometheus.yml").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:8404", f"127.0.0.1:{self.tandem.admin_port}")
        text = text.replace("tandem.rules.yml", str(ETC / "tandem.rules.yml")).replace("15s", "1s")
        config.write_text(text, encoding="utf-8")
        self.start(
            [
                testing.program("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={self.folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ]
        )

        def query(expression):
            target = "/api/v1/query?query=" + urllib.parse.quote(expression)
            response = testing.get(port, target)
            return json.loads(response.body)["data"]["result"] if response.status == 200 else []

        def value_of(expression):
            result = query(expression)
            return result and float(result[0]["value"][1])

        testing.wait_until(lambda: value_of('up{job="tandem-lb"}') == 1, "Prometheus has scraped")
        self.assertEqual(value_of('tandem_frontend_requests_total{frontend="www"}'), 5)
        self.assertEqual(value_of("tandem_backend_up"), 1)
        rules = json.loads(testing.get(port, "/api/v1/rules").body)["data"]["groups"]
        names = {rule["name"] for group in rules for rule in group["rules"]}
        self.assertIn("TandemBackendEmpty", names)


class Alerts(testing.TestCase):
    def test_the_sample_configuration_and_its_rules_hold(self):
        here = pathlib.Path(__file__).resolve().parent
        for arguments in (
            ["check", "config", ETC / "prometheus.yml"],
            ["test", "rules", here / "alerts.test.yml"],
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
