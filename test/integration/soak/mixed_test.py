"""The mixed soak for some seconds, as scripts/soak runs it for minutes; and what its judge lets
pass, and what not."""

import os
import pathlib
import re
import subprocess
import sys

import tandem_testing

try:
    import mixed
except ImportError as missing:
    print(f"{missing}: scripts/deps test")
    sys.exit(77)

from mixed_clients import Loss
from soak import caught_by, explaining_kill, in_thirds

SOAK = pathlib.Path(__file__).resolve().parents[3] / "scripts" / "soak"
KILLED = [(1000.0, "web1")]


def line(termination="SH", server="web1", ended=1000.2, target="/one/page?h1-1"):
    return {"termination": termination, "server": server, "ended": ended, "target": target}


class RunTest(tandem_testing.TestCase):
    def test_all_kinds_of_clients_get_what_is_theirs_while_servers_are_killed(self):
        done = subprocess.run(
            [sys.executable, "-B", SOAK, "--mixed", "--seconds", "12", "--every", "4",
             "--rate", "25", "--build", os.environ["TANDEM_BIN_DIR"]],
            capture_output=True, text=True, check=False)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"[23] kills, [34] drains")
        self.assertIn("VERDICT: kept", done.stdout)
        kinds = re.search(r"done: (.*)", done.stdout)[1].split(", ")
        self.assertEqual(len(kinds), 17, kinds)


class JudgeTest(tandem_testing.TestCase):
    def test_a_failure_is_explained_by_the_kill_of_its_server_at_its_time_alone(self):
        self.assertTrue(explaining_kill(line(), KILLED))
        self.assertTrue(explaining_kill(line("SD"), KILLED))
        for why, other in (
            ("another server", line(server="web2")),
            ("no server", line(server=None)),
            ("before", line(ended=999.0)),
            ("long after", line(ended=1010.0)),
            ("it could have gone elsewhere", line("SC")),
            ("the client left", line("CD")),
            ("the answer was bad", line("PH")),
        ):
            self.assertIsNone(explaining_kill(other, KILLED), why)

    def test_a_tunnel_is_caught_though_it_ended_like_any_other(self):
        self.assertTrue(caught_by(line("--"), KILLED))
        self.assertIsNone(caught_by(line("--", server="web2"), KILLED))

    def test_each_loss_needs_a_line_of_its_own(self):
        lost = Loss("h1", "/one/page?h1-1", "503")
        tcp = Loss("redis", "tcp:4711", "reset")
        session = {"client_port": 4711}
        self.assertEqual(mixed.unexplained_losses([lost, tcp], [line(), session]), [])
        self.assertEqual(mixed.unexplained_losses([lost, lost], [line()]), [lost])
        self.assertEqual(mixed.unexplained_losses([lost], [line(target="/one/page?h1-2")]), [lost])
        nameless = Loss("h1", None, "refused")
        self.assertEqual(mixed.unexplained_losses([nameless], [line()]), [nameless])

    def test_thirds_are_told_apart_by_the_most_in_each(self):
        self.assertEqual(in_thirds([1, 9, 5, 7, 8, 13]), (9, 7, 13))
        self.assertEqual(in_thirds([1, 9, 5, 7, 20, 8, 3]), (9, 20, 8))
        self.assertEqual(in_thirds([4]), (4, 4, 4))


if __name__ == "__main__":
    tandem_testing.main()
