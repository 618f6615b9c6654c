"""PROXY headers to servers: HAProxy and nginx as readers, and a server that checks that no client's
header is ever used for another."""

import threading

import proxy_stage
import tandem_testing
from proxy_stage import ClientFrom, HeaderServer, v1
from tandem_testing import HttpClient, free_port, wait_until


class SendTest(proxy_stage.ProxyTestCase):
    def server(self, address, version, **more):
        return {"web1": {"address": address, "send-proxy": version, **more}}

    # ---- readers
    def test_haproxy_behind(self):
        for version in ("v1", "v2"):
            for unix in (False, True):
                with self.subTest(version=version, unix=unix):
                    port = free_port()
                    path = self.folder / f"{port}.sock"
                    bind = f"unix@{path}" if unix else f"127.0.0.1:{port}"
                    haproxy = self.start_haproxy(
                        f"frontend f\n  bind {bind} accept-proxy\n"
                        '  http-request return status 200 content-type text/plain'
                        ' lf-string "%[src] %[src_port] %[dst] %[dst_port]"\n',
                        name=f"haproxy-{version}-{port}",
                        listens=str(path) if unix else port,
                    )
                    address = f"unix:{path}" if unix else f"127.0.0.1:{port}"
                    self.start_lb(self.server(address, version))
                    with ClientFrom(self.port, "127.0.0.7") as client:
                        own = client.port
                        for _ in range(3):
                            self.assertEqual(
                                client.get().text, f"127.0.0.7 {own} 127.0.0.1 {self.port}"
                            )
                    haproxy.wait_for_output(f"127.0.0.7:{own} [")

    def test_nginx_behind(self):
        port = free_port()
        self.start_nginx(f"127.0.0.1:{port} proxy_protocol", port)
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                self.start_lb(self.server(f"127.0.0.1:{port}", version))
                with ClientFrom(self.port, "127.0.0.7") as client:
                    said = f"127.0.0.7 {client.port} 127.0.0.1 {self.port}"
                    for _ in range(3):
                        self.assertEqual(client.get().text, said)

    def test_ipv6_clients(self):
        server = free_port()
        self.start_nginx(f"127.0.0.1:{server} proxy_protocol", server)
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                port = free_port("::1")
                bind = {"address": f"[::1]:{port}"}
                self.start_lb(self.server(f"127.0.0.1:{server}", version), bind)
                client = self.connect(("::1", port))
                said = f"::1 {client.socket.getsockname()[1]} ::1 {port}"
                self.assertEqual(client.get().text, said)

    def test_ipv4_clients_of_a_listener_for_both(self):
        server, port = free_port(), free_port()
        self.start_nginx(f"127.0.0.1:{server} proxy_protocol", server)
        self.start_lb(self.server(f"127.0.0.1:{server}", "v1"), {"address": f":{port}"})
        with ClientFrom(port, "127.0.0.7") as client:
            self.assertEqual(client.get().text, f"127.0.0.7 {client.port} 127.0.0.1 {port}")

    def test_clients_of_a_unix_socket(self):
        server = free_port()
        self.start_haproxy(
            f"frontend f\n  bind 127.0.0.1:{server} accept-proxy\n  http-request return status 200\n",
            listens=server,
        )
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                path = self.folder / f"{version}.sock"
                bind = {"address": f"unix:{path}"}
                self.start_lb(self.server(f"127.0.0.1:{server}", version), bind)
                self.assertEqual(self.connect(str(path)).get().status, 200)

    def test_from_end_to_end(self):
        """HAProxy, tandem, HAProxy: the client's address goes through all of them."""
        behind, front = free_port(), free_port()
        haproxy = self.start_haproxy(
            f"frontend f\n  bind 127.0.0.1:{behind} accept-proxy\n  http-request return status 200\n",
            name="behind",
            listens=behind,
        )
        bind = {"accept-proxy": ["127.0.0.0/8"]}
        self.start_lb(self.server(f"127.0.0.1:{behind}", "v1"), bind)
        self.start_haproxy(
            f"listen l\n  bind 127.0.0.1:{front}\n"
            f"  server tandem 127.0.0.1:{self.port} send-proxy-v2\n",
            name="front",
            listens=front,
        )
        with ClientFrom(front, "127.0.0.9") as client:
            own = client.port
            self.assertEqual(client.get().status, 200)
        haproxy.wait_for_output(f"127.0.0.9:{own} [")

    def test_tcp_sessions(self):
        server = free_port()
        self.start_nginx(f"127.0.0.1:{server} proxy_protocol", server)
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                self.start_lb(self.server(f"127.0.0.1:{server}", version), mode="tcp")
                with ClientFrom(self.port, "127.0.0.7") as client:
                    said = f"127.0.0.7 {client.port} 127.0.0.1 {self.port}"
                    for _ in range(3):
                        self.assertEqual(client.get().text, said)

    # ---- whose connection it is
    def test_no_header_is_ever_used_for_another_client(self):
        server = HeaderServer(self)
        self.start_lb(
            self.server(server.address, "v1"),
            backend={"http-reuse": "always"},
            **{"global": {"nbthread": 2}},
        )
        failures = []

        def run(source):
            try:
                for _ in range(5):
                    with ClientFrom(self.port, source) as client:
                        own = f"{source}:{client.port}"
                        for _ in range(10):
                            status = client.get("/", {"X-Client": own}).status
                            if status != 200:
                                failures.append((own, status))
            except Exception as error:  # pylint: disable=broad-exception-caught
                failures.append((source, error))

        threads = [threading.Thread(target=run, args=(f"127.0.1.{n}",)) for n in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        requests = 0
        for source, clients in server.connections:
            for _, client in clients:
                self.assertEqual(client, f"{source[0]}:{source[1]}")
                requests += 1
        self.assertEqual(requests, 8 * 5 * 10)
        reuses = self.lb.metrics()['tandem_server_reuses_total{backend="app",server="web1"}']
        self.assertEqual(reuses, 0)

    def test_what_a_balancer_in_front_says_reaches_the_server(self):
        server = HeaderServer(self)
        self.start_lb(self.server(server.address, "v1"), {"accept-proxy": True})
        for number in range(5):
            client = self.connect()
            client.send(v1((f"192.0.2.{number}", 1000 + number), ("198.51.100.1", 443)))
            self.assertEqual(client.get("/").status, 200)
        self.assertEqual(
            sorted(source for source, _ in server.connections),
            [(f"192.0.2.{number}", 1000 + number) for number in range(5)],
        )

    def test_another_attempt_begins_with_the_header_too(self):
        server = HeaderServer(self, refuse_first=1)
        self.start_lb(
            self.server(server.address, "v1"),
            backend={"retries": 3, "retry-on": "all-retryable-errors"},
        )
        with ClientFrom(self.port, "127.0.0.7") as client:
            own = ("127.0.0.7", client.port)
            self.assertEqual(client.get("/").status, 200)
        self.assertEqual([source for source, _ in server.connections], [own] * 2)

    def test_other_servers_of_the_backend_are_told_nothing(self):
        server = HeaderServer(self)
        plain = self.start_origin("plain")
        servers = {**self.server(server.address, "v1"), "web2": plain.address}
        self.start_lb(servers, backend={"balance": "roundrobin"})
        texts = {self.connect().get("/").text for _ in range(8)}
        self.assertEqual(texts, {"ok", "plain\n"})

    # ---- checks
    def status(self):
        return self.lb.control.row("app", "web1")

    def wait_for_status(self, status, check):
        wait_until(
            lambda: (row := self.status())["status"] == status and row["check_status"] == check,
            f"the server is {status} by {check}",
        )

    def start_checked(self, version, server, wait=True, **more):
        check = {"type": "http", "uri": "/"}
        timing = {"inter": "50ms", "fastinter": "50ms", "rise": 1, "fall": 1}
        servers = self.server(f"127.0.0.1:{server}", version, **timing, **more)
        self.start_lb(servers, backend={"check": check}, wait=wait)

    def test_checks_begin_with_a_header_where_requests_do(self):
        server = free_port()
        self.start_nginx(f"127.0.0.1:{server} proxy_protocol", server)
        for version in ("v1", "v2"):
            with self.subTest(version=version):
                self.start_checked(version, server)
                self.wait_for_status("UP", "L7OK")
        self.start_checked("v2", server, wait=False, **{"check-send-proxy": False})
        wait_until(lambda: self.status()["status"] == "DOWN", "a check without a header fails")

    def test_checks_that_go_elsewhere_do_not(self):
        server, plain = free_port(), free_port()
        self.start_nginx(f"127.0.0.1:{server} proxy_protocol", server)
        self.start_nginx(f"127.0.0.1:{plain}", plain)
        self.start_checked("v1", server, **{"check-port": plain})
        self.wait_for_status("UP", "L7OK")
        self.start_checked("none", plain, **{"check-port": server, "check-send-proxy": True})
        self.wait_for_status("UP", "L7OK")

    def test_tcp_checks(self):
        server = free_port()
        self.start_nginx(f"127.0.0.1:{server} proxy_protocol", server)
        self.start_lb(self.server(f"127.0.0.1:{server}", "v2", inter="50ms"), backend={"check": True})
        self.wait_for_status("UP", "L4OK")
        with HttpClient(self.port) as client:
            self.assertEqual(client.get().status, 200)


if __name__ == "__main__":
    tandem_testing.main()
