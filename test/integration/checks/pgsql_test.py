"""The pgsql check against Debian's PostgreSQL: a primary with a streaming replica, promotion, and
the ways of logging in."""

import glob
import subprocess
import time

import check_stage
import tandem_testing
from check_stage import INTERVAL, Unprivileged, backend
from tandem_testing import free_ports, wait_until

HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
host replication postgres 127.0.0.1/32 trust
host postgres monitor 127.0.0.1/32 trust
host postgres clear 127.0.0.1/32 password
host postgres hashed 127.0.0.1/32 md5
host postgres scram 127.0.0.1/32 scram-sha-256
"""
ROLES = """
CREATE ROLE monitor LOGIN;
SET password_encryption = 'md5';
CREATE ROLE clear LOGIN PASSWORD 'clear secret';
CREATE ROLE hashed LOGIN PASSWORD 'hashed secret';
SET password_encryption = 'scram-sha-256';
CREATE ROLE scram LOGIN PASSWORD 'scram secret';
"""
# What a check has a use for of a server: it starts within a second and writes little.
SETTINGS = ("fsync=off", "shared_buffers=8MB", "listen_addresses=127.0.0.1", "wal_level=replica",
            "max_wal_senders=4", "max_connections=40", "logging_collector=off")  # fmt: skip


def postgres(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: scripts/deps test")
    return found[-1]


class PostgresTest(check_stage.CheckTestCase):
    def setUp(self):
        super().setUp()
        self.home = Unprivileged(self)
        self.first, self.second = free_ports(2)

    def run_tool(self, *command):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=60, check=False, **self.home.options)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout.strip()

    def start_postgres(self, name, port):
        options = [word for setting in SETTINGS for word in ("-c", setting)]
        process = self.start([postgres("postgres"), "-D", self.home.folder / name, "-p", port,
                              "-k", self.home.folder, *options], name=name,
                             **self.home.options)  # fmt: skip
        wait_until(lambda: self.is_ready(port), f"{name} accepts connections", 60)
        return process

    def is_ready(self, port):
        return subprocess.run([postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)],
                              check=False).returncode == 0  # fmt: skip

    def sql(self, port, text):
        return self.run_tool(postgres("psql"), "-h", self.home.folder, "-p", port, "-U", "postgres",
                             "-Atq", "-c", text)  # fmt: skip

    def start_primary(self):
        self.run_tool(postgres("initdb"), "-D", self.home.folder / "pg1", "-U", "postgres", "-A",
                      "trust", "-N", "--no-instructions", "--no-locale", "-E", "UTF8")  # fmt: skip
        (self.home.folder / "pg1" / "pg_hba.conf").write_text(HBA, encoding="utf-8")
        self.primary = self.start_postgres("pg1", self.first)
        self.sql(self.first, ROLES)

    def start_replica(self):
        self.run_tool(postgres("pg_basebackup"), "-h", "127.0.0.1", "-p", self.first, "-U",
                      "postgres", "-D", self.home.folder / "pg2", "-R", "-X", "stream", "-c",
                      "fast", "-N")  # fmt: skip
        self.replica = self.start_postgres("pg2", self.second)
        wait_until(lambda: self.sql(self.first, "SELECT state FROM pg_stat_replication")
                   == "streaming", "the replica streams")  # fmt: skip

    def test_the_role_decides_and_a_promotion_is_followed_within_an_interval(self):
        self.start_primary()
        self.start_replica()
        servers = {"pg1": self.first, "pg2": self.second}
        check = {"type": "pgsql", "user": "monitor", "database": "postgres"}
        self.start_checker(
            alive=backend(check, servers),
            primary=backend({**check, "role": "primary"}, servers),
            replica=backend({**check, "role": "replica"}, servers),
        )
        for server in servers:
            self.wait_for("alive", server, "UP", "L7OK", "PostgreSQL server is ok")
        self.wait_for("primary", "pg1", "UP", "L7OK", "PostgreSQL server is ok: primary")
        self.wait_for("primary", "pg2", "DOWN", "L7STS", "role is replica")
        self.wait_for("replica", "pg1", "DOWN", "L7STS", "role is primary")
        self.wait_for("replica", "pg2", "UP", "L7OK", "PostgreSQL server is ok: replica")
        self.primary.kill()
        self.wait_for("primary", "pg1", "DOWN", "L4CON", "Connection refused")
        self.assertEqual(self.sql(self.second, "SELECT pg_promote()"), "t")
        promoted = time.monotonic()
        self.wait_for("primary", "pg2", "UP", "L7OK", "PostgreSQL server is ok: primary")
        took = time.monotonic() - promoted
        self.wait_for("replica", "pg2", "DOWN", "L7STS", "role is primary")
        print(f"followed {took * 1000:.0f} ms after the promotion, checks each {INTERVAL} s")
        # One interval, and a second for a machine that has other things to do.
        self.assertLess(took, INTERVAL + 1)

    def test_ways_of_logging_in(self):
        self.start_primary()
        servers = {"pg1": self.first}

        def check(user, password=None, **more):
            login = {"type": "pgsql", "user": user, "database": "postgres", **more}
            return backend(login | ({"password": password} if password else {}), servers)

        self.start_checker(
            trust=check("monitor", role="primary"),
            clear=check("clear", "clear secret", role="primary"),
            hashed=check("hashed", "hashed secret"),
            wrong=check("hashed", "another secret"),
            nothing=check("hashed", role="primary"),
            scram=check("scram", "scram secret", role="primary"),
            scramwrong=check("scram", "another secret"),
            scramnothing=check("scram", role="primary"),
            asked=check("scram"),
            unknown=check("stranger"),
        )
        self.wait_for("trust", "pg1", "UP", "L7OK", "PostgreSQL server is ok: primary")
        self.wait_for("clear", "pg1", "UP", "L7OK", "PostgreSQL server is ok: primary")
        self.wait_for("hashed", "pg1", "UP", "L7OK", "PostgreSQL server is ok")
        self.wait_for("wrong", "pg1", "DOWN", "L7RSP", "FATAL: password authentication failed")
        self.wait_for("nothing", "pg1", "DOWN", "L7RSP", "the server wants a password")
        self.wait_for("scram", "pg1", "UP", "L7OK", "PostgreSQL server is ok: primary")
        self.wait_for("scramwrong", "pg1", "DOWN", "L7RSP", "FATAL: password authentication failed")
        self.wait_for("scramnothing", "pg1", "DOWN", "L7RSP", "the server wants a password")
        self.wait_for("asked", "pg1", "UP", "L7OK", "PostgreSQL server is ok")
        self.wait_for("unknown", "pg1", "DOWN", "L7RSP", "FATAL: no pg_hba.conf entry for host")
        self.assertNotIn("secret", self.lb.output())
        # Each session is ended by saying so: the server counts those that only break off.
        def counts():
            found = self.sql(self.first, "SELECT sessions > 10, sessions_abandoned "
                             "FROM pg_stat_database WHERE datname = 'postgres'")  # fmt: skip
            return found if found.startswith("t") else None

        self.assertEqual(wait_until(counts, "there were sessions"), "t|0")


if __name__ == "__main__":
    tandem_testing.main()
