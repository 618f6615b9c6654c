"""PROXY headers from in front: HAProxy and curl as senders, and whatever else may come."""

import json
import signal
import socket
import subprocess

import proxy_stage
import tandem_testing
from proxy_stage import ClientFrom, tlv, v1, v2
from tandem_testing import HttpClient, free_port, program, wait_until

CLIENT = ("192.0.2.7", 56324)
SERVICE = ("198.51.100.1", 443)
REQUEST = b"GET /echo HTTP/1.1\r\nHost: a\r\n\r\n"


class AcceptTest(proxy_stage.ProxyTestCase):
    def start(self, accept=True, bind=None, **more):
        self.origin = self.start_origin("web1")
        bind = {"accept-proxy": accept, **(bind or {})}
        return self.start_lb({"web1": self.origin.address}, bind, **more)

    def said(self, data, address=None):
        """What the origin is told of a client that sends this and one request."""
        client = self.connect(address)
        client.send(data + REQUEST)
        headers = client.read_response().json()["headers"]
        return [value for name, value in headers if name.lower() == "x-forwarded-for"][-1]

    def requests(self):
        """So many have been given to servers."""
        return self.lb.metrics()['tandem_backend_requests_total{backend="app"}']

    def logged(self, count=1):
        def enough():
            lines = self.log.read_text(encoding="utf-8").splitlines()
            return len(lines) >= count and [json.loads(line) for line in lines]

        return wait_until(enough, f"{count} lines are logged")

    # ---- senders
    def test_haproxy_in_front(self):
        for option in ("send-proxy", "send-proxy-v2",
                       "send-proxy-v2 proxy-v2-options ssl,crc32c,unique-id"):  # fmt: skip
            with self.subTest(option=option):
                self.start()
                port = free_port()
                self.start_haproxy(
                    f"frontend f\n  bind 127.0.0.1:{port}\n  unique-id-format %{{+X}}o%ci%cp\n"
                    f"  default_backend b\n"
                    f"backend b\n  server tandem 127.0.0.1:{self.port} {option}\n",
                    name=f"haproxy-{port}",
                    listens=port,
                )
                with ClientFrom(port, "127.0.0.5") as client:
                    own = client.port
                    for _ in range(3):
                        self.assertEqual(self.seen_client(client), "127.0.0.5")
                for entry in self.logged(3):
                    self.assertEqual(entry["client"], "127.0.0.5")
                    self.assertEqual(entry["client_port"], own)
                    self.assertEqual(entry["local"], "127.0.0.1")
                    self.assertEqual(entry["local_port"], port)
                self.log.unlink()
                self.assertEqual(self.refused(), {})

    def test_checks_of_haproxy_in_front_are_its_own_connections(self):
        self.start(frontend={"monitor-uri": "/up"})
        for option in ("send-proxy", "send-proxy-v2"):
            with self.subTest(option=option):
                port = free_port()
                name = f"haproxy-{port}"
                self.start_haproxy(
                    f"listen l\n  bind 127.0.0.1:{port}\n  option httpchk GET /up\n"
                    f"  server tandem 127.0.0.1:{self.port} {option} check inter 50ms\n",
                    name=name,
                    listens=port,
                )
                control = tandem_testing.ControlSocket(self.folder / f"{name}.sock")
                row = wait_until(
                    lambda c=control: (r := c.row("l", "tandem"))["check_status"] == "L7OK" and r,
                    "a check has passed",
                )
                self.assertEqual(row["status"], "UP")
        self.assertEqual(self.refused(), {})

    def test_a_sender_that_only_connects_is_counted_and_not_complained_about(self):
        self.start(bind={"defer-accept": False})
        before = self.lb.output()
        for _ in range(3):
            tandem_testing.connect(self.port).close()
        self.wait_for_refused(aborted=3)
        self.assertEqual(self.lb.output(), before)

    def test_curl(self):
        self.start()
        result = subprocess.run(
            [program("curl"), "-sS", "--haproxy-protocol", f"http://127.0.0.1:{self.port}/echo"],
            capture_output=True,
            check=True,
            timeout=tandem_testing.TIMEOUT,
        )
        headers = dict(json.loads(result.stdout)["headers"])
        forwarded = {name.lower(): value for name, value in headers.items()}["x-forwarded-for"]
        self.assertEqual(forwarded, "127.0.0.1")

    # ---- what it says
    def test_addresses_of_either_version_and_family(self):
        self.start()
        v6 = (("2001:db8::7", 1), ("2001:db8::1", 2))
        self.assertEqual(self.said(v1(CLIENT, SERVICE)), "192.0.2.7")
        self.assertEqual(self.said(v2(CLIENT, SERVICE)), "192.0.2.7")
        self.assertEqual(self.said(v1(*v6)), "2001:db8::7")
        self.assertEqual(self.said(v2(*v6)), "2001:db8::7")
        self.assertEqual(self.said(v2(CLIENT, SERVICE, tlv(2, b"a.example") + tlv(4, b""))),
                         "192.0.2.7")  # fmt: skip
        for own in (b"PROXY UNKNOWN\r\n", v2()):
            self.assertEqual(self.said(own), "127.0.0.1")
        first = self.logged()[0]
        self.assertEqual(
            [first[key] for key in ("client", "client_port", "local", "local_port")],
            ["192.0.2.7", 56324, "198.51.100.1", 443],
        )
        own = self.logged(6)[-1]
        self.assertEqual((own["client"], own["local"], own["local_port"]),
                         ("127.0.0.1", "127.0.0.1", self.port))  # fmt: skip

    def test_all_requests_of_a_connection_are_the_clients(self):
        self.start()
        client = self.connect()
        client.send(v1(CLIENT, SERVICE) + REQUEST * 3)
        for _ in range(3):
            self.assertIn(["X-Forwarded-For", "192.0.2.7"], client.read_response().json()["headers"])
        self.assertEqual(self.seen_client(client), "192.0.2.7")

    def test_a_second_header_is_just_bytes(self):
        self.start()
        client = self.connect()
        client.send(v1(CLIENT, SERVICE) + v1(CLIENT, SERVICE) + REQUEST)
        self.assertEqual(client.read_response().status, 400)

    def test_a_body_behind_the_header_arrives_whole(self):
        self.start()
        body = tandem_testing.origin_body(1_000_000)
        client = self.connect()
        client.send(v2(CLIENT, SERVICE) + b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: "
                    + str(len(body)).encode() + b"\r\n\r\n" + body)  # fmt: skip
        answer = client.read_response().json()
        self.assertEqual(answer["body_hash"], tandem_testing.body_hash(body))

    def test_source_hashing_goes_by_the_header(self):
        names = [f"web{number}" for number in range(4)]
        origins = {name: self.start_origin(name).address for name in names}
        self.start_lb(origins, {"accept-proxy": True}, backend={"balance": "source"})
        chosen = {}
        for number in range(32):
            for _ in range(3):
                client = self.connect()
                client.send(v1((f"192.0.2.{number}", 1), SERVICE)
                            + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")  # fmt: skip
                chosen.setdefault(number, set()).add(client.read_response().text)
        self.assertEqual({len(servers) for servers in chosen.values()}, {1})
        self.assertEqual(len(set.union(*chosen.values())), 4)

    # ---- how it comes
    def test_split_at_every_byte(self):
        for defer in (True, False):
            self.start(bind={"defer-accept": defer})
            for header in (v1(CLIENT, SERVICE), v2(CLIENT, SERVICE)):
                clients = []
                for cut in range(1, len(header)):
                    client = self.connect()
                    client.send(header[:cut])
                    clients.append((client, header[cut:] + REQUEST))
                for client, rest in clients:
                    client.send(rest)
                for client, _ in clients:
                    headers = client.read_response().json()["headers"]
                    self.assertIn(["X-Forwarded-For", "192.0.2.7"], headers)
                    client.close()
            self.assertEqual(self.refused(), {})

    def test_slow_and_silent_senders_are_closed(self):
        self.start(bind={"defer-accept": False}, frontend={"timeout": {"http-request": "300ms"}})
        silent, slow = self.connect(), self.connect()
        slow.send(v1(CLIENT, SERVICE)[:-1])
        self.assertTrue(silent.is_closed_by_peer())
        self.assertTrue(slow.is_closed_by_peer())
        self.wait_for_refused(timeout=2)
        self.lb.wait_for_output("Proxy www: a connection from 127.0.0.1:")
        self.lb.wait_for_output("is refused: no whole PROXY header in time")
        self.assert_no_place_is_lost()

    def test_what_is_no_header_is_closed_without_a_word(self):
        self.start()
        for data in (REQUEST, b"\x16\x03\x01\x02\x00", b"\0" * 5000, b"PROXX", b"proxy tcp4 "):
            client = self.connect()
            client.send(data)
            self.assertTrue(client.is_closed_by_peer())
        client = self.connect()
        client.send(v1(CLIENT, SERVICE).replace(b"443", b"99999"))
        self.assertTrue(client.is_closed_by_peer())
        client = self.connect()
        client.send(v2(CLIENT, SERVICE, tlv(3, b"abcd")))
        self.assertTrue(client.is_closed_by_peer())
        client = self.connect()
        client.send(v2(CLIENT, SERVICE).replace(b"\x21\x11", b"\x31\x11"))
        self.assertTrue(client.is_closed_by_peer())
        client = self.connect()
        client.send(b"PROXY TCP4 " + b" " * 200)
        self.assertTrue(client.is_closed_by_peer())
        self.wait_for_refused(missing=5, malformed=1, checksum=1, unsupported=1, too_long=1)
        self.assertEqual(self.lb.output().count("is refused: "), 1)  # a line a minute
        self.assertEqual(self.requests(), 0)
        self.assert_no_place_is_lost()

    def test_a_header_that_breaks_off(self):
        self.start()
        for header in (v1(CLIENT, SERVICE), v2(CLIENT, SERVICE)):
            for end in (HttpClient.close, HttpClient.reset):
                client = HttpClient(self.port)
                client.send(header[:20])
                end(client)
        client = self.connect()
        client.send(v1(CLIENT, SERVICE)[:20])
        client.socket.shutdown(socket.SHUT_WR)
        self.assertTrue(client.is_closed_by_peer())
        self.wait_for_refused(aborted=5)
        self.assert_no_place_is_lost()

    def assert_no_place_is_lost(self):
        series = 'tandem_frontend_current_connections{frontend="www"}'
        wait_until(lambda: self.lb.metrics()[series] == 0, "every connection is counted out")
        self.assertEqual(self.said(v1(CLIENT, SERVICE)), "192.0.2.7")

    def test_a_stop_does_not_wait_for_a_header(self):
        self.start(bind={"defer-accept": False}, **{"global": {"grace": "60s"}})
        client = self.connect()
        client.send(b"PROXY ")
        series = 'tandem_frontend_current_connections{frontend="www"}'
        wait_until(lambda: self.lb.metrics()[series] == 1, "it is accepted")
        self.lb.signal(signal.SIGTERM)
        self.assertEqual(self.lb.wait(), 0)

    # ---- from where
    def test_only_who_is_named_may_send_one(self):
        self.start(accept=["127.0.0.2/32", "10.0.0.0/8"])
        with ClientFrom(self.port, "127.0.0.2") as balancer:
            balancer.send(v1(CLIENT, SERVICE) + REQUEST)
            headers = balancer.read_response().json()["headers"]
            self.assertIn(["X-Forwarded-For", "192.0.2.7"], headers)
        with ClientFrom(self.port, "127.0.0.3") as stranger:
            self.assertEqual(self.seen_client(stranger), "127.0.0.3")
        for header in (v1(CLIENT, SERVICE), v2(CLIENT, SERVICE)):
            with ClientFrom(self.port, "127.0.0.3") as stranger:
                stranger.send(header + REQUEST)
                self.assertEqual(stranger.read_response().status, 400)
        with ClientFrom(self.port, "127.0.0.2") as forgetful:
            forgetful.send(REQUEST)
            self.assertTrue(forgetful.is_closed_by_peer())
        self.assertEqual(self.requests(), 2)
        self.assertEqual(self.refused(), {"missing": 1})

    def test_other_listeners_know_nothing_of_it(self):
        plain = free_port()
        self.start(frontend={"bind": [{"address": f"127.0.0.1:{plain}"}]})
        self.assertEqual(self.said(b"", plain), "127.0.0.1")
        client = self.connect(plain)
        client.send(v1(CLIENT, SERVICE) + REQUEST)
        self.assertEqual(client.read_response().status, 400)

    def test_a_unix_socket(self):
        path = self.folder / "www.sock"
        self.start(bind={"address": f"unix:{path}"})
        for header in (v1(CLIENT, SERVICE), v2(CLIENT, SERVICE)):
            self.assertEqual(self.said(header, str(path)), "192.0.2.7")
        client = self.connect(str(path))
        client.send(v1(CLIENT, SERVICE)[:20])
        client.send(v1(CLIENT, SERVICE)[20:] + REQUEST)
        self.assertEqual(client.read_response().status, 200)
        client = self.connect(str(path))
        client.send(REQUEST)
        self.assertTrue(client.is_closed_by_peer())

    def test_ipv6(self):
        port = free_port("::1")
        self.start(bind={"address": f"[::1]:{port}", "accept-proxy": ["::1"]})
        self.assertEqual(self.said(v1(CLIENT, SERVICE), ("::1", port)), "192.0.2.7")
        both = (("2001:db8::7", 1), ("2001:db8::1", 2))
        self.assertEqual(self.said(v2(*both), ("::1", port)), "2001:db8::7")

    def test_a_listener_for_both_families(self):
        port = free_port()
        self.start(bind={"address": f":{port}", "accept-proxy": ["127.0.0.0/8"]})
        self.assertEqual(self.said(v1(CLIENT, SERVICE), port), "192.0.2.7")
        self.assertEqual(self.said(b"", ("::1", port)), "::1")

    def test_tcp_sessions(self):
        origin = self.start_origin("web1")
        self.start_lb({"web1": origin.address}, {"accept-proxy": True}, mode="tcp")
        client = self.connect()
        client.send(v2(CLIENT, SERVICE) + REQUEST)
        self.assertEqual(client.read_response().status, 200)
        client.close()
        entry = self.logged()[0]
        self.assertEqual((entry["client"], entry["local"]), ("192.0.2.7", "198.51.100.1"))


if __name__ == "__main__":
    tandem_testing.main()
