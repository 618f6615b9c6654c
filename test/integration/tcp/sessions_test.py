"""TCP sessions through a running tandem-lb: how they begin, what they carry, how they end."""

import hashlib
import http.client
import os
import signal
import socket
import sys
import threading
import time

import tandem_testing
from tandem_testing import TIMEOUT, free_port, wait_until
from tcp_stage import Server, TcpTestCase, echo, read_exactly, read_to_end, reset

sys.path.insert(0, str(tandem_testing.pathlib.Path(__file__).parent.parent / "http"))
from http_stage import Blackhole  # noqa: E402


class Bytes(TcpTestCase):
    def test_server_that_speaks_first_is_heard_at_once(self):
        server = Server(self, lambda c: (c.sendall(b"220 ready\r\n"), echo(c)))
        self.start_lb({"s1": server.address})
        began = time.monotonic()
        client = self.client()
        self.assertEqual(read_exactly(client, 11), b"220 ready\r\n")
        # With TCP_DEFER_ACCEPT it would take a second and more.
        self.assertLess(time.monotonic() - began, 0.9)

    def test_client_that_shuts_its_writing_reads_the_whole_answer(self):
        def serve(connection):
            asked = read_to_end(connection)
            connection.sendall(hashlib.sha256(asked).digest() + asked[::-1])
            connection.close()

        server = Server(self, serve)
        self.start_lb({"s1": server.address})
        client = self.client()
        question = os.urandom(3_000_000)
        client.sendall(question)
        client.shutdown(socket.SHUT_WR)
        answer = read_to_end(client)
        self.assertEqual(answer, hashlib.sha256(question).digest() + question[::-1])
        line = self.logged("--")
        self.assertEqual(line.bytes, len(answer))
        self.assertEqual(line.server, "s1")
        self.assertEqual(self.stat("BACKEND", "bin"), str(len(question)))
        self.assertEqual(self.stat("BACKEND", "bout"), str(len(answer)))

    def test_server_that_shuts_its_writing_hears_the_rest(self):
        heard = []

        def serve(connection):
            connection.sendall(b"bye")
            connection.shutdown(socket.SHUT_WR)
            heard.append(read_to_end(connection))
            connection.close()

        server = Server(self, serve)
        self.start_lb({"s1": server.address})
        client = self.client()
        self.assertEqual(read_to_end(client), b"bye")
        client.sendall(b"x" * 500_000)
        client.close()
        wait_until(lambda: heard == [b"x" * 500_000], "the server has heard all")
        self.logged("--")

    def test_slow_reader_costs_little_memory_and_gets_all(self):
        size = 200 << 20
        block = os.urandom(1 << 20)
        sent = []

        def serve(connection):
            for _ in range(size // len(block)):
                connection.sendall(block)
                sent.append(len(block))
            connection.close()

        server = Server(self, serve)
        self.start_lb({"s1": server.address})
        before = self.lb.resident_bytes()
        client = self.client()
        read_exactly(client, 1 << 20)

        def stands_still():
            count = len(sent)
            return not threading.Event().wait(0.3) and count == len(sent)

        wait_until(stands_still, "the server waits for the client")
        self.assertLess(len(sent), size >> 20)
        self.assert_memory(self.lb.resident_bytes() - before, 4 << 20)
        # Spliced: what is on its way lies in the kernel, and a worker sleeps meanwhile.
        busy = self.lb.cpu_seconds()
        threading.Event().wait(0.3)
        self.assertLess(self.lb.cpu_seconds() - busy, 0.1)
        expected = hashlib.sha256(block * (size // len(block)))
        got = hashlib.sha256(block)
        while data := client.recv(1 << 20):
            got.update(data)
        self.assertEqual(got.digest(), expected.digest())
        self.assert_memory(self.lb.resident_bytes() - before, 8 << 20)

    def test_many_sessions_on_two_workers_keep_their_bytes_apart(self):
        servers = {f"s{i}": Server(self, echo).address for i in range(3)}
        self.start_lb(servers, backend={"balance": "leastconn"}, nbthread=2)
        failures = []

        def run(number):
            try:
                with tandem_testing.connect(self.port) as client:
                    for i in range(30):
                        message = b"%06d/%03d;" % (number, i) * (1 + (number * 7 + i) % 900)
                        client.sendall(message)
                        if read_exactly(client, len(message)) != message:
                            failures.append((number, i))
            except (OSError, AssertionError) as error:
                failures.append(error)

        threads = [threading.Thread(target=run, args=(n,)) for n in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT * 3)
        self.assertEqual(failures, [])
        wait_until(lambda: len(self.log()) == 100, "100 sessions are logged")
        self.assertEqual({line.termination for line in self.log()}, {"--"})
        self.assertEqual(self.stat("FRONTEND", "stot", "pg"), "100")
        self.assertEqual(self.stat("BACKEND", "scur"), "0")
        self.assertEqual(sum(int(self.stat(s, "stot")) for s in servers), 100)

    def test_no_descriptor_and_no_memory_is_left_behind(self):
        server = Server(self, echo)
        self.start_lb({"s1": server.address})

        def some():
            for _ in range(150):
                with tandem_testing.connect(self.port) as client:
                    client.sendall(b"a" * 40_000)
                    read_exactly(client, 40_000)
            self.wait_for_stat("BACKEND", "scur", 0)

        some()
        descriptors, memory = self.lb.open_descriptors(), self.lb.resident_bytes()
        for _ in range(4):
            some()
        self.assertLessEqual(self.lb.open_descriptors(), descriptors)
        self.assert_memory(self.lb.resident_bytes() - memory, 1 << 20)


class Ends(TcpTestCase):
    def test_reset_is_passed_on_as_reset(self):
        seen = []

        def serve(connection):
            try:
                if connection.recv(100) == b"reset me":
                    reset(connection)
                    return
                read_to_end(connection)
                seen.append("end")
            except ConnectionResetError:
                seen.append("reset")

        server = Server(self, serve)
        self.start_lb({"s1": server.address})
        client = self.client()
        client.sendall(b"hello")
        self.wait_for_stat("s1", "scur", 1)
        reset(client)
        wait_until(lambda: seen == ["reset"], "the server sees the client's reset")
        self.logged("CD")
        other = self.client()
        other.sendall(b"reset me")
        self.assert_reset(other)
        self.logged("SD")
        self.assertEqual(self.stat("s1", "cli_abrt"), "1")
        self.assertEqual(self.stat("s1", "srv_abrt"), "1")
        metrics = self.lb.metrics()
        self.assertEqual(
            metrics['tandem_frontend_termination_total{frontend="pg",code="SD"}'], 1
        )

    def test_silence_ends_a_session_by_timeout(self):
        server = Server(self, echo)
        self.start_lb({"s1": server.address}, defaults={"timeout": {"client": "200ms"}})
        client = self.client()
        client.sendall(b"hello")
        read_exactly(client, 5)
        self.assert_reset(client)
        self.assertGreaterEqual(self.logged("cD").total_ms, 190)

    def test_silence_of_a_server_and_tunnel_in_place_of_both(self):
        server = Server(self, echo)
        timeouts = {"client": "1m", "server": "200ms"}
        self.start_lb({"s1": server.address}, defaults={"timeout": timeouts})
        client = self.client()
        # Whoever talks is not cut.
        for _ in range(6):
            client.sendall(b"hello")
            read_exactly(client, 5)
            threading.Event().wait(0.08)
        self.assert_reset(client)
        self.logged("sD")
        self.lb.stop()
        self.start_lb(
            {"s1": server.address}, defaults={"timeout": {**timeouts, "tunnel": "700ms"}}
        )
        client = self.client()
        client.sendall(b"hello")
        read_exactly(client, 5)
        self.assert_reset(client)
        self.assertGreaterEqual(
            wait_until(lambda: self.log()[1:], "the second one is logged")[0].total_ms, 650
        )

    def test_server_that_does_not_answer_the_connection(self):
        hole = Blackhole(self)
        self.start_lb(
            {"s1": hole.address},
            backend={"retries": 1, "redispatch": False, "timeout": {"connect": "100ms"}},
        )
        client = self.client()
        self.assert_reset(client)
        line = self.logged("sC")
        self.assertEqual((line.connect_ms, line.retries), (-1, 1))
        self.assertEqual(self.stat("s1", "econ"), "2")

    def test_client_that_gives_up_while_the_server_is_asked(self):
        hole = Blackhole(self)
        self.start_lb({"s1": hole.address}, backend={"timeout": {"connect": "1m"}})
        client = self.client()
        self.wait_for_stat("s1", "scur", 1)
        client.close()
        self.logged("CC")
        self.wait_for_stat("s1", "scur", 0)

    def test_refused_server_is_left_for_another(self):
        server = Server(self, echo)
        self.start_lb(
            {"s1": f"127.0.0.1:{free_port()}", "s2": server.address}, backend={"balance": "first"}
        )
        client = self.client()
        client.sendall(b"hello")
        self.assertEqual(read_exactly(client, 5), b"hello")
        client.close()
        line = self.logged("--")
        self.assertEqual((line.server, line.retries, line.redispatched), ("s2", 1, True))
        self.assertEqual(self.stat("s1", "wretr"), "1")
        self.assertEqual(self.stat("s1", "wredis"), "1")

    def test_no_server_at_all(self):
        self.start_lb({"s1": f"127.0.0.1:{free_port()}"}, backend={"retries": 0})
        self.assert_refused()
        self.assertEqual(self.logged("SC").bytes, 0)


class Operations(TcpTestCase):
    def talk(self, client, message=b"hello"):
        client.sendall(message)
        self.assertEqual(read_exactly(client, len(message)), message)

    def test_drain_leaves_sessions_and_takes_no_new_ones(self):
        servers = {name: Server(self, echo) for name in ("s1", "s2")}
        self.start_lb(
            {name: server.address for name, server in servers.items()},
            backend={"balance": "first"},
        )
        client = self.client()
        self.talk(client)
        self.lb.ctl("drain", "db/s1")
        later = self.client()
        self.talk(later)
        self.talk(client)
        self.assertEqual([server.accepted for server in servers.values()], [1, 1])
        self.assertEqual(self.stat("s1", "scur"), "1")
        client.close()
        self.wait_for_stat("s1", "scur", 0)

    def test_sessions_of_a_server_end_by_command(self):
        servers = {name: Server(self, echo) for name in ("s1", "s2")}
        self.start_lb({name: server.address for name, server in servers.items()})
        first = self.client()
        self.talk(first)
        # Whoever looked whether it listens has had a turn too, perhaps.
        name = "s1" if self.stat("s1", "scur") == "1" else "s2"
        second = self.client()
        self.talk(second)
        self.lb.control.command(f"shutdown sessions server db/{name}")
        self.assert_reset(first)
        self.logged("DD")
        self.talk(second)

    def test_sessions_past_maxconn_wait_for_a_place(self):
        server = Server(self, echo)
        self.start_lb({"s1": {"address": server.address, "maxconn": 2}})
        running = [self.client(), self.client()]
        for client in running:
            self.talk(client)
        waiting = self.client()
        waiting.sendall(b"me too")
        self.wait_for_stat("BACKEND", "qcur", 1)
        self.assertEqual(server.accepted, 2)
        running[0].close()
        self.assertEqual(read_exactly(waiting, 6), b"me too")
        self.assertEqual(self.stat("s1", "smax"), "2")
        waiting.close()
        wait_until(lambda: len(self.log()) == 2, "two have ended")

    def test_queue_has_an_end(self):
        server = Server(self, echo)
        self.start_lb(
            {"s1": {"address": server.address, "maxconn": 1}},
            defaults={"timeout": {"queue": "100ms"}},
        )
        first = self.client()
        self.talk(first)
        self.assert_reset(self.client())
        line = self.logged("sQ")
        self.assertEqual((line.server, line.queue_ms), ("<NOSRV>", -1))
        self.talk(first)

    def test_soft_stop_lets_sessions_go_on_until_grace_is_over(self):
        server = Server(self, echo)
        self.start_lb({"s1": server.address}, grace="1s")
        client, patient = self.client(), self.client()
        self.talk(client)
        self.talk(patient)
        self.lb.signal(signal.SIGTERM)
        wait_until(lambda: not tandem_testing.accepts(self.port), "it accepts no more")
        self.talk(client)
        client.close()
        self.assert_reset(patient)
        self.assertEqual(self.lb.wait(), 0)
        # Whoever asked whether it still accepts may stand before them.
        self.assertEqual([line.termination for line in self.log()][-2:], ["--", "PD"])

    def test_soft_stop_ends_with_the_last_session(self):
        server = Server(self, echo)
        self.start_lb({"s1": server.address}, grace="60s")
        client = self.client()
        self.talk(client)
        self.lb.signal(signal.SIGTERM)
        wait_until(lambda: not tandem_testing.accepts(self.port), "it accepts no more")
        self.talk(client)
        client.close()
        self.assertEqual(self.lb.wait(), 0)

    def test_address_of_the_client_chooses_the_server(self):
        servers = {f"s{i}": Server(self, echo) for i in range(4)}
        self.start_lb(
            {name: server.address for name, server in servers.items()},
            backend={"balance": "source"},
            nbthread=2,
        )
        for _ in range(12):
            client = self.client()
            self.talk(client)
        self.assertEqual(sorted(server.accepted for server in servers.values()), [0, 0, 0, 12])

    def test_figures_are_those_of_sessions(self):
        server = Server(self, echo)
        self.start_lb({"s1": server.address})
        client = self.client()
        self.talk(client, b"x" * 1000)
        self.assertEqual(self.stat("FRONTEND", "scur", "pg"), "1")
        self.assertEqual(self.lb.control.info()["CurrConns"], "1")
        client.close()
        self.wait_for_stat("BACKEND", "scur", 0)
        for service, proxy in (("FRONTEND", "pg"), ("s1", "db"), ("BACKEND", "db")):
            row = self.lb.control.row(proxy, service)
            self.assertEqual(row["mode"], "tcp")
            self.assertEqual((row["stot"], row["bin"], row["bout"]), ("1", "1000", "1000"))
            self.assertEqual(row["hrsp_2xx"], "")
        self.assertEqual(self.lb.control.info()["CumConns"], "1")
        metrics = self.lb.metrics()
        self.assertEqual(metrics['tandem_frontend_connections_total{frontend="pg"}'], 1)
        self.assertEqual(metrics['tandem_server_requests_total{backend="db",server="s1"}'], 1)
        self.assertNotIn('tandem_frontend_responses_total{frontend="pg",code="2xx"}', metrics)
        self.assertNotIn('haproxy_frontend_http_responses_total{proxy="pg",code="2xx"}', metrics)
        self.assertEqual(metrics['haproxy_frontend_bytes_in_total{proxy="pg"}'], 1000)

    def test_http_goes_through_like_anything_else(self):
        origin = self.start_origin("web1")
        self.start_lb({"web1": origin.address})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        for size in (1, 1024, 65536, 1 << 20):
            connection.request("GET", f"/bytes/{size}")
            body = connection.getresponse().read()
            self.assertEqual(body, tandem_testing.origin_body(size))
        connection.close()
        self.logged("--")


if __name__ == "__main__":
    tandem_testing.main()
