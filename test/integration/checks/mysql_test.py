"""The mysql check against Debian's MariaDB, started without privileges in a scratch folder."""

import subprocess

import check_stage
import tandem_testing
from check_stage import backend
from tandem_testing import accepts, free_port, program, wait_until
from unprivileged import Unprivileged


class MysqlTest(check_stage.CheckTestCase):
    def setUp(self):
        super().setUp()
        self.home = Unprivileged(self)
        self.port = free_port()
        self.data = self.home.folder / "data"
        done = subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}",
             "--auth-root-authentication-method=normal", "--skip-test-db"],
            capture_output=True, text=True, timeout=60, check=False,
            **self.home.options)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        users = self.home.folder / "users.sql"
        users.write_text("CREATE USER IF NOT EXISTS monitor@'127.0.0.1';\n"
                         "CREATE USER IF NOT EXISTS locked@'127.0.0.1' IDENTIFIED BY 'secret';\n",
                         encoding="utf-8")  # fmt: skip
        self.server = self.start(
            [program("mariadbd"), "--no-defaults", f"--datadir={self.data}",
             f"--socket={self.home.folder}/s", f"--port={self.port}", "--bind-address=127.0.0.1",
             f"--pid-file={self.home.folder}/pid", f"--init-file={users}", "--skip-name-resolve",
             "--innodb-buffer-pool-size=8M", "--innodb-flush-log-at-trx-commit=0",
             "--log-warnings=4"], name="mariadbd", **self.home.options)  # fmt: skip
        wait_until(lambda: accepts(self.port), "MariaDB listens", 60)

    def test_a_handshake_and_a_login(self):
        servers = {"my1": self.port}
        self.start_checker(
            login=backend({"type": "mysql", "user": "monitor"}, servers),
            stranger=backend({"type": "mysql", "user": "stranger"}, servers),
        )
        self.wait_for("login", "my1", "UP", "L7OK", "MySQL server is ok: ")
        self.wait_for("stranger", "my1", "DOWN", "L7STS", "Access denied for user")
        self.assertEqual(self.lb.control.row("stranger", "my1")["check_code"], "1045")
        self.assertIn("MariaDB", self.found("login", "my1")[2])
        # A login that ends politely is no aborted connection, which would count against our host:
        # of the two kinds of checks the server complains of one alone.
        wait_until(lambda: self.server.output().count("Access denied for user 'stranger'") > 3,
                   "there were some checks")  # fmt: skip
        self.assertNotIn("'monitor'", self.server.output())

    def test_the_handshake_alone(self):
        self.start_checker(bare=backend({"type": "mysql"}, {"my1": self.port}))
        self.wait_for("bare", "my1", "UP", "L7OK", "MySQL server is ok: ")
        self.server.kill()
        self.wait_for("bare", "my1", "DOWN", "L4CON", "Connection refused")


if __name__ == "__main__":
    tandem_testing.main()
