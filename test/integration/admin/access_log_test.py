"""The access log as its readers see it: halog, a JSON parser, log rotation."""

import json
import subprocess

import tandem_testing as testing


class AccessLog(testing.TestCase):
    def start_logging(self, log_format):
        self.log = self.folder / "access.log"
        self.origin = self.start_origin("web1")
        self.port = testing.free_port()
        self.start_tandem(
            {
                "log": {"access": {"format": log_format, "target": f"file:{self.log}"}},
                "frontends": {"www": {"bind": f"127.0.0.1:{self.port}", "default_backend": "app"}},
                "backends": {
                    "app": {
                        "servers": {"web1": self.origin.address},
                        "retries": 0,
                    }
                },
            }
        )

    def lines(self, count):
        def enough():
            lines = self.log.read_text(encoding="utf-8").splitlines()
            return len(lines) >= count and lines

        return testing.wait_until(enough, f"{count} lines are logged")

    def test_halog_reads_every_line(self):
        self.start_logging("httplog")
        for _ in range(3):
            testing.get(self.port, "/bytes/100")
        testing.get(self.port, "/status/404")
        with testing.HttpClient(self.port) as client:
            client.send("nonsense\r\n\r\n")
            client.read_to_end()
        lines = self.lines(5)
        # halog expects what syslog puts before the message.
        text = "".join(f"Nov 21 11:28:19 lb1 haproxy[123]: {line}\n" for line in lines)
        halog = subprocess.run(
            [testing.program("halog"), "-st"],
            input=text,
            capture_output=True,
            text=True,
            timeout=testing.TIMEOUT,
            check=False,
        )
        self.assertEqual(sorted(halog.stdout.split("\n")), ["", "200 3", "400 1", "404 1"])
        self.assertIn("5 lines in, 3 lines out, 0 parsing errors", halog.stderr)

    def test_json_lines_are_json(self):
        self.start_logging("json")
        with testing.HttpClient(self.port) as client:
            client.request("GET", "/bytes/1000", {"User-Agent": 'a"b\\c', "Connection": "close"})
        entry = json.loads(self.lines(1)[0])
        self.assertEqual(entry["frontend"], "www")
        self.assertEqual(entry["server"], "web1")
        self.assertEqual(entry["target"], "/bytes/1000")
        self.assertEqual(entry["status"], 200)
        self.assertEqual(entry["user_agent"], 'a"b\\c')
        self.assertEqual(entry["termination"], "--")
        self.assertGreater(entry["bytes_out"], 1000)
        self.assertGreaterEqual(entry["total_ms"], entry["response_ms"])

    def test_rotation_loses_no_line(self):
        self.start_logging("clf")
        testing.get(self.port, "/before")
        self.lines(1)
        rotated = self.log.rename(self.log.with_suffix(".1"))
        sent = 1

        def new_file():
            nonlocal sent
            testing.get(self.port, "/after")
            sent += 1
            return self.log.exists()

        testing.wait_until(new_file, "the file is opened anew")

        def all_there():
            return sum(
                len(path.read_text(encoding="utf-8").splitlines())
                for path in (rotated, self.log)
            ) == sent

        testing.wait_until(all_there, "every line is in one of the files")


if __name__ == "__main__":
    testing.main()
