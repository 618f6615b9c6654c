"""The smtp check against aiosmtpd."""

import sys

import check_stage
import tandem_testing
from check_stage import backend
from tandem_testing import accepts, free_port, wait_until


class SmtpTest(check_stage.CheckTestCase):
    def test_a_mail_server_is_greeted(self):
        port = free_port()
        server = self.start([sys.executable, "-m", "aiosmtpd", "-n", "-d", "-d", "-l",
                             f"127.0.0.1:{port}"], name="aiosmtpd")  # fmt: skip
        wait_until(lambda: accepts(port), "aiosmtpd listens")
        servers = {"mx1": port}
        greeting = {"type": "smtp", "hello": "EHLO", "domain": "lb.example.org"}
        steps = [{"expect": "220 "}, {"send": "QUIT\r\n"}, {"expect": "221 "}]
        self.start_checker(
            plain=backend({"type": "smtp"}, servers),
            extended=backend(greeting, servers),
            steps=backend({"steps": steps}, servers),
        )
        for name in ("plain", "extended"):
            self.wait_for(name, "mx1", "UP", "L7OK")
            self.assertEqual(self.lb.control.row(name, "mx1")["check_code"], "250")
        self.wait_for("steps", "mx1", "UP", "L7OK")
        for line in ("HELO localhost", "EHLO lb.example.org", "QUIT"):
            server.wait_for_output(line)
        server.kill()
        self.wait_for("plain", "mx1", "DOWN", "L4CON", "Connection refused")


if __name__ == "__main__":
    tandem_testing.main()
