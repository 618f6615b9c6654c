"""What tandem does by itself: rules, answers of its own, starting, stopping, running short."""

import re
import signal
import subprocess

import http_stage
import tandem_testing
from tandem_testing import free_port, origin_body, program, wait_until


class OwnAnswersTest(http_stage.HttpTestCase):
    RULES = [
        {"if": {"path_beg": "/old"}, "redirect": {"prefix": "https://new.example", "code": 301}},
        {"if": {"host": "plain.example"}, "redirect": {"scheme": "https"}},
        {"if": {"path": "/here"}, "redirect": {"location": "/there", "code": 307}},
        {
            "if": {"path": "/hello"},
            "return": {
                "status": 203,
                "content-type": "text/x",
                "string": "hi",
                "hdr": {"X-R": "1"},
            },
        },
        {"if": {"method": ["DELETE", "PUT"]}, "return": {"status": 403}},
        {"if": {"host": ["api.example", "*.api.example"]}, "use_backend": "api"},
        {"if": {"path_end": ".png", "not": {"path_beg": "/dynamic"}}, "use_backend": "api"},
    ]

    def start_with_rules(self):
        self.api = self.start_origin("api")
        self.web = self.start_origin("web1")
        self.start_lb(
            self.web,
            frontend={"rules": self.RULES, "monitor-uri": "/lb-health", "maxconn": 100},
            settings={
                "backends": {
                    "app": {"servers": {"web1": self.web.address}},
                    "api": {"servers": {"api": self.api.address}},
                }
            },
        )

    def test_rules_decide(self):
        self.start_with_rules()
        for target, host, status, field in (
            ("/old/x?y=1", "a", 301, ("Location", "https://new.example/old/x?y=1")),
            ("/x?y", "plain.example", 302, ("Location", "https://plain.example/x?y")),
            ("/here", "a", 307, ("Location", "/there")),
            ("/hello", "a", 203, ("X-R", "1")),
            ("/", "api.example:80", 200, ("X-Origin", "api")),
            ("/", "v2.API.example", 200, ("X-Origin", "api")),
            ("/a.png", "a", 200, ("X-Origin", "api")),
            ("/dynamic/a.png", "a", 200, ("X-Origin", "web1")),
            ("/", "a", 200, ("X-Origin", "web1")),
        ):
            with self.subTest(target=target, host=host):
                response = self.client().get(target, {"Host": host})
                self.assertEqual(response.status, status)
                self.assertEqual(response.header(field[0]), field[1])
        self.assertEqual(self.client().request("DELETE", "/x").status, 403)

    def test_own_answers_are_logged_as_such(self):
        self.start_with_rules()
        for target in ("/hello", "/here", "/lb-health"):
            self.get(target)
            self.assertEqual(self.logged(target).termination, "LR")

    def test_own_answers_keep_their_place_in_a_pipeline(self):
        self.start_with_rules()
        targets = ["/bytes/50000", "/hello", "/lb-health", "/bytes/3?delay=50", "/here", "/hello"]
        client = self.client()
        client.send("".join(f"GET {t} HTTP/1.1\r\nHost: a\r\n\r\n" for t in targets * 10))
        for target in targets * 10:
            response = client.read_response()
            if target.startswith("/bytes/"):
                size = int(re.findall(r"\d+", target)[0])
                self.assertEqual(response.body, origin_body(size))
            else:
                wanted = {"/hello": 203, "/lb-health": 200, "/here": 307}[target]
                self.assertEqual(response.status, wanted)

    def test_own_answers_wait_for_a_client_that_does_not_read(self):
        page = "0123456789abcdef" * 4096
        rules = [{"if": {"path": "/page"}, "return": {"string": page}}]
        self.start_lb(self.start_origin(), frontend={"rules": rules})
        client = self.client()
        before = self.lb.resident_bytes()
        count = 600  # of 64 KiB: more than sockets take
        client.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n" * count)
        self.assertEqual(self.get("/page").text, page)
        for _ in range(count):
            self.assertEqual(client.read_response().text, page)
            self.assert_memory(self.lb.resident_bytes() - before, 8 << 20)
        self.assertEqual(client.get("/page").text, page)

    def test_a_body_that_no_server_reads_ends_the_connection(self):
        self.start_with_rules()
        client = self.client()
        body = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        self.assertEqual(client.request("POST", "/hello", body=body).status, 203)
        self.assertTrue(client.is_closed_by_peer())

    def test_own_answers_to_head_have_no_body(self):
        self.start_with_rules()
        client = self.client()
        self.assertEqual(client.request("HEAD", "/hello").header("Content-Length"), "2")
        self.assertEqual(client.get("/hello").text, "hi")

    def test_monitor_uri_answers_without_servers(self):
        self.start_lb({"dead": f"127.0.0.1:{free_port()}"}, frontend={"monitor-uri": "/alive"})
        self.assertEqual(self.get("/alive").status, 200)
        self.assertEqual(self.get("/alive?x").status, 200)

    def test_errorfiles(self):
        page = self.folder / "503.http"
        answer = b"HTTP/1.1 503 Sorry\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsorry\n"
        page.write_bytes(answer)
        self.start_lb(
            {"dead": f"127.0.0.1:{free_port()}"},
            defaults={"errorfiles": {"503": str(page)}, "retries": 0},
        )
        client = self.client()
        client.send_request("GET", "/")
        self.assertEqual(client.read_to_end(), answer)

    def test_forwardfor_and_unique_id(self):
        self.start_lb(
            self.start_origin(), frontend={"forwardfor": True, "unique-id-header": "X-Request-Id"}
        )
        seen = set()
        for claimed in ((), (("X-Forwarded-For", "10.9.8.7"),)):
            headers = self.client().get("/echo", claimed).json()["headers"]
            addresses = [value for name, value in headers if name.lower() == "x-forwarded-for"]
            self.assertEqual(addresses[-1].split(",")[-1].strip(), "127.0.0.1")
            self.assertEqual(len(addresses), len(claimed) + 1)
            seen.update(value for name, value in headers if name == "X-Request-Id")
        self.assertEqual(len(seen), 2)
        self.assertTrue(all(len(value) >= 16 for value in seen))


class StoppingTest(http_stage.HttpTestCase):
    def test_a_soft_stop_finishes_what_runs(self):
        self.start_lb(self.start_origin(), grace="20s")
        busy, idle = self.client(), self.client()
        self.assertEqual(idle.get("/").status, 200)
        busy.send_request("GET", "/bytes/9?delay=600")
        wait_until(lambda: self.stat("web1", "scur") == "1", "a request runs")
        self.lb.signal(signal.SIGTERM)
        wait_until(lambda: not tandem_testing.accepts(self.port), "no connection is taken")
        response = busy.read_response()
        self.assertEqual(response.body, origin_body(9))
        self.assertEqual(response.header("Connection"), "close")
        self.assertTrue(busy.is_closed_by_peer())
        self.assertTrue(idle.is_closed_by_peer())
        self.assertEqual(self.lb.wait(), 0)

    def test_a_stop_ends_with_the_grace(self):
        self.start_lb(self.start_origin(), grace="300ms")
        client = self.client()
        client.send_request("GET", "/freeze")
        wait_until(lambda: self.stat("web1", "scur") == "1", "a request runs")
        self.lb.signal(signal.SIGTERM)
        self.assertEqual(self.lb.wait(), 0)
        self.assertTrue(client.is_closed_by_peer())

    def test_usr1_waits_for_the_last_request(self):
        self.start_lb(self.start_origin(), grace="100ms", **{"hard-stop-after": "30s"})
        client = self.client()
        client.send_request("GET", "/bytes/9?delay=700")
        wait_until(lambda: self.stat("web1", "scur") == "1", "a request runs")
        self.lb.signal(signal.SIGUSR1)
        self.assertEqual(client.read_response().body, origin_body(9))
        self.assertEqual(self.lb.wait(), 0)


class StartingTest(tandem_testing.TestCase):
    def run_lb(self, config, *arguments):
        """(exit status, what it said) of a tandem-lb that is expected to end at once."""
        path = self.folder / "tandem.jsonc"
        path.write_text(config, encoding="utf-8")
        result = subprocess.run(
            [program("tandem-lb"), "-f", str(path), *arguments],
            capture_output=True,
            text=True,
            timeout=tandem_testing.TIMEOUT,
            check=False,
        )
        lines = [line for line in result.stderr.splitlines() if "[warning]" not in line]
        return result.returncode, lines

    @staticmethod
    def config(bind, extra=""):
        return (
            f'{{ "frontends": {{ "www": {{ "bind": "{bind}", "default_backend": "app" }} }},'
            f' "backends": {{ "app": {{ "servers": {{ "s": "127.0.0.1:1" }} }} }} {extra} }}'
        )

    def check(self, config, statuses, key):
        status, lines = self.run_lb(config)
        self.assertIn(status, statuses, lines)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn(key, lines[0])

    def test_what_cannot_be_had_is_said_in_one_line(self):
        taken = self.start_origin().port
        free = f"127.0.0.1:{free_port()}"
        nowhere = self.folder / "no" / "such" / "lb.sock"
        for name, config, statuses, key in (
            ("port", self.config(f"127.0.0.1:{taken}"), (1,), "/frontends/www/bind"),
            ("path", self.config(f"unix:{nowhere}"), (1,), "/frontends/www/bind"),
            ("control", self.config(free, f', "runtime": [{{ "bind": "unix:{nowhere}" }}]'), (1,),
             "/runtime/0/bind"),
            ("admin", self.config(free, f', "admin": {{ "bind": "127.0.0.1:{taken}" }}'), (1,),
             "/admin/bind"),
            ("user", self.config(free, ', "global": { "user": "nobody-of-this-name" }'), (1, 4),
             "/global/user"),
            ("group", self.config(free, ', "global": { "group": "no-such-group" }'), (1, 4),
             "/global/group"),
            ("log", self.config(free, f', "log": {{ "access": {{ "target": "file:{nowhere}" }} }}'),
             (1,), "/log/access/target"),
        ):  # fmt: skip
            with self.subTest(name):
                self.check(config, statuses, key)

    def test_bad_configuration(self):
        status, lines = self.run_lb('{ "frontends": { "www": { "bindd": ":1" } }, "x": 1 }')
        self.assertEqual(status, 2)
        self.assertTrue(any('did you mean "bind"' in line for line in lines), lines)
        self.assertTrue(any("/x" in line for line in lines), lines)
        self.assertEqual(self.run_lb("{", "-t")[0], 2)

    def test_missing_file_and_bad_usage(self):
        for arguments, status in ((["-f", "/no/such/file"], 6), (["--nonsense"], 2), ([], 2)):
            result = subprocess.run([program("tandem-lb"), *arguments], capture_output=True)
            self.assertEqual(result.returncode, status, result.stderr)

    def test_check_only(self):
        path = self.folder / "tandem.jsonc"
        path.write_text(self.config("127.0.0.1:1"), encoding="utf-8")
        arguments = [program("tandem-lb"), "-t", "-f", str(path)]
        result = subprocess.run(arguments, capture_output=True, text=True, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, "configuration is valid\n"))

    def test_a_stale_socket_is_replaced_and_a_file_is_not(self):
        origin = self.start_origin()
        path = self.folder / "www.sock"
        config = {
            "frontends": {"www": {"bind": f"unix:{path}", "default_backend": "app"}},
            "backends": {"app": {"servers": {"web1": origin.address}}},
        }
        for _ in range(2):
            tandem = self.start_tandem(config)
            self.assertEqual(tandem_testing.get(path).text, "origin\n")
            tandem.kill()
            self.assertTrue(path.exists())
        path.unlink()
        path.write_text("precious", encoding="utf-8")
        self.check(self.config(f"unix:{path}"), (1,), "/frontends/www/bind")
        self.assertEqual(path.read_text(encoding="utf-8"), "precious")


class FromToTest(tandem_testing.TestCase):
    def test_without_a_file(self):
        origin = self.start_origin()
        port = free_port()
        arguments = ["--from", f"127.0.0.1:{port}", "--to", origin.address]
        self.start([program("tandem-lb"), *arguments])
        wait_until(lambda: tandem_testing.get(port).text == "origin\n", "it answers")


if __name__ == "__main__":
    tandem_testing.main()
