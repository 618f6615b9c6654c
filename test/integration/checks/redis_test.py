"""The redis check against Debian's Redis: life, role and its change, passwords, loading."""

import signal

import check_stage
import tandem_testing
from check_stage import backend
from tandem_testing import accepts, connect, free_ports, program, wait_until


class Redis:
    def __init__(self, test, port, *options):
        self.port = port
        self.process = test.start(
            [program("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "",
             "--dir", test.folder, *options], name=f"redis{port}")  # fmt: skip

    def command(self, text):
        """Sends one inline command; what comes back at once."""
        with connect(self.port) as connection:
            connection.sendall(text.encode() + b"\r\n")
            return connection.recv(65536).decode()


class RedisTest(check_stage.CheckTestCase):
    def start_redis(self, port, *options):
        redis = Redis(self, port, *options)
        wait_until(lambda: accepts(port), "Redis listens")
        return redis

    def start_pair(self):
        first, second = free_ports(2)
        self.first = self.start_redis(first)
        self.second = self.start_redis(second, "--replicaof", f"127.0.0.1 {first}")
        servers = {"r1": first, "r2": second}
        self.start_checker(
            alive=backend({"type": "redis"}, servers),
            master=backend({"type": "redis", "role": "master"}, servers),
            replica=backend({"type": "redis", "role": "replica"}, servers),
        )

    def test_the_role_decides_and_follows_a_failover(self):
        self.start_pair()
        for server in ("r1", "r2"):
            self.wait_for("alive", server, "UP", "L7OK", "Redis server is ok")
        self.wait_for("master", "r1", "UP", "L7OK", "Redis server is ok: master")
        self.wait_for("master", "r2", "DOWN", "L7STS", "role is replica")
        self.wait_for("replica", "r1", "DOWN", "L7STS", "role is master")
        self.wait_for("replica", "r2", "UP", "L7OK", "Redis server is ok: replica")
        self.assertEqual(self.second.command("REPLICAOF NO ONE"), "+OK\r\n")
        self.assertEqual(self.first.command(f"REPLICAOF 127.0.0.1 {self.second.port}"), "+OK\r\n")
        self.wait_for("master", "r2", "UP", "L7OK", "Redis server is ok: master")
        self.wait_for("master", "r1", "DOWN", "L7STS", "role is replica")
        self.wait_for("replica", "r1", "UP", "L7OK", "Redis server is ok: replica")

    def test_one_that_hangs_or_is_gone_is_down(self):
        self.start_pair()
        self.wait_for("alive", "r1", "UP", "L7OK")
        self.first.process.signal(signal.SIGSTOP)
        self.wait_for("alive", "r1", "DOWN", "L7TOUT", "waited for the answer to PING")
        self.first.process.signal(signal.SIGCONT)
        self.wait_for("alive", "r1", "UP", "L7OK")
        self.first.process.kill()
        self.wait_for("alive", "r1", "DOWN", "L4CON", "Connection refused")

    def test_passwords_and_users(self):
        (port,) = free_ports(1)
        self.start_redis(port, "--requirepass", "hunter2")
        with connect(port) as admin:
            admin.sendall(b"AUTH hunter2\r\nACL SETUSER monitor on >secret +ping +role\r\nQUIT\r\n")
            self.assertEqual(b"".join(iter(lambda: admin.recv(100), b"")), b"+OK\r\n" * 3)
        servers = {"r1": port}
        check = {"type": "redis", "role": "master"}
        self.start_checker(
            none=backend({"type": "redis"}, servers),
            wrong=backend({**check, "password": "hunter3"}, servers),
            password=backend({**check, "password": "hunter2"}, servers),
            user=backend({**check, "user": "monitor", "password": "secret"}, servers),
        )
        self.wait_for("none", "r1", "DOWN", "L7STS", "NOAUTH Authentication required.")
        self.wait_for("wrong", "r1", "DOWN", "L7STS", "AUTH was refused: WRONGPASS")
        self.wait_for("password", "r1", "UP", "L7OK", "Redis server is ok: master")
        self.wait_for("user", "r1", "UP", "L7OK", "Redis server is ok: master")
        self.assertNotIn("hunter", self.lb.output())

    def test_one_that_loads_its_data_is_down_until_it_has(self):
        (port,) = free_ports(1)
        redis = self.start_redis(port)
        for key in range(40):
            redis.command(f"SET key{key} {'x' * 2000}")
        redis.command("SAVE")
        redis.process.stop()
        # It looks already when the loading begins, which is over in seconds.
        self.start_checker(alive=backend({"type": "redis"}, {"r1": port}))
        self.wait_for("alive", "r1", "DOWN", "L4CON")
        redis = Redis(self, port, "--rdbcompression", "no", "--key-load-delay", "100000",
                      "--loading-process-events-interval-bytes", "1024")  # fmt: skip
        self.wait_for("alive", "r1", "DOWN", "L7STS", "LOADING")
        self.wait_for("alive", "r1", "UP", "L7OK", "Redis server is ok")

    def test_the_same_by_steps(self):
        (port,) = free_ports(1)
        self.start_redis(port)
        info = [{"send": "INFO replication\r\n"}, {"expect": "role:"}, {"expect": "master"}]
        ping = [{"send": "PING\r\n"}, {"expect": "+PONG"}, {"send-hex": "515549540d0a"},
                {"expect-hex": "2b4f4b"}]  # fmt: skip
        wrong = [{"send": "PONG\r\n"}, {"expect": "+PONG"}]
        servers = {"r1": port}
        self.start_checker(
            ping=backend({"type": "tcp", "steps": ping}, servers),
            info=backend({"steps": info}, servers),
            wrong=backend({"steps": wrong}, servers),
        )
        self.wait_for("ping", "r1", "UP", "L7OK")
        self.wait_for("info", "r1", "UP", "L7OK")
        self.wait_for("wrong", "r1", "DOWN", "L7RSP", "step 2 of 2 did not match: got -ERR unknown")


if __name__ == "__main__":
    tandem_testing.main()
