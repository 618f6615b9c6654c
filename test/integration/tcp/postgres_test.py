"""PostgreSQL through tandem, in mode "tcp": a server that speaks its own protocol both ways."""

import glob
import hashlib
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import tandem_testing
from tandem_testing import TIMEOUT, free_port, wait_until
from tcp_stage import TcpTestCase

FOLDERS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
if not FOLDERS or not shutil.which("psql"):
    print("postgresql is not installed: scripts/deps test")
    sys.exit(77)
BIN = pathlib.Path(FOLDERS[-1])


class PostgresTest(TcpTestCase):
    @classmethod
    def setUpClass(cls):
        # The server refuses to run as root.
        cls.owner = None
        if os.geteuid() == 0:
            try:
                cls.owner = pwd.getpwnam("postgres")
            except KeyError:
                raise unittest.SkipTest("no user postgres to run the server as") from None
        cls.data = pathlib.Path(tempfile.mkdtemp(prefix="tandem-pg-"))
        cls.addClassCleanup(shutil.rmtree, cls.data, ignore_errors=True)
        if cls.owner:
            os.chown(cls.data, cls.owner.pw_uid, cls.owner.pw_gid)
        subprocess.run(
            [BIN / "initdb", "-D", cls.data / "db", "-A", "trust", "-U", "app", "--no-sync",
             "--no-locale", "-E", "UTF8"],
            check=True, stdout=subprocess.DEVNULL, timeout=TIMEOUT * 6, **cls.as_owner(),
        )  # fmt: skip

    @classmethod
    def as_owner(cls):
        if not cls.owner:
            return {}
        return {
            "user": cls.owner.pw_uid,
            "group": cls.owner.pw_gid,
            "extra_groups": [],
            "cwd": cls.data,
        }

    def setUp(self):
        super().setUp()
        self.pg_port = free_port()
        self.postgres = self.start(
            [BIN / "postgres", "-D", self.data / "db", "-h", "127.0.0.1", "-p", str(self.pg_port),
             "-k", self.data, "-F", "-c", "max_connections=60"],
            **self.as_owner(),
        )  # fmt: skip
        wait_until(lambda: self.sql("SELECT 1", self.pg_port) == "1", "PostgreSQL answers")
        self.start_lb({"pg1": f"127.0.0.1:{self.pg_port}"}, backend={"check": True})

    def stop_all(self):
        # Sessions do not keep it: the next test starts it again.
        if self.postgres.is_running():
            self.postgres.signal(tandem_testing.signal.SIGINT)
            self.postgres.wait()
        super().stop_all()

    def psql(self, *arguments, port=None, **options):
        return subprocess.run(
            ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port or self.port),
             "-U", "app", "-d", "postgres", *arguments],
            capture_output=True, timeout=TIMEOUT * 3, check=False, **options,
        )  # fmt: skip

    def sql(self, statement, port=None):
        result = self.psql("-c", statement, port=port)
        if result.returncode != 0:
            raise OSError(result.stderr.decode())
        return result.stdout.decode().strip()

    def test_many_clients_at_once_work_on_one_table(self):
        bench = [BIN / "pgbench", "-h", "127.0.0.1", "-p", str(self.port), "-U", "app", "postgres"]
        environment = {**os.environ, "PGOPTIONS": ""}
        subprocess.run([*bench, "-i", "-s", "1", "-q"], check=True, capture_output=True,
                       timeout=TIMEOUT * 3, env=environment)  # fmt: skip
        run = subprocess.run([*bench, "-c", "30", "-j", "2", "-t", "40", "-M", "prepared"],
                             capture_output=True, text=True, timeout=TIMEOUT * 6, check=False,
                             env=environment)  # fmt: skip
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("number of transactions actually processed: 1200/1200", run.stdout)
        self.assertEqual(self.sql("SELECT count(*) FROM pgbench_history"), "1200")
        self.assertEqual(
            self.sql("SELECT sum(abalance) FROM pgbench_accounts"),
            self.sql("SELECT sum(delta) FROM pgbench_history"),
        )

    def test_50_mb_go_in_and_come_out_byte_for_byte(self):
        # Text without what COPY would escape.
        lines = b"\n".join(os.urandom(500).hex().encode() for _ in range(50_000)) + b"\n"
        self.assertGreater(len(lines), 50_000_000)
        result = self.psql(
            "-c", "SET client_min_messages = warning",
            "-c", "DROP TABLE IF EXISTS big", "-c", "CREATE UNLOGGED TABLE big (line text)",
            "-c", "COPY big FROM STDIN", "-c", "COPY big TO STDOUT", input=lines,
        )  # fmt: skip
        self.assertEqual(result.stderr, b"")
        self.assertEqual(hashlib.sha256(result.stdout).digest(), hashlib.sha256(lines).digest())
        # One value of that size, which comes as one message.
        value = self.psql("-c", "SELECT repeat('0123456789', 5000000)").stdout
        self.assertEqual(value, b"0123456789" * 5_000_000 + b"\n")

    def test_listener_that_waits_is_notified(self):
        listener = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "app",
             "-d", "postgres"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self.addCleanup(listener.kill)
        listener.stdin.write("LISTEN news;\nSELECT 'listening';\n")
        self.assertEqual(listener.stdout.readline(), "listening\n")
        threading.Event().wait(0.5)  # an idle session
        self.sql("NOTIFY news, 'first'")
        # psql looks for what has come when it has asked something.
        listener.stdin.write("SELECT 'asked';\n")
        heard = listener.stdout.readline() + listener.stdout.readline()
        self.assertIn("asked\n", heard)
        self.assertIn('Asynchronous notification "news" with payload "first"', heard)
        listener.stdin.close()
        self.assertEqual(listener.wait(TIMEOUT), 0)
        listener.stdout.close()

    def test_server_that_dies_ends_its_sessions(self):
        client = subprocess.Popen(
            ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(self.port), "-U", "app",
             "-d", "postgres", "-c", "SELECT pg_sleep(60)"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(client.kill)
        self.wait_for_stat("pg1", "scur", 1)
        wait_until(
            lambda: self.sql("SELECT count(*) FROM pg_stat_activity WHERE query LIKE "
                             "'SELECT pg_sleep%'", self.pg_port) == "1",
            "the server sleeps",
        )  # fmt: skip
        self.postgres.signal(tandem_testing.signal.SIGQUIT)  # "immediate": as after a crash
        _, said = client.communicate(timeout=TIMEOUT)
        self.assertNotEqual(client.returncode, 0)
        self.assertRegex(said, "terminat|closed the connection|reset")
        self.postgres.wait()
        self.wait_for_stat("pg1", "scur", 0)

    def test_pool_of_connections_is_kept_within_maxconn(self):
        self.lb.stop()
        self.start_lb({"pg1": {"address": f"127.0.0.1:{self.pg_port}", "maxconn": 3}})
        results = []

        def run(number):
            results.append(self.sql(f"SELECT {number} FROM pg_sleep(0.1)"))

        threads = [threading.Thread(target=run, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT * 2)
        self.assertEqual(sorted(map(int, results)), list(range(12)))
        self.assertEqual(self.stat("pg1", "smax"), "3")
        self.assertGreater(int(self.stat("BACKEND", "qmax")), 0)


if __name__ == "__main__":
    tandem_testing.main()
