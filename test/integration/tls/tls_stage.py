"""A CA and certificates of a test's own, made by openssl, and a tandem-lb that serves them."""

import pathlib
import socket
import ssl
import subprocess
import threading

import tandem_testing as testing
from tandem_testing import HttpClient


class Authority:
    def __init__(self, folder, name="the CA"):
        self.folder = pathlib.Path(folder)
        self.name = name
        self.pem = self.folder / f"{name.replace(' ', '-')}.pem"
        self.key = self.folder / f"{name.replace(' ', '-')}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.key, "-out", self.pem, "-days", "30", "-subj",
                f"/CN={name}")  # fmt: skip
        self.key.chmod(0o600)

    def issue(self, file, *names, kind="ec", days=30, usage="serverAuth",
              alternative=None):  # fmt: skip
        """Certificate and key in one PEM file of the folder, mode 600. @return its path."""
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        key, request, extensions = (path.with_suffix(f".{end}") for end in ("tmpkey", "csr", "ext"))
        algorithm = {"ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256"), "rsa": ("rsa:2048",)}
        openssl("req", "-newkey", *algorithm[kind], "-nodes", "-keyout", key, "-out", request,
                "-subj", f"/CN={names[0]}")  # fmt: skip
        extensions.write_text(
            "subjectAltName=" + ",".join(f"DNS:{name}" for name in ((alternative,) if alternative else names))
            + f"\nextendedKeyUsage={usage}\n"
        )  # fmt: skip
        leaf = openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self.key,
                       "-CAcreateserial", "-days", str(days), "-extfile", extensions)  # fmt: skip
        path.touch(0o600)
        path.write_text(leaf + self.pem.read_text() + key.read_text())
        for file in (key, request, extensions):
            file.unlink()
        return path


def openssl(*arguments):
    done = subprocess.run(
        ["openssl", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments}: {done.stderr}")
    return done.stdout


class TlsTestCase(testing.TestCase):
    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.port, self.plain_port = testing.free_ports(2)

    def start_lb(self, origin, frontend=None, **ssl_options):
        """`ssl_options`: keys of the bind, with "_" for "-"."""
        options = {key.replace("_", "-"): value for key, value in ssl_options.items()}
        if "crt" not in options and "certificates" not in options:
            crt = self.authority.issue("www.pem", "www.example.org", "*.apps.example.org")
            options["crt"] = str(crt)
        config = {
            "log": {"access": {"format": "json", "target": f"file:{self.folder}/access.log"}},
            "frontends": {
                "www": {
                    "bind": [
                        {"address": f"127.0.0.1:{self.port}", "ssl": options},
                        f"127.0.0.1:{self.plain_port}",
                    ],
                    "default_backend": "app",
                }
                | (frontend or {})
            },
            "backends": {"app": {"servers": {"web1": origin.address}}},
        }
        self.tandem = self.start_tandem(config)
        return self.tandem

    def serve(self, talk, context=None):
        """A server that calls `talk` for each connection. @return its address."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def run():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection):
            try:
                with context.wrap_socket(connection, server_side=True) if context else connection as c:
                    talk(c)
            except OSError:
                pass

        threading.Thread(target=run, daemon=True).start()
        return "127.0.0.1:%d" % listener.getsockname()[1]

    def context(self, *, version=None, trusted=True):
        """A client that believes the test's CA, and speaks `version` alone where that is said."""
        context = ssl.create_default_context(cafile=str(self.authority.pem))
        if not trusted:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    def client(self, name="www.example.org", context=None, timeout=None):
        client = HttpClient(self.port, timeout, tls=context or self.context(), server_name=name)
        self.addCleanup(client.close)
        return client
