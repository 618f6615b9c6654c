"""The tandem-failover that the tests of the pulse play (common/pulse.h), and what it watches."""

import dataclasses
import ipaddress
import socket
import struct
import time

import tandem_testing as testing

VERSION = 2
HELLO, BEAT, CONDITION, SETTING, LEAVING, PICTURE = range(1, 7)
ADMIN, WEIGHT, HEALTH = range(1, 4)
READY, DRAIN, MAINT = range(3)


def now():
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclasses.dataclass(frozen=True)
class Setting:
    what: int
    value: int
    stamp: int
    server: str

    def encode(self):
        head = struct.pack("=BBBHQ", VERSION, SETTING, self.what, self.value, self.stamp)
        return head + self.server.encode()

    @classmethod
    def decode(cls, packet):
        what, value, stamp = struct.unpack_from("=BHQ", packet, 2)
        return cls(what, value, stamp, packet[13:].decode())


def leaving(*addresses):
    packed = [ipaddress.ip_address(address).packed for address in addresses]
    return bytes([VERSION, LEAVING]) + b"".join(bytes([len(one)]) + one for one in packed)


class Watcher:
    """Says hello at once."""

    def __init__(self, path, period=1000):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(testing.TIMEOUT)
        self.socket.connect(str(path))
        self.send(struct.pack("=BBI", VERSION, HELLO, period))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, packet):
        self.socket.send(packet)

    def say(self, what, value, stamp, server):
        self.send(Setting(what, value, stamp, server).encode())

    def receive(self, kind):
        """The next packet of that kind; others are passed over."""
        while packet := self.socket.recv(16384):
            if packet[1] == kind:
                return packet
        raise AssertionError("tandem-lb has closed the pulse")

    def setting(self, *whats):
        """The next setting, of these kinds if any are given."""
        while True:
            setting = Setting.decode(self.receive(SETTING))
            if not whats or setting.what in whats:
                return setting

    def is_closed(self):
        """Waits until tandem-lb has closed it, whatever it says before."""
        try:
            while self.socket.recv(16384):
                pass
        except ConnectionResetError:
            pass
        return True


class PulseCase(testing.TestCase):
    def start_watched(self, servers, bind="127.0.0.1:", backend=None, **options):
        """tandem-lb with a pulse in front of `servers` (name to address) of backend "app"."""
        self.port = testing.free_port()
        self.pulse = self.folder / "pulse.sock"
        self.config = {
            "frontends": {"www": {"bind": f"{bind}{self.port}", "default_backend": "app"}},
            "backends": {"app": {"servers": servers, **(backend or {})}},
            "failover": {
                "vrid": 51,
                "interface": "lo",
                "vips": ["192.0.2.10/32"],
                "nodes": {
                    "one": {"address": "192.0.2.11", "priority": 150},
                    "two": {"address": "192.0.2.12", "priority": 100},
                },
                "track": {"lb": {"bind": f"unix:{self.pulse}"}},
            },
        }
        self.tandem = self.start_tandem(self.config, **options)
        return self.tandem

    def watch(self, **options):
        watcher = Watcher(self.pulse, **options)
        self.addCleanup(watcher.close)
        return watcher

    def status(self, server):
        return self.tandem.control.row("app", server)["status"]

    def wait_for_status(self, server, status):
        testing.wait_until(lambda: self.status(server) == status, f"{server} is {status}")

    def weight(self, server):
        return self.tandem.control.command(f"get weight app/{server}").strip()
