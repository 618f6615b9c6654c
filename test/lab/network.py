"""The network of the lab: a switch, clients, an observer, two application servers, two nodes."""

import contextlib
import pathlib
import socket

import tandem_lab
from tandem_testing import Process, program

VIP = "10.77.0.100"
SERVER_PORT = 8000
DOOR = pathlib.Path(__file__).with_name("door.py")


class Network(contextlib.ExitStack):
    """Entered, it stands; left, nothing is left of it, nor of the processes given to keep()."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def __enter__(self):
        super().__enter__()
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def _build(self):
        self.lab = self.enter_context(tandem_lab.Lab())
        self.client = self.lab.host("client", 2)
        self.watcher = self.lab.host("watcher", 3)
        self.one, self.two = self.lab.host("one", 11), self.lab.host("two", 12)
        # Five hundred connections a second leave as many closed ones behind, for a minute.
        self.client.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=1024 65535")
        self.servers = {}
        for name, number in (("web1", 21), ("web2", 22)):
            host = self.lab.host(name, number)
            self.servers[name] = f"{host.address}:{SERVER_PORT}"
            command = host.command("tandem-origin", "--name", name, "--listen", self.servers[name])
            self.keep(Process(command, self.folder, name=name)).wait_for_output("listening on ")

    def keep(self, process):
        """It is killed: an orderly end would wait for clients that are no more."""
        self.callback(process.kill)
        return process

    def start_observer(self):
        nodes = [f"{host.name}=/run/netns/{host.namespace}" for host in (self.one, self.two)]
        command = self.watcher.command(
            program("tandem-observer"), VIP, "eth0", self.watcher.address, *nodes
        )
        process = self.keep(Process(command, self.folder, name="observer"))
        process.wait_for_output("ready")
        return process

    def start_prober(self, *options):
        command = self.client.command(program("tandem-prober"), VIP, *options)
        return self.keep(Process(command, self.folder, name="prober"))

    def open_door(self, host, address, port):
        """A port of this machine's loopback; who connects to it comes out at `host`, and reaches
        what is at that address there."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.set_inheritable(True)
            command = host.command("python3", DOOR, listener.fileno(), address, port)
            number = listener.getsockname()[1]
            door = Process(command, self.folder, name=f"door-{number}",
                           pass_fds=[listener.fileno()])  # fmt: skip
        self.keep(door).wait_for_output("open")
        return number

    def cut_heartbeat(self):
        """Adverts no longer pass the switch; everything else does."""
        self.lab.drop_at_switch("ip protocol vrrp")

    def mend_heartbeat(self):
        self.lab.drop_nothing()
