"""Checks of the TLS handshake alone, against nginx, and servers that get it wrong."""

import pathlib
import socket
import sys
import threading

import check_stage
import tandem_testing
from check_stage import backend
from tandem_testing import free_port, program, wait_until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tls"))
import tls_stage  # noqa: E402

NGINX = """daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2;
  fastcgi_temp_path {folder}/3; uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{
    listen 127.0.0.1:{port} ssl; ssl_certificate {crt}; ssl_certificate_key {crt};
    ssl_protocols {protocols}; return 204;
  }}
}}
"""


class TlsCheckTest(check_stage.CheckTestCase):
    def setUp(self):
        super().setUp()
        self.authority = tls_stage.Authority(self.folder)

    def start_nginx(self, name="web1", protocols="TLSv1.2 TLSv1.3"):
        crt = self.authority.issue(f"{name}-server.pem", "app.internal")
        port = free_port()
        config = self.folder / f"{name}.conf"
        config.write_text(NGINX.format(folder=self.folder, port=port, crt=crt, protocols=protocols))
        process = self.start([program("nginx"), "-c", str(config), "-e", "stderr"], name=name)
        wait_until(lambda: tandem_testing.accepts(port), f"{name} listens")
        return port, process

    def silent(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener.getsockname()[1]

    def plain(self):
        """Answers every hello in plain text."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(4096)
                    peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    def test_whoever_shakes_hands_is_up_and_nobody_else(self):
        port, process = self.start_nginx()
        old, _ = self.start_nginx("web2", "TLSv1.2")
        servers = {"good": port, "old": old, "silent": self.silent(), "plain": self.plain(),
                   "dead": free_port()}  # fmt: skip
        self.start_checker(app=backend({"type": "tls"}, servers, timeout={"check": "500ms"}))
        self.wait_for("app", "good", "UP", "L6OK")
        self.wait_for("app", "old", "UP", "L6OK")
        self.wait_for("app", "silent", "DOWN", "L6TOUT", "TLS handshake")
        self.wait_for("app", "plain", "DOWN", "L6RSP", "wrong version number")
        self.wait_for("app", "dead", "DOWN", "L4CON", "Connection refused")
        self.assertEqual(self.lb.control.row("app", "good")["check_desc"], "Layer6 check passed")
        process.stop()
        self.wait_for("app", "good", "DOWN", "L4CON")

    def test_a_server_with_tls_of_its_own_is_checked_as_requests_meet_it(self):
        port, _ = self.start_nginx()
        stranger = tls_stage.Authority(self.folder, "a stranger")
        own = {"ca-file": str(self.authority.pem), "sni": "app.internal"}
        other = {"ca-file": str(stranger.pem), "sni": "app.internal"}
        servers = {
            "good": {"address": f"127.0.0.1:{port}", "ssl": own},
            "moved": {"address": f"127.0.0.1:{free_port()}", "ssl": own, "check-port": port},
            "stranger": {"address": f"127.0.0.1:{port}", "ssl": other},
        }
        self.start_checker(app=backend({"type": "tls"}, {}) | {"servers": servers})
        self.wait_for("app", "good", "UP", "L6OK")
        self.wait_for("app", "moved", "UP", "L6OK")
        self.wait_for("app", "stranger", "DOWN", "L6RSP", "certificate verify failed")


if __name__ == "__main__":
    tandem_testing.main()
