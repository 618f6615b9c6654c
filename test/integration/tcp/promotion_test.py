"""A replica that is promoted, behind a frontend for writes and one for reads in mode "tcp": what
clients of PostgreSQL and Redis see of it while a check of the servers' role decides."""

import subprocess
import threading
import time

import postgres_pair
import tandem_testing
from postgres_pair import PostgresPair
from tandem_testing import TIMEOUT, free_ports, program, wait_until

INTERVAL = 0.2  # seconds between checks
# What may pass from the end of a promotion until everybody goes by it: the check that finds it has
# just begun (an interval), and a machine that has other things to do.
BOUND = INTERVAL + 1


class PromotionTestCase(tandem_testing.TestCase):
    def start_lb(self, ports, check, roles):
        """Frontends and backends "write" and "read" over the same servers ({name: port})."""
        self.write, self.read = free_ports(2)
        listens = {"write": self.write, "read": self.read}
        self.lb = self.start_tandem({
            "defaults": {
                "mode": "tcp",
                "timeout": {"connect": "1s", "queue": "1s", "check": "1s"},
                "default-server": {"inter": f"{int(INTERVAL * 1000)}ms", "rise": 1, "fall": 1,
                                   "on-marked-down": "shutdown-sessions"}},
            "frontends": {name: {"bind": f"127.0.0.1:{port}", "default_backend": name}
                          for name, port in listens.items()},
            "backends": {name: {"check": {**check, "role": role},
                                "servers": {one: f"127.0.0.1:{at}" for one, at in ports.items()}}
                         for name, role in zip(listens, roles)},
        })  # fmt: skip

    def is_up(self, backend, server):
        return self.lb.control.row(backend, server)["status"].split()[0] == "UP"

    def wait_for_roles(self, write, read):
        """Who serves writes and who reads; None: nobody."""
        def are_so():
            return all(self.is_up(backend, server) == (server == wanted)
                       for backend, wanted in (("write", write), ("read", read))
                       for server in self.servers)  # fmt: skip

        wait_until(are_so, f"{write} takes writes, {read} reads")


class Writer:
    """Somebody who inserts a number with each session, from `first` on, whatever becomes of it."""

    def __init__(self, pair, port, first):
        self.done = []  # (began, ended) of what was acknowledged
        self.numbers = []
        self.tried = 0
        self._pair, self._port, self._first = pair, port, first
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join(TIMEOUT * 2)

    def _run(self):
        while not self._stopped.is_set():
            number = self._first + self.tried
            began = time.monotonic()
            good, _ = self._pair.psql(self._port, f"INSERT INTO log VALUES ({number})")
            if good:
                self.done.append((began, time.monotonic()))
                self.numbers.append(number)
            self.tried += 1


class PostgresTest(PromotionTestCase):
    servers = ("pg1", "pg2")

    def setUp(self):
        super().setUp()
        self.pair = PostgresPair(self)
        self.pair.make_primary("pg1")
        self.pair.start("pg1")
        self.pair.ask("pg1", "CREATE ROLE monitor LOGIN; CREATE TABLE log (n int PRIMARY KEY)")
        self.pair.make_replica("pg2", of="pg1")
        self.pair.start("pg2")
        self.wait_for_stream("pg1")
        # An answer to a write means that the replica has it.
        self.pair.ask("pg1", "ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.pair.ask("pg1", "SELECT pg_reload_conf()")
        wait_until(lambda: self.pair.ask("pg1", "SELECT sync_state FROM pg_stat_replication")
                   == "sync", "the replica is waited for")  # fmt: skip
        self.start_lb(self.pair.ports,
                      {"type": "pgsql", "user": "monitor", "database": "postgres"},
                      ("primary", "replica"))  # fmt: skip
        self.wait_for_roles("pg1", "pg2")

    def wait_for_stream(self, primary):
        wait_until(lambda: self.pair.ask(primary, "SELECT state FROM pg_stat_replication")
                   == "streaming", "the replica streams")  # fmt: skip

    def server_of(self, port):
        good, said = self.pair.psql(port, "SELECT pg_is_in_recovery(), inet_server_port()")
        self.assertTrue(good, said)
        recovers, at = said.split("|")
        return recovers == "t", int(at)

    def test_writes_reach_the_primary_and_reads_a_node_that_takes_no_writes(self):
        for number in range(20):
            self.assertEqual(self.server_of(self.write), (False, self.pair.ports["pg1"]))
            self.assertEqual(self.server_of(self.read), (True, self.pair.ports["pg2"]))
            good, said = self.pair.psql(self.write, f"INSERT INTO log VALUES ({number})")
            self.assertTrue(good, said)
            good, said = self.pair.psql(self.read, f"INSERT INTO log VALUES ({100 + number})")
            self.assertFalse(good)
            self.assertIn("cannot execute INSERT in a read-only transaction", said)
        self.assertEqual(self.pair.ask("pg1", "SELECT count(*), max(n) FROM log"), "20|19")

    def test_a_promotion_is_followed_and_no_acknowledged_write_is_lost(self):
        writer, reader = Writer(self.pair, self.write, 0), Writer(self.pair, self.read, 1_000_000)
        session = self.open_session(self.read)
        wait_until(lambda: len(writer.done) >= 5 and reader.tried >= 5, "there is traffic")
        # A crash; then what Patroni and its like do.
        self.pair.processes["pg1"].kill()
        self.wait_for_roles(None, "pg2")
        asked = time.monotonic()
        self.pair.run("pg_ctl", "promote", "-w", "-D", self.pair.data("pg2"))
        promoted = time.monotonic()
        # Whoever comes now. (A session that came while the crash was not known yet is held for a
        # second before its next attempt, and served then.)
        wait_until(lambda: self.pair.psql(self.write, "INSERT INTO log VALUES (500000)")[0],
                   "writes go on")  # fmt: skip
        resumed = time.monotonic() - promoted
        self.wait_for_roles("pg2", None)
        known = time.monotonic()
        # Somebody who was reading there would now be reading what a primary says: he is sent away.
        said, _ = session.communicate(timeout=TIMEOUT)
        self.assertNotEqual(session.returncode, 0, said)
        before = reader.tried
        wait_until(lambda: reader.tried >= before + 3, "the reader has tried again")
        wait_until(lambda: any(began > promoted for began, _ in writer.done), "the writer goes on")
        writer.stop()
        reader.stop()
        slipped = [began - promoted for began, _ in reader.done]
        print(f"written again {resumed * 1000:.0f} ms after the promotion was complete, known "
              f"everywhere after {(known - promoted) * 1000:.0f} ms, checks each "
              f"{INTERVAL * 1000:.0f} ms; {len(slipped)} writes at the readers' port between "
              "promotion and check")  # fmt: skip
        self.assertLess(resumed, BOUND)
        # From the promotion to the next check the readers' server is a primary already; neither
        # before nor after that is anything written there.
        for began, ended in reader.done:
            self.assertGreater(ended, asked)
            self.assertLess(began, known)
        self.assertLess(known - promoted, BOUND)
        rows = set(map(int, self.pair.ask("pg2", "SELECT n FROM log").split()))
        self.assertEqual({*writer.numbers, 500_000} - rows, set())

    def test_the_old_primary_comes_back_as_a_replica(self):
        self.pair.processes["pg1"].kill()
        self.pair.run("pg_ctl", "promote", "-w", "-D", self.pair.data("pg2"))
        self.wait_for_roles("pg2", None)
        self.pair.make_replica("pg1", of="pg2")
        self.pair.start("pg1")
        self.wait_for_roles("pg2", "pg1")
        self.assertEqual(self.server_of(self.write), (False, self.pair.ports["pg2"]))
        self.assertEqual(self.server_of(self.read), (True, self.pair.ports["pg1"]))

    def open_session(self, port):
        """psql in the middle of a session."""
        session = subprocess.Popen(
            [postgres_pair.binary("psql"), "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p",
             str(port), "-U", "postgres", "-d", "postgres", "-c", "SELECT pg_sleep(600)"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
        self.addCleanup(session.kill)
        wait_until(lambda: self.pair.ask("pg2", "SELECT count(*) FROM pg_stat_activity WHERE query "
                                         "LIKE 'SELECT pg_sleep%'") == "1", "a session sleeps")
        return session


class RedisTest(PromotionTestCase):
    servers = ("r1", "r2")

    def setUp(self):
        super().setUp()
        self.ports = dict(zip(self.servers, free_ports(2)))
        self.redis = {}
        for name in self.servers:
            self.start_redis(name, *(("--replicaof", "127.0.0.1", self.ports["r1"])
                                     if name == "r2" else ()))  # fmt: skip
        wait_until(lambda: "master_link_status:up" in self.cli(self.ports["r2"], "INFO"), "r2 follows")
        self.start_lb(self.ports, {"type": "redis"}, ("master", "replica"))
        self.wait_for_roles("r1", "r2")

    def start_redis(self, name, *more):
        folder = self.folder / name
        folder.mkdir()
        self.redis[name] = self.start(
            [program("redis-server"), "--port", self.ports[name], "--bind", "127.0.0.1", "--save",
             "", "--appendonly", "no", "--repl-diskless-sync-delay", "0", "--dir", folder, *more],
            name=name)  # fmt: skip
        wait_until(lambda: self.cli(self.ports[name], "PING") == "PONG", f"{name} answers")

    @staticmethod
    def cli(port, *words):
        """What the server says, and an OSError's words where there is none."""
        done = subprocess.run(["redis-cli", "-p", str(port), *map(str, words)], text=True,
                              capture_output=True, check=False, timeout=TIMEOUT)  # fmt: skip
        return (done.stdout + done.stderr).strip()

    def test_a_promotion_is_followed(self):
        self.assertEqual(self.cli(self.write, "SET", "k", "1"), "OK")
        wait_until(lambda: self.cli(self.read, "GET", "k") == "1", "the replica has it")
        self.assertIn("READONLY", self.cli(self.read, "SET", "k", "2"))
        self.redis["r1"].kill()
        self.wait_for_roles(None, "r2")
        self.assertNotEqual(self.cli(self.write, "SET", "k", "3"), "OK")
        self.assertEqual(self.cli(self.ports["r2"], "REPLICAOF", "NO", "ONE"), "OK")
        promoted = time.monotonic()
        wait_until(lambda: self.cli(self.write, "SET", "k", "4") == "OK", "writes go on")
        took = time.monotonic() - promoted
        print(f"written again {took * 1000:.0f} ms after the promotion, checks each "
              f"{INTERVAL * 1000:.0f} ms")  # fmt: skip
        self.assertLess(took, BOUND)
        self.wait_for_roles("r2", None)
        self.assertNotEqual(self.cli(self.read, "GET", "k"), "4")
        # The old master comes back as what it is now.
        self.folder.joinpath("r1").rename(self.folder / "old")
        self.start_redis("r1", "--replicaof", "127.0.0.1", self.ports["r2"])
        self.wait_for_roles("r2", "r1")
        wait_until(lambda: self.cli(self.read, "GET", "k") == "4", "the replica has it")
        self.assertIn("READONLY", self.cli(self.read, "SET", "k", "5"))


if __name__ == "__main__":
    tandem_testing.main()
