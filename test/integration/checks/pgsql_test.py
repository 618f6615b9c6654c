"""The pgsql check against Debian's PostgreSQL: a primary with a streaming replica, promotion, and
the ways of logging in."""

import time

import check_stage
import tandem_testing
from check_stage import INTERVAL, backend
from postgres_pair import PostgresPair
from tandem_testing import wait_until

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


class PostgresTest(check_stage.CheckTestCase):
    def setUp(self):
        super().setUp()
        self.pair = PostgresPair(self)
        self.pair.make_primary("pg1", HBA)
        self.pair.start("pg1")
        self.pair.ask("pg1", ROLES)

    def test_the_role_decides_and_a_promotion_is_followed_within_an_interval(self):
        self.pair.make_replica("pg2", of="pg1")
        self.pair.start("pg2")
        wait_until(lambda: self.pair.ask("pg1", "SELECT state FROM pg_stat_replication")
                   == "streaming", "the replica streams")  # fmt: skip
        servers = self.pair.ports
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
        self.pair.processes["pg1"].kill()
        self.wait_for("primary", "pg1", "DOWN", "L4CON", "Connection refused")
        self.assertEqual(self.pair.ask("pg2", "SELECT pg_promote()"), "t")
        promoted = time.monotonic()
        self.wait_for("primary", "pg2", "UP", "L7OK", "PostgreSQL server is ok: primary")
        took = time.monotonic() - promoted
        self.wait_for("replica", "pg2", "DOWN", "L7STS", "role is primary")
        print(f"followed {took * 1000:.0f} ms after the promotion, checks each {INTERVAL} s")
        # One interval, and a second for a machine that has other things to do.
        self.assertLess(took, INTERVAL + 1)

    def test_ways_of_logging_in(self):
        servers = {"pg1": self.pair.ports["pg1"]}

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
            found = self.pair.ask("pg1", "SELECT sessions > 10, sessions_abandoned "
                                  "FROM pg_stat_database WHERE datname = 'postgres'")  # fmt: skip
            return found if found.startswith("t") else None

        self.assertEqual(wait_until(counts, "there were sessions"), "t|0")


if __name__ == "__main__":
    tandem_testing.main()
