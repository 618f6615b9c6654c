"""scripts/run: as root a pair in namespaces, otherwise one node; and that nothing is left of either."""

import glob
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

import tandem_lab
from tandem_testing import Process, TestCase, get, main, program, wait_until

TOP = pathlib.Path(__file__).resolve().parents[3]
RUN = TOP / "scripts" / "run"
NOBODY = 65534
LONG = 120  # seconds: a pair has to come up, fail over and calm down, on a loaded machine


def namespaces():
    return subprocess.run(
        [program("ip"), "netns", "list"], capture_output=True, text=True, check=True
    ).stdout.split()


@unittest.skipUnless(tandem_lab.is_possible(), "network namespaces need root")
class PairTest(TestCase):
    def run_pair(self, *options):
        env = {
            "TANDEM_LAB_DIR": os.environ["TANDEM_BIN_DIR"],
            "TMPDIR": tempfile.mkdtemp(prefix="t", dir="/tmp"),  # paths of sockets are short
        }
        self.temporary = env["TMPDIR"]
        self.addCleanup(os.rmdir, self.temporary)  # fails if something is left
        return self.keep(Process([RUN, "--no-build", *options], self.folder, name="run", env=env))

    def assert_nothing_is_left(self, process):
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertEqual([n for n in namespaces() if n.startswith(f"tandem{process.pid}x")], [])

    def test_a_pair_is_shown_until_it_is_interrupted(self):
        process = self.run_pair()
        process.wait_for_output("Ctrl-C ends it", LONG)
        output = process.output()
        self.assertRegex(output, r"30 requests to http://10\.77\.0\.100/ were answered by\n"
                         r"    web1 +15\n    web2 +15\n")  # fmt: skip
        self.assertRegex(output, r"\+0\.0 ms  the data plane of node one is killed\n")
        self.assertRegex(output, r"\+\d+\.\d ms  10\.77\.0\.100 is on node two\n")
        self.assertRegex(output, r"longest time without service \d+\.\d ms")
        for name in ("one", "two"):
            port = int(re.search(rf"page of node {name} +http://127.0.0.1:(\d+)/stats", output)[1])
            page = wait_until(lambda port=port: get(port, "/stats").text, "the page comes")
            self.assertIn('<section id="pair">', page)
            self.assertIn(f"as tandem-failover on {name} sees it", page)
        service = int(re.search(r"virtual address +http://127.0.0.1:(\d+)/", output)[1])
        self.assertIn(get(service).text, ("web1\n", "web2\n"))
        status = re.search(r"^ +(\S*tandemctl .* status)$", output, re.MULTILINE)[1]
        done = subprocess.run(status.split(), capture_output=True, text=True, check=True)
        self.assertIn("router main vrid 51", done.stdout)
        process.signal(signal.SIGINT)
        self.assertEqual(process.wait(LONG), 130)
        self.assertIn("everything is removed", process.output())
        self.assert_nothing_is_left(process)

    def test_once_it_ends_by_itself(self):
        process = self.run_pair("--once")
        self.assertEqual(process.wait(LONG), 0, process.output())
        self.assertIn("page of node two", process.output())
        self.assert_nothing_is_left(process)


class OneNodeTest(TestCase):
    def unprivileged(self):
        """Words before a command that take the rights of root away."""
        if os.geteuid() != 0:
            return []
        words = [program("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        for path in (RUN, program("tandem-lb"), program("tandemctl")):
            if subprocess.run([*words, "test", "-x", path], check=False).returncode != 0:
                self.skipTest(f"not everybody can read {path}")
        return words

    def test_without_root_one_node_is_shown_and_that_is_said(self):
        before = set(glob.glob(f"{tempfile.gettempdir()}/tandem-demo.*"))
        command = [*self.unprivileged(), RUN, "--no-build", "--once"]
        process = self.keep(Process(command, self.folder, name="run"))
        self.assertEqual(process.wait(LONG), 0, process.output())
        output = process.output()
        self.assertIn("without root one node is shown; as root a pair", output)
        self.assertEqual(re.findall(r"^    (web\d) +10$", output, re.MULTILINE),
                         ["web1", "web2", "web3"])  # fmt: skip
        self.assertRegex(output, r"  page             http://127.0.0.1:\d+/stats")
        self.assertEqual(set(glob.glob(f"{tempfile.gettempdir()}/tandem-demo.*")), before)

    def test_a_word_that_it_does_not_know_is_bad_usage(self):
        done = subprocess.run([RUN, "--twice"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("Usage: scripts/run", done.stderr)


if __name__ == "__main__":
    main()
