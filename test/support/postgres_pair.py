"""Two PostgreSQL clusters on loopback, a primary and a replica that streams from it, and psql."""

import glob
import shutil
import subprocess

from tandem_testing import TIMEOUT, free_ports, wait_until
from unprivileged import Unprivileged

HBA = """
local all all trust
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
"""
# Starts within a second and writes little.
SETTINGS = ("fsync=off", "shared_buffers=8MB", "listen_addresses=127.0.0.1", "wal_level=replica",
            "max_wal_senders=4", "max_connections=60", "logging_collector=off")  # fmt: skip


def binary(name):
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: scripts/deps test")
    return found[-1]


class PostgresPair:
    """Clusters "pg1" and "pg2" of a test, which starts them through it."""

    def __init__(self, test):
        self.test = test
        home = Unprivileged(test)
        self.folder, self.options = home.folder, home.options
        self.ports = dict(zip(("pg1", "pg2"), free_ports(2)))
        self.processes = {}

    def data(self, name):
        return self.folder / name

    def run(self, tool, *arguments):
        done = subprocess.run(
            [binary(tool), *map(str, arguments)], capture_output=True, text=True, check=False,
            timeout=TIMEOUT * 3, **self.options)  # fmt: skip
        if done.returncode != 0:
            raise AssertionError(f"{tool}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def make_primary(self, name, hba=HBA):
        self.run("initdb", "-D", self.data(name), "-U", "postgres", "-A", "trust", "-N",
                 "--no-instructions", "--no-locale", "-E", "UTF8")  # fmt: skip
        (self.data(name) / "pg_hba.conf").write_text(hba, encoding="utf-8")

    def make_replica(self, name, of):
        shutil.rmtree(self.data(name), ignore_errors=True)
        self.run("pg_basebackup", "-h", "127.0.0.1", "-p", self.ports[of], "-U", "postgres", "-D",
                 self.data(name), "-R", "-X", "stream", "-c", "fast", "-N")  # fmt: skip

    def start(self, name, *settings):
        options = [word for setting in (*SETTINGS, *settings) for word in ("-c", setting)]
        self.processes[name] = self.test.start(
            [binary("postgres"), "-D", self.data(name), "-p", self.ports[name], "-k", self.folder,
             *options],
            name=name, **self.options)  # fmt: skip
        port = self.ports[name]
        wait_until(lambda: self.is_ready(port), f"{name} accepts connections", TIMEOUT * 3)

    @staticmethod
    def is_ready(port):
        return subprocess.run([binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)],
                              check=False).returncode == 0  # fmt: skip

    @staticmethod
    def psql(port, *statements, timeout=None):
        """(True, what was said) or (False, why not): one session for all the statements."""
        words = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run(
            [binary("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1",
             "-p", str(port), "-U", "postgres", "-d", "postgres", *words],
            capture_output=True, text=True, check=False, timeout=timeout or TIMEOUT)  # fmt: skip
        return (True, done.stdout.strip()) if done.returncode == 0 else (False, done.stderr.strip())

    def ask(self, name, statement):
        good, said = self.psql(self.ports[name], statement)
        if not good:
            raise AssertionError(f"{name}: {said}")
        return said
