"""What the documents say can be done is done here: commands, samples, exit statuses, signals; and
every link, script, constant and code in them exists."""

import os
import pathlib
import re
import signal
import socket
import subprocess

import tandem_testing
from tandem_testing import HttpClient, free_port, free_ports, get, program, wait_until

TOP = pathlib.Path(__file__).resolve().parents[3]
DOCUMENTS = [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(path):
    return path.read_text(encoding="utf-8")


def blocks(name, language):
    return [body for kind, body in FENCE.findall(text_of(TOP / name)) if kind == language]


def anchors(path):
    """What GitHub makes of the headings of a document."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text_of(path)), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(plain.replace(" ", "-"))
    return found


def origin_config(port, server_port, **more):
    return {
        "frontends": {"www": {"bind": f"127.0.0.1:{port}", "default_backend": "app"}},
        "backends": {"app": {"servers": {"web1": f"127.0.0.1:{server_port}"}}},
        **more,
    }


class DocumentsTest(tandem_testing.TestCase):
    def run_lb(self, *arguments):
        return subprocess.run(
            [program("tandem-lb"), *map(str, arguments)],
            capture_output=True, text=True, timeout=tandem_testing.TIMEOUT, check=False)  # fmt: skip

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    # ---- what is referred to exists
    def test_every_link_leads_somewhere(self):
        for document in DOCUMENTS:
            for link in LINK.findall(FENCE.sub("", text_of(document))):
                if "://" in link:
                    continue
                name, _, anchor = link.partition("#")
                target = document.parent / name if name else document
                with self.subTest(document=document.name, link=link):
                    self.assertTrue(target.exists())
                    if anchor:
                        self.assertIn(anchor, anchors(target))

    def test_every_script_that_is_named_can_be_run(self):
        for document in DOCUMENTS:
            for script in set(re.findall(r"\bscripts/[a-z]\w*", text_of(document))):
                with self.subTest(document=document.name, script=script):
                    path = TOP / script
                    self.assertTrue(path.is_file() and os.access(path, os.X_OK))

    def test_every_constant_in_the_table_of_limits_is_in_the_source(self):
        sources = [path for room in ("common", "config", "http", "admin", "lb") for path in (TOP / room).rglob("*.[hc]*")]
        source = "\n".join(text_of(path) for path in sources)
        name = r"(?:k[A-Z]\w+|\w+_max)"
        names = re.findall(rf"\(`({name}(?:`, `{name})*)`\)", text_of(TOP / "docs/SECURITY.md"))
        self.assertGreater(len(names), 10)
        for name in "`, `".join(names).split("`, `"):
            with self.subTest(name=name):
                self.assertTrue(re.search(rf"\b{name}\b *(=|\{{)", source), "not in the source")

    def test_every_letter_of_a_termination_code_is_explained(self):
        codes = text_of(TOP / "docs/OPERATIONS.md").partition("### Termination codes")[2]
        codes = codes.partition("\n## ")[0]
        explained = set(re.findall(r"^\| `(\w)` \|", codes, re.MULTILINE))
        outcome = text_of(TOP / "lb/proxy/outcome.h")
        letters = set(re.findall(r"^  k\w+ = '(\w)'", outcome, re.MULTILINE))
        self.assertEqual(explained, letters)

    # ---- README
    def test_the_five_commands_give_a_working_proxy(self):
        (commands,) = [block for block in blocks("README.md", "sh") if "--from" in block]
        lines = commands.strip().splitlines()
        self.assertEqual(len(lines), 5)
        self.assertEqual(lines[0], "scripts/run -- --version")  # builds; the rest is run here
        script = "\n".join(lines[1:]).replace("build/release/lb/tandem-lb", program("tandem-lb"))
        ports = dict(zip(("8001", "8002", "8080"), map(str, free_ports(3))))
        script = re.sub("|".join(ports), lambda found: ports[found[0]], script)
        # What runs in the background ends with the shell's group.
        shell = self.start(["bash", "-c", script + "\necho ended with $?"], cwd=self.folder,
                           start_new_session=True)  # fmt: skip
        self.addCleanup(os.killpg, shell.pid, signal.SIGTERM)
        shell.wait_for_output("ended with")
        self.assertIn("Directory listing", shell.output())
        self.assertIn("ended with 0", shell.output())

    def test_samples_are_valid(self):
        for document in ("README.md", "docs/OPERATIONS.md"):
            for sample in blocks(document, "jsonc"):
                with self.subTest(document=document, sample=sample):
                    if not sample.startswith("{"):
                        sample = '{ "frontends": { "www": { "bind": ":80" } },\n' + sample + "}"
                    done = self.run_lb("-t", "-f", self.write("sample.jsonc", sample))
                    self.assertEqual((done.returncode, done.stdout), (0, "configuration is valid\n"),
                                     done.stderr)  # fmt: skip

    def test_the_sample_of_a_pair_is_valid_for_both_daemons(self):
        path = self.write("pair.jsonc", blocks("docs/FAILOVER.md", "jsonc")[0])
        self.write("peer.key", "ab" * 32)
        lb = self.run_lb("-t", "-f", path)
        self.assertEqual((lb.returncode, lb.stdout), (0, "configuration is valid\n"), lb.stderr)

    def test_samples_of_pairs_are_valid(self):
        first, *others = blocks("docs/FAILOVER.md", "jsonc")
        self.write("peer.key", "ab" * 32)
        self.write("advert-1.key", "cd" * 32)
        for sample in (first, *others):
            if not sample.startswith("{"):  # a part: it goes behind the link
                link = '"peer": { "secret": "${file:peer.key}" }'
                self.assertIn(link, first)
                sample = first.replace(link, f"{link},\n{sample}")
            path = self.write("pair.jsonc", sample)
            for node in ("lb1", "lb2"):
                with self.subTest(sample=sample, node=node):
                    done = subprocess.run(
                        [program("tandem-failover"), "-t", "-f", path, "--node", node],
                        capture_output=True, text=True, timeout=tandem_testing.TIMEOUT, check=False,
                    )  # fmt: skip
                    self.assertEqual((done.returncode, done.stdout),
                                     (0, "configuration is valid\n"), done.stderr)  # fmt: skip

    # ---- OPERATIONS
    def test_exit_statuses(self):
        good = self.write("good.jsonc", '{ "frontends": { "www": { "bind": "127.0.0.1:0" } } }')
        bad = self.write("bad.jsonc", '{ "frontend": {} }')
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            for arguments, status in [
                (["-t", "-f", good], 0),
                (["--version"], 0),
                (["--from", f"127.0.0.1:{port}", "--to", "127.0.0.1:1"], 1),
                (["-t", "-f", bad], 2),
                (["--nonsense"], 2),
                ([], 2),
                (["-t", "-f", self.folder / "missing.jsonc"], 6),
            ]:
                with self.subTest(arguments=arguments):
                    done = self.run_lb(*arguments)
                    self.assertEqual(done.returncode, status, done.stderr)

    def test_a_stop_lets_a_request_end_and_is_announced_to_the_service_manager(self):
        origin = self.start_origin()
        for number in (signal.SIGTERM, signal.SIGUSR1):
            with self.subTest(signal=number.name):
                self.stop_during_a_request(origin, number)

    def stop_during_a_request(self, origin, number):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.settimeout(tandem_testing.TIMEOUT)
        manager.bind(str(self.folder / f"notify-{number.name}"))
        port = free_port()
        config = origin_config(port, origin.port, **{"global": {"grace": "20s"}})
        lb = self.start_tandem(config, env={"NOTIFY_SOCKET": manager.getsockname()})
        self.assertEqual(manager.recv(100), b"READY=1")
        with HttpClient(port) as client:
            client.send_request("GET", "/bytes/10?delay=1000")
            wait_until(lambda: origin.stats()["in_flight"] >= 1, "the request has arrived")
            lb.signal(number)
            self.assertEqual(manager.recv(100), b"STOPPING=1")
            answer = client.read_response()
        self.assertEqual((answer.status, answer.header("Connection")), (200, "close"))
        self.assertEqual(lb.wait(), 0)
        lb.wait_for_output("stopped")

    def test_a_reload_is_refused_and_changes_nothing(self):
        origin = self.start_origin("web1")
        port = free_port()
        lb = self.start_tandem(origin_config(port, origin.port))
        lb.signal(signal.SIGHUP)
        lb.wait_for_output("reload is not supported yet")
        self.assertEqual(get(port).text, "web1\n")

    def test_a_rotated_access_log_is_opened_anew(self):
        origin = self.start_origin()
        port = free_port()
        path = self.folder / "access.log"
        log = {"access": {"format": "httplog", "target": f"file:{path}"}}
        self.start_tandem(origin_config(port, origin.port, log=log))
        get(port, "/first")
        wait_until(lambda: "/first" in text_of(path), "the first line is written")
        path.rename(self.folder / "access.log.1")
        wait_until(lambda: get(port, "/second") and path.exists(), "the file is opened anew")
        wait_until(lambda: "/second" in text_of(path), "the second line is written")


if __name__ == "__main__":
    tandem_testing.main()
