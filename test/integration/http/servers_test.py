"""Choosing, waiting for and losing servers: retries, limits, queues."""

import random
import threading

import http_stage
import tandem_testing
from tandem_testing import HttpClient, Truncated, free_port, origin_body, wait_until


class Concurrent:
    """Requests that run beside the test, in the order of their start."""

    def __init__(self, test):
        self.test = test
        self.threads = []
        self.answers = {}
        self.order = []

    def get(self, target):
        def run():
            response = self.test.get(target)
            self.order.append(target)
            self.answers[target] = response

        thread = threading.Thread(target=run)
        self.threads.append(thread)
        thread.start()

    def finish(self):
        for thread in self.threads:
            thread.join(tandem_testing.TIMEOUT)
        return self.answers


class RetriesTest(http_stage.HttpTestCase):
    def start_with_a_dead_server(self, **more):
        self.web1 = self.start_origin("web1", record=True)
        servers = {"dead": f"127.0.0.1:{free_port()}", "web1": self.web1.address}
        self.start_lb(servers, **more)

    def test_a_dead_server_costs_no_request(self):
        self.start_with_a_dead_server()
        for number in range(40):
            self.assertEqual(self.get(f"/{number}").text, "web1\n")
            client = self.client()
            body = client.request("POST", f"/post/{number}", body=b"x" * 5000)
            self.assertEqual(body.status, 200)
        self.logged("/post/39")
        lines = self.log()
        self.assertEqual({(line.status, line.server) for line in lines}, {(200, "web1")})
        self.assertIn((1, True), {(line.retries, line.redispatched) for line in lines})
        record = b"".join(self.web1.recorded())
        for number in range(40):
            self.assertEqual(record.count(b"POST /post/%d HTTP" % number), 1)

    def test_who_has_failed_on_a_dead_server_waits_for_another(self):
        origin = self.start_origin("web1")
        servers = {
            "dead": {"address": f"127.0.0.1:{free_port()}", "maxconn": 1},
            "web1": {"address": origin.address, "maxconn": 1},
        }
        self.start_lb(servers)
        requests = Concurrent(self)
        for number in range(24):
            requests.get(f"/{number}?delay=20")
        self.assertEqual({answer.status for answer in requests.finish().values()}, {200})
        self.assertEqual({line.retries for line in self.log()} - {0, 1}, set())

    def test_nothing_is_lost_while_connecting_to_a_server_that_goes_into_maintenance(self):
        origin = self.start_origin("web1")
        black = http_stage.Blackhole(self)
        server = {"address": black.address, "on-marked-down": "shutdown-sessions"}
        self.start_lb(
            {"black": server, "web1": {"address": origin.address, "backup": True}},
            defaults={"timeout": {"connect": "60s"}},
        )
        client = self.client()
        client.send_request("GET", "/unsent")
        wait_until(lambda: self.stat("black", "scur") == "1", "the request is connecting")
        self.lb.control.command("set server app/black state maint")
        self.assertEqual(client.read_response().status, 200)

    def test_a_backend_counts_what_no_server_could_take(self):
        self.start_lb({"dead": f"127.0.0.1:{free_port()}"})
        self.lb.control.command("set server app/dead state maint")
        self.assertEqual(self.get("/x").status, 503)
        self.assertEqual(self.stat("BACKEND", "econ"), "1")

    def test_without_redispatch_the_same_server_is_tried_again(self):
        timeouts = {"timeout": {"connect": "50ms"}}
        self.start_lb(
            {"dead": f"127.0.0.1:{free_port()}"},
            defaults=timeouts,
            backend={"retries": 2, "redispatch": False},
        )
        self.assertEqual(self.get("/x").status, 503)
        line = self.assert_logged("/x", 503, "SC")
        self.assertEqual((line.retries, line.redispatched, line.server), (2, False, "dead"))

    def test_without_retries_the_first_refusal_counts(self):
        self.start_with_a_dead_server(backend={"retries": 0, "balance": "first"})
        self.assertEqual(self.get("/x").status, 503)
        self.assertEqual(self.assert_logged("/x", 503, "SC").retries, 0)

    def test_a_reset_before_the_answer_is_502_and_never_sent_twice(self):
        web1 = self.start_origin("web1", record=True)
        web2 = self.start_origin("web2", record=True)
        self.start_lb({"web1": web1.address, "web2": web2.address})
        for target, code in (("/bytes/1?reset", 502), ("/hex/?close", 502)):
            with self.subTest(target):
                client = self.client()
                self.assertEqual(client.request("POST", target, body=b"x").status, code)
                self.assert_logged(f"POST {target}", code, "SH")
                received = b"".join(web1.recorded() + web2.recorded())
                self.assertEqual(received.count(f"POST {target} ".encode()), 1)

    def test_broken_answers_are_visibly_broken(self):
        self.start_lb(self.start_origin())
        for options, letters in (("cut=4000", "SD"), ("cut=4000&chunked=100", "SD"),
                                 ("reset=4000&until-close", "SD"), ("reset=4000", "SD"),
                                 ("reset=4000&chunked=100", "SD")):  # fmt: skip
            for version in ("HTTP/1.1", "HTTP/1.0"):
                target = f"/bytes/9000?{options}&h=X:{version[-1]}"
                with self.subTest(target), HttpClient(self.port) as client:
                    with self.assertRaises((Truncated, ConnectionResetError)):
                        client.request("GET", target, version=version)
                    self.assert_logged(target, 200, letters)
        self.assertEqual(self.get("/").status, 200)

    def test_garbage_is_502(self):
        self.start_lb(self.start_origin())
        self.assertEqual(self.get("/garbage").status, 502)
        self.assert_logged("/garbage", 502, "PH")


class LimitsTest(http_stage.HttpTestCase):
    def start_limited(self, maxconn=1, **more):
        self.origin = self.start_origin("web1", record=True)
        self.start_lb({"web1": {"address": self.origin.address, "maxconn": maxconn}}, **more)

    def occupy(self, count=1):
        clients = [self.client() for _ in range(count)]
        for client in clients:
            client.send_request("GET", "/freeze")
        wait_until(lambda: self.stat("web1", "scur") == str(count), "all places are taken")
        return clients

    def test_a_server_never_has_more_than_its_maxconn(self):
        self.start_limited(maxconn=3)
        requests = Concurrent(self)
        for number in range(24):
            requests.get(f"/{number}?delay=20")
            requests.get(f"/bytes/10?delay=10&h=X:{number}")
        answers = requests.finish()
        self.assertEqual({answer.status for answer in answers.values()}, {200})
        self.assertEqual(int(self.stat("web1", "smax")), 3)
        self.assertEqual(self.stat("web1", "scur"), "0")

    def test_the_queue_is_first_come_first_served(self):
        self.start_limited()
        holder = self.occupy()[0]
        requests = Concurrent(self)
        for number in range(10):
            requests.get(f"/q/{number}")
            self.wait_for_queue(number + 1)
        holder.reset()
        answers = requests.finish()
        self.assertEqual({answer.status for answer in answers.values()}, {200})
        served = [line.request.split()[1] for line in self.lines_of("/q/", 10)]
        self.assertEqual(served, [f"/q/{number}" for number in range(10)])

    def lines_of(self, wanted, count):
        def lines():
            found = [line for line in self.log() if wanted in line.line]
            return found if len(found) == count else None

        return wait_until(lines, f"{count} lines of {wanted}")

    def test_who_leaves_the_queue_gives_up_its_place(self):
        self.start_limited()
        holder = self.occupy()[0]
        leavers = [self.client() for _ in range(4)]
        for number, leaver in enumerate(leavers):
            leaver.send_request("GET", f"/left/{number}")
            self.wait_for_queue(number + 1)
        requests = Concurrent(self)
        requests.get("/stays")
        self.wait_for_queue(5)
        leavers[0].reset()
        leavers[1].close()
        leavers[2].reset()
        leavers[3].close()
        self.wait_for_queue(1)
        holder.reset()
        self.assertEqual(requests.finish()["/stays"].status, 200)
        for number in range(4):
            self.assert_logged(f"/left/{number}", -1, "CQ")
        self.assertNotIn(b"/left/", b"".join(self.origin.recorded()))

    def test_a_full_queue_is_503_at_once(self):
        origin = self.start_origin("web1")
        server = {"address": origin.address, "maxconn": 1, "maxqueue": 1}
        self.start_lb({"web1": server}, backend={"balance": "source"})
        self.occupy()
        self.client().send_request("GET", "/waits")
        wait_until(lambda: self.stat("web1", "qcur") == "1", "the queue of the server is full")
        self.assertEqual(self.get("/x").status, 503)
        self.assert_logged("/x", 503, "SQ")

    def test_a_frontend_takes_no_more_than_its_maxconn(self):
        self.check_connections_wait({"maxconn": 2}, {})

    def test_the_process_takes_no_more_than_its_maxconn(self):
        self.check_connections_wait({}, {"maxconn": 2})

    def check_connections_wait(self, frontend, settings):
        origin = self.start_origin("web1")
        self.start_lb(origin, frontend=frontend, **settings)
        holders = [self.client(), self.client()]
        for holder in holders:
            self.assertEqual(holder.get("/").status, 200)
        third = self.client()
        third.send_request("GET", "/third")
        third.socket.settimeout(0.2)
        with self.assertRaises(TimeoutError):
            third.receive()
        third.socket.settimeout(tandem_testing.TIMEOUT)
        holders[0].close()
        self.assertEqual(third.read_response().status, 200)

    def test_limits_hold_over_all_workers(self):
        self.start_limited(maxconn=2, nbthread=4)
        requests = Concurrent(self)
        for number in range(40):
            requests.get(f"/bytes/10?delay=5&h=X:{number}")
        self.assertEqual({answer.status for answer in requests.finish().values()}, {200})
        self.assertEqual(int(self.stat("web1", "smax")), 2)


class CrossTalkTest(http_stage.HttpTestCase):
    """Many clients, some of them rude, on shared server connections: nobody gets bytes that are
    another's."""

    CLIENTS = 12
    REQUESTS = 60

    def run_client(self, number):
        choose = random.Random(number)
        client = None
        for count in range(self.REQUESTS):
            client = client or HttpClient(self.port)
            mark = f"{number}-{count}"
            size = choose.choice((0, 10, 5000, 40000, 200_000))
            options = choose.choice(("", "&chunked=3000", "&close", "&trailers&chunked"))
            target = f"/bytes/{size}?h=X-Mark:{mark}{options}"
            if choose.random() < 0.15:
                client.send_request("GET", target)
                if choose.random() < 0.5:
                    client.receive()
                client.reset() if choose.random() < 0.5 else client.close()
                client = None
                continue
            if choose.random() < 0.3:
                response = client.request("POST", target, body=b"p" * choose.randrange(90_000))
            else:
                response = client.get(target)
            if (response.status, response.header("X-Mark")) != (200, mark):
                raise AssertionError(f"{mark} got {response}")
            if response.body != origin_body(size):
                raise AssertionError(f"{mark} got another body: {len(response.body)} bytes")
        if client:
            client.close()

    def test_nobody_gets_what_is_not_his(self):
        origins = {name: self.start_origin(name).address for name in ("web1", "web2")}
        self.start_lb(origins, nbthread=3, backend={"http-reuse": "always"})
        failures = []

        def run(number):
            try:
                self.run_client(number)
            except Exception as error:  # told by the test, not by the thread
                failures.append(f"client {number}: {error!r}")

        threads = [threading.Thread(target=run, args=(n,)) for n in range(self.CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        wait_until(lambda: self.stat("BACKEND", "scur") == "0", "nothing is left running")
        for name in origins:
            self.assertEqual(self.stat(name, "scur"), "0")


if __name__ == "__main__":
    tandem_testing.main()
