"""The control socket as shell one-liners and client libraries use it."""

import subprocess

import runtime_setup
import tandem_testing as testing


class ControlSocket(runtime_setup.RuntimeCase):
    def socat(self, address, line):
        return subprocess.run(
            [testing.program("socat"), "-t5", "stdio", address],
            input=line,
            capture_output=True,
            text=True,
            timeout=testing.TIMEOUT,
            check=True,
        ).stdout

    def test_the_one_liners_of_every_tutorial(self):
        tandem = self.start_pair()
        socket = f"unix-connect:{tandem.socket_path}"
        info = self.socat(socket, "show info\n")
        self.assertTrue(info.startswith("Name: HAProxy\nVersion: "))
        self.assertTrue(info.endswith("\n\n"))
        self.assertIn(f"\nPid: {tandem.pid}\n", info)
        stat = self.socat(socket, "show stat\n").splitlines()
        self.assertEqual(
            [",".join(row.split(",")[:2]) for row in stat[1:-1]],
            ["www,FRONTEND", "app,web1", "app,web2", "app,BACKEND"],
        )
        self.assertEqual(self.socat(socket, "set weight app/web1 50%\n"), "\n")
        self.assertEqual(
            self.socat(socket, "get weight app/web1;get weight app/nope\r\n"),
            "0 (initial 1)\n\nNo such server.\n\n",
        )

    def test_a_tcp_socket_has_the_level_it_was_given(self):
        self.start_pair(tcp_socket=True)
        address = f"tcp:127.0.0.1:{self.runtime_port}"
        self.assertEqual(self.socat(address, "show cli level\n"), "operator\n\n")
        self.assertEqual(self.socat(address, "disable server app/web1\n"), "Permission denied\n\n")
        self.assertEqual(self.status("web1"), "UP")

    def test_counters_follow_requests(self):
        tandem = self.start_pair()
        with testing.HttpClient(self.port) as client:
            for _ in range(10):
                self.assertEqual(client.get("/bytes/100").status, 200)
        testing.wait_until(
            lambda: tandem.control.row("www", "FRONTEND")["req_tot"] == "10", "requests are counted"
        )
        servers = [tandem.control.row("app", name) for name in ("web1", "web2")]
        self.assertEqual(sum(int(row["stot"]) for row in servers), 10)
        self.assertEqual(sum(int(row["hrsp_2xx"]) for row in servers), 10)
        self.assertEqual(tandem.control.row("app", "BACKEND")["stot"], "10")
        self.assertGreater(int(tandem.control.row("www", "FRONTEND")["bout"]), 1000)
        tandem.control.command("clear counters all")
        self.assertEqual(tandem.control.row("www", "FRONTEND")["req_tot"], "0")

    def test_a_refused_request_is_kept_for_show_errors(self):
        tandem = self.start_pair()
        with testing.HttpClient(self.port) as client:
            client.send("GET / HTTP/1.1\r\nHost: a\r\nbad header: x\r\n\r\n")
            self.assertEqual(client.read_response().status, 400)
        errors = testing.wait_until(
            lambda: "invalid request" in tandem.control.command("show errors")
            and tandem.control.command("show errors"),
            "the request is kept",
        )
        self.assertIn("frontend www (#", errors)
        self.assertIn("bad header: x\\r\\n", errors)
        self.assertNotIn("\n\n", errors.rstrip("\n"))

    def test_prompt_mode_over_a_long_connection(self):
        tandem = self.start_pair()
        with testing.connect(tandem.socket_path) as connection:
            connection.sendall(b"prompt\n")

            def read_to_prompt():
                received = b""
                while not received.endswith(b"> "):
                    received += connection.recv(65536)
                return received.decode()

            self.assertEqual(read_to_prompt(), "\n> ")
            connection.sendall(b"set timeout cli 60\n")
            self.assertEqual(read_to_prompt(), "\n> ")
            connection.sendall(b"show backend\n")
            self.assertEqual(read_to_prompt(), "# name\napp\n\n> ")
            connection.sendall(b"quit\n")
            self.assertEqual(connection.recv(100), b"")

    def test_an_address_changes_where_requests_go(self):
        tandem = self.start_pair()
        third = self.start_origin("web3")
        answer = tandem.control.command(f"set server app/web1 addr 127.0.0.1 port {third.port}")
        self.assertIn("no need to change the addr, port changed from", answer)

        def reaches_third():
            testing.get(self.port)
            return third.stats()["requests"] > 0

        testing.wait_until(reaches_third, "requests reach the new address")

    def test_sessions_of_a_server_are_ended_by_command(self):
        tandem = self.start_pair()

        def sessions(server):
            return tandem.control.row("app", server)["scur"]

        def busy():
            return next((name for name in ("web1", "web2") if sessions(name) == "1"), None)

        with testing.HttpClient(self.port) as client:
            client.send_request("GET", "/bytes/10?delay=30000")
            server = testing.wait_until(busy, "the request is running")
            self.assertEqual(tandem.control.command(f"shutdown sessions server app/{server}"), "")
            try:
                self.assertGreaterEqual(client.read_response().status, 500)
            except (testing.Truncated, ConnectionResetError):
                pass  # visibly broken off is as good
        testing.wait_until(lambda: sessions(server) == "0", "nothing runs any more")

    def test_the_socket_file_is_gone_after_the_end(self):
        tandem = self.start_pair()
        self.assertTrue(tandem.socket_path.exists())
        tandem.stop()
        self.assertFalse(tandem.socket_path.exists())


if __name__ == "__main__":
    testing.main()
