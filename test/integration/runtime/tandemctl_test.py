"""tandemctl against a running tandem-lb: what it prints and how it ends."""

import json
import subprocess

import runtime_setup
import tandem_testing as testing


class Tandemctl(runtime_setup.RuntimeCase):
    def test_status_is_a_table_with_state_and_reason(self):
        tandem = self.start_pair()
        self.origins[1].set_health("/status/503")
        self.wait_for_status("web2", "DOWN")
        result = tandem.ctl("status")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        lines = [line.split() for line in result.stdout.splitlines()]
        self.assertEqual(lines[0][:3], ["NAME", "ROLE", "STATE"])
        self.assertEqual([line[0] for line in lines[1:]], ["www", "app", "app/web1", "app/web2"])
        self.assertEqual(lines[4][2], "DOWN")
        self.assertIn("L7STS 503", " ".join(lines[4]))

    def test_json_is_what_programs_read(self):
        tandem = self.start_pair()
        info = json.loads(tandem.ctl("--json", "show", "info").stdout)
        self.assertEqual(info[0]["value"]["value"], "HAProxy")
        rows = json.loads(tandem.ctl("--json", "status").stdout)
        self.assertEqual(len(rows), 4)

    def test_exit_statuses(self):
        tandem = self.start_pair()
        for arguments, status in [
            (["drain", "app/web1"], 0),
            (["get", "weight", "app/web1"], 0),
            (["drain", "app/nope"], 1),
            (["no", "such", "command"], 1),
            (["drain", "app"], 2),
            (["reload"], 2),
            ([], 2),
        ]:
            with self.subTest(arguments):
                self.assertEqual(tandem.ctl(*arguments).returncode, status)
        refused = tandem.ctl("set", "weight", "app/web1", "999")
        self.assertEqual(refused.stdout, "")
        self.assertEqual(
            refused.stderr, "Absolute weight can only be between 0 and 256 inclusive.\n"
        )

    def test_nobody_there_is_told_apart(self):
        result = subprocess.run(
            [testing.program("tandemctl"), "-s", str(self.folder / "none.sock"), "status"],
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(result.returncode, 3)
        self.assertIn("No such file or directory", result.stderr)

    def test_the_socket_comes_from_the_environment(self):
        tandem = self.start_pair()
        result = subprocess.run(
            [testing.program("tandemctl"), "show", "backend"],
            env={"TANDEM_SOCKET": str(tandem.socket_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(result.stdout, "# name\napp\n")

    def test_check_is_the_check_of_tandem_lb(self):
        good = self.folder / "good.jsonc"
        good.write_text(
            '{"frontends": {"www": {"bind": "127.0.0.1:8080", "default_backend": "app"}},'
            ' "backends": {"app": {"servers": {"web1": "127.0.0.1:8081"}}}}'
        )
        bad = self.folder / "bad.jsonc"
        bad.write_text('{"frontend": {}}')
        for path, status in ((good, 0), (bad, 2), (self.folder / "none.jsonc", 6)):
            with self.subTest(path.name):
                result = subprocess.run(
                    [testing.program("tandemctl"), "check", str(path)],
                    env={"PATH": str(testing.pathlib.Path(testing.program("tandem-lb")).parent)},
                    capture_output=True,
                    text=True,
                    check=False,
                )
                self.assertEqual(result.returncode, status)


if __name__ == "__main__":
    testing.main()
