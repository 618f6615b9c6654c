"""The statistics page in a browser without script, and its other forms for programs."""

import base64
import re
import shutil
import subprocess
import tempfile
import unittest

import tandem_testing as testing


class StatisticsPage(testing.TestCase):
    def start_pair_of_servers(self, **admin):
        self.origin = self.start_origin("web1")
        self.port = testing.free_port()
        return self.start_tandem(
            {
                "admin": admin,
                "frontends": {"www": {"bind": f"127.0.0.1:{self.port}", "default_backend": "app"}},
                "backends": {
                    "app": {
                        "check": {"type": "http", "uri": "/healthz"},
                        "default-server": {"inter": "100ms", "fall": 1, "rise": 1},
                        "servers": {
                            "web1": self.origin.address,
                            "dead": f"127.0.0.1:{testing.free_port()}",
                            "away": {"address": self.origin.address, "state": "maint"},
                        },
                    }
                },
            }
        )

    def test_the_csv_is_what_the_control_socket_says(self):
        tandem = self.start_pair_of_servers()
        rows = testing.get(tandem.admin_port, "/stats;csv;norefresh").text.splitlines()
        header = tandem.control.command("show stat").splitlines()[0]
        self.assertEqual(rows[0], header)
        self.assertEqual({row.count(",") for row in rows if row}, {header.count(",")})
        self.assertEqual(
            [",".join(row.split(",")[:2]) for row in rows[1:] if row],
            ["www,FRONTEND", "app,web1", "app,dead", "app,away", "app,BACKEND"],
        )

    def test_readiness_follows_the_default_backend(self):
        tandem = self.start_pair_of_servers()
        self.origin.set_health("/status/503")

        def not_ready():
            response = testing.get(tandem.admin_port, "/ready")
            return response.status == 503 and response.text

        self.assertEqual(
            testing.wait_until(not_ready, "the node is not ready"),
            "backend app has no usable server\n",
        )
        self.assertEqual(testing.get(tandem.admin_port, "/live").status, 200)
        self.origin.set_health("/status/200")
        testing.wait_until(
            lambda: testing.get(tandem.admin_port, "/ready").status == 200, "the node is ready again"
        )

    def test_a_password_is_asked_for(self):
        tandem = self.start_pair_of_servers(auth={"ops": "secret"})
        refused = testing.get(tandem.admin_port, "/stats")
        self.assertEqual(refused.status, 401)
        self.assertIn("Basic", refused.header("WWW-Authenticate"))
        word = base64.b64encode(b"ops:secret").decode()
        for path in ("/stats", "/stats;csv", "/metrics"):
            response = testing.get(tandem.admin_port, path, {"Authorization": f"Basic {word}"})
            self.assertEqual(response.status, 200)
        self.assertEqual(testing.get(tandem.admin_port, "/metrics").status, 401)

    @unittest.skipUnless(shutil.which("chromium"), "chromium is not installed")
    def test_a_browser_shows_every_server_with_its_state(self):
        tandem = self.start_pair_of_servers()
        testing.wait_until(
            lambda: tandem.control.row("app", "dead")["status"] == "DOWN", "a server is down"
        )
        profile = tempfile.mkdtemp(dir=self.folder)
        dom = subprocess.run(
            [
                testing.program("chromium"),
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
                *("--no-first-run", "--disable-background-networking"),
                *("--disable-component-update", "--disable-sync"),
                f"--user-data-dir={profile}",
                "--dump-dom",
                f"http://127.0.0.1:{tandem.admin_port}/stats",
            ],
            capture_output=True,
            text=True,
            timeout=50,
            check=True,
        ).stdout
        for server, word, css in (
            ("web1", "UP", "active up"),
            ("dead", "DOWN", "active down"),
            ("away", "MAINT", "active maint"),
        ):
            row = re.search(rf'<tr class="([^"]*)"><th[^>]*>{server}</th>.*?</tr>', dom)
            self.assertIsNotNone(row, f"{server} has a row")
            self.assertEqual(row[1], css)
            self.assertRegex(row[0], rf'class="word status"[^>]*>[^<]* {word}</td>')


if __name__ == "__main__":
    testing.main()
