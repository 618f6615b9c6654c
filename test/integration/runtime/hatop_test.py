"""hatop, driven through a terminal as a person would: it lists servers and switches them."""

import fcntl
import os
import pty
import re
import select
import struct
import termios

import runtime_setup
import tandem_testing as testing

F9 = b"\x1b[20~"
F10 = b"\x1b[21~"
DOWN = b"\x1bOB"


class Terminal:
    """A child on a terminal of 40 lines; keeps what it drew as text."""

    def __init__(self, arguments):
        self.drawn = b""
        self.status = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(arguments[0], arguments)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))

    def read(self):
        """Takes what has been drawn; ends quietly with the child."""
        while select.select([self.fd], [], [], 0.05)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:  # the child closed its side
                return
            if not piece:
                return
            self.drawn += piece

    def shows(self, text):
        self.read()
        plain = re.sub(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>])", b"", self.drawn)
        return text.encode() in plain

    def press(self, keys):
        os.write(self.fd, keys)

    def has_ended(self):
        self.read()
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def close(self):
        if not self.has_ended():
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


class Hatop(runtime_setup.RuntimeCase):
    def start_hatop(self):
        terminal = Terminal(
            [testing.program("hatop"), "-s", str(self.tandem.socket_path), "-i", "1"]
        )
        self.addCleanup(terminal.close)
        return terminal

    def test_hatop_shows_the_servers_and_quits(self):
        self.start_pair()
        hatop = self.start_hatop()
        for text in ("HAProxy", "web1", "web2", "BACKEND", "UP"):
            testing.wait_until(lambda: hatop.shows(text), f"hatop shows {text}")
        hatop.press(b"Q")
        testing.wait_until(hatop.has_ended, "hatop ends")
        self.assertEqual(hatop.status, 0)

    def test_hatop_switches_a_server_off_and_on(self):
        self.start_pair()
        hatop = self.start_hatop()
        testing.wait_until(lambda: hatop.shows("web1"), "hatop shows web1")

        def press_until(key, condition):
            """Looks for the line of web1 with the cursor; keys on other lines do nothing to it."""

            def try_once():
                hatop.press(key)
                hatop.read()
                if condition():
                    return True
                hatop.press(DOWN)
                hatop.read()
                return False

            return try_once

        testing.wait_until(
            press_until(F10, lambda: self.status("web1") == "MAINT"), "hatop disables web1"
        )
        testing.wait_until(
            press_until(F9, lambda: self.status("web1") == "UP"), "hatop enables web1"
        )


if __name__ == "__main__":
    testing.main()
