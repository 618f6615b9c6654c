"""Redis through tandem, in mode "tcp"."""

import hashlib
import os
import pathlib
import subprocess
import sys
import threading

import tandem_testing
from tandem_testing import TIMEOUT, free_port, wait_until
from tcp_stage import TcpTestCase

try:
    REDIS = tandem_testing.program("redis-server")
except FileNotFoundError as missing:
    print(missing)
    sys.exit(77)


class Redis:
    """A client that speaks as much of RESP as the tests need."""

    def __init__(self, test, port):
        self.socket = tandem_testing.connect(port)
        self.reader = self.socket.makefile("rb", 1 << 20)
        test.addCleanup(self.close)

    def close(self):
        self.reader.close()
        self.socket.close()

    @staticmethod
    def encode(*words):
        pieces = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode()
            pieces += [b"$%d\r\n" % len(data), data, b"\r\n"]
        return b"".join(pieces)

    def send(self, *words):
        self.socket.sendall(self.encode(*words))

    def read(self):
        line = self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError(f"ended inside an answer: {line!r}")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise AssertionError(rest.decode())
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        size = int(rest)
        if size < 0:
            return None
        data = self.reader.read(size + 2)
        if len(data) != size + 2:
            raise ConnectionError("ended inside a value")
        return data[:-2]

    def ask(self, *words):
        self.send(*words)
        return self.read()


class RedisTest(TcpTestCase):
    def start_redis(self, name="redis"):
        port = free_port()
        folder = self.folder / f"{name}-data"
        folder.mkdir()
        process = self.start(
            [REDIS, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
             "--dir", str(folder), "--daemonize", "no", "--maxclients", "500"],
            name=name,
        )  # fmt: skip
        process.port = port
        process.address = f"127.0.0.1:{port}"
        wait_until(lambda: Redis(self, port).ask("PING") == "PONG", f"{name} answers")
        return process

    def redis(self):
        return Redis(self, self.port)

    def test_many_clients_that_pipeline_get_their_own_answers_in_order(self):
        redis = self.start_redis()
        self.start_lb({"r1": redis.address}, nbthread=2)
        failures = []

        def run(number):
            try:
                client = Redis(self, self.port)
                commands = b"".join(
                    client.encode("SET", f"k{number}:{i}", f"v{number}:{i}" * (i % 50))
                    + client.encode("GET", f"k{number}:{i}")
                    for i in range(400)
                )
                threading.Thread(target=client.socket.sendall, args=(commands,)).start()
                for i in range(400):
                    expected = f"v{number}:{i}".encode() * (i % 50)
                    if (client.read(), client.read()) != ("OK", expected):
                        failures.append((number, i))
            except (OSError, AssertionError) as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT * 3)
        self.assertEqual(failures, [])

    def test_value_of_50_mb_goes_up_and_down_byte_for_byte(self):
        redis = self.start_redis()
        self.start_lb({"r1": redis.address})
        before = self.lb.resident_bytes()
        value = os.urandom(50_000_000)
        client = self.redis()
        self.assertEqual(client.ask("SET", "big", value), "OK")
        got = client.ask("GET", "big")
        self.assertEqual(hashlib.sha256(got).digest(), hashlib.sha256(value).digest())
        # And straight from Redis: what it has is what was sent.
        direct = Redis(self, redis.port).ask("GET", "big")
        self.assertEqual(hashlib.sha256(direct).digest(), hashlib.sha256(value).digest())
        self.assert_memory(self.lb.resident_bytes() - before, 4 << 20)
        self.assertEqual(client.ask("PING"), "PONG")

    def test_subscriber_that_waits_hears_what_is_published(self):
        redis = self.start_redis()
        self.start_lb({"r1": redis.address}, defaults={"timeout": {"client": "1m"}})
        listener, speaker = self.redis(), self.redis()
        self.assertEqual(listener.ask("SUBSCRIBE", "news"), [b"subscribe", b"news", 1])
        threading.Event().wait(0.5)  # idle, so that nothing but a subscription is there
        for i in range(3):
            self.assertEqual(speaker.ask("PUBLISH", "news", f"item {i}"), 1)
            self.assertEqual(listener.read(), [b"message", b"news", f"item {i}".encode()])

    def test_killed_server_breaks_its_own_connections_and_no_others(self):
        servers = {name: self.start_redis(name) for name in ("r1", "r2")}
        self.start_lb(
            {name: server.address for name, server in servers.items()},
            backend={"balance": "roundrobin", "check": True,
                     "default-server": {"inter": "100ms", "fall": 2, "rise": 1}},
        )  # fmt: skip
        for name in servers:
            self.wait_for_stat(name, "status", "UP")
        clients = [self.redis() for _ in range(16)]
        where = [client.ask("CONFIG", "GET", "port")[1] for client in clients]
        of_first = [w == str(servers["r1"].port).encode() for w in where]
        self.assertEqual(sum(of_first), 8)
        stop, lost, answered = threading.Event(), set(), [0] * len(clients)

        def run(number):
            client = clients[number]
            try:
                while not stop.is_set():
                    if client.ask("ECHO", f"{number}") != str(number).encode():
                        raise AssertionError("somebody else's answer")
                    answered[number] += 1
            except OSError:
                lost.add(number)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(len(clients))]
        for thread in threads:
            thread.start()
        wait_until(lambda: min(answered) > 20, "all of them are served")
        servers["r1"].kill()
        wait_until(lambda: len(lost) >= 8, "those of the killed server have noticed")
        so_far = list(answered)
        wait_until(
            lambda: all(answered[n] > so_far[n] + 20 for n, own in enumerate(of_first) if not own),
            "the others go on",
        )
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT)
        self.assertEqual(lost, {n for n, own in enumerate(of_first) if own})
        # New ones are served at once: a refused connection is tried elsewhere.
        for _ in range(4):
            self.assertEqual(self.redis().ask("PING"), "PONG")
        self.wait_for_stat("r1", "status", "DOWN")

    def test_half_of_a_conversation_by_shell(self):
        redis = self.start_redis()
        self.start_lb({"r1": redis.address})
        asked = b"SET a 1\r\nINCR a\r\nQUIT\r\n"
        with tandem_testing.connect(self.port) as client:
            client.sendall(asked)
            client.shutdown(tandem_testing.socket.SHUT_WR)
            self.assertEqual(client.makefile("rb").read(), b"+OK\r\n:2\r\n+OK\r\n")

    def test_benchmark_of_redis_runs_through(self):
        benchmark = pathlib.Path(REDIS).with_name("redis-benchmark")
        if not benchmark.exists():
            self.skipTest("redis-benchmark is not installed")
        redis = self.start_redis()
        self.start_lb({"r1": redis.address})
        result = subprocess.run(
            [benchmark, "-p", str(self.port), "-c", "50", "-n", "5000", "-P", "16", "-q",
             "-t", "set,get,lpush,lrange_100"],
            capture_output=True, text=True, timeout=TIMEOUT * 3, check=False,
        )  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("requests per second", result.stdout)


if __name__ == "__main__":
    tandem_testing.main()
