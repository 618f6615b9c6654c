"""A small network made of namespaces: a switch, and hosts that hang on it. Made and removed by
whoever uses it, as root. What scripts/lab shows and the tests of failover stand on.

    with Lab() as lab:
        one, two = lab.host("one", 11), lab.host("two", 12)
        Process(one.command("tandem-failover", ...), folder)
"""

import itertools
import json
import os
import subprocess
import sys

from tandem_testing import program

NETWORK = "10.77.0"
NETWORK6 = "fd77::"

_numbers = itertools.count()


def is_possible():
    """Namespaces need root."""
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False
    ).returncode == 0  # fmt: skip


def require():
    """Ends a test program as skipped where no lab can be made."""
    if not is_possible():
        print("skipped: network namespaces need root", file=sys.stderr)
        sys.exit(77)


def _ip(*words, **options):
    return subprocess.run(
        [program("ip"), *map(str, words)], check=True, capture_output=True, text=True, **options
    ).stdout


class Host:
    """A namespace with one interface, eth0, at 10.77.0.N and fd77::N."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.namespace = f"{lab.prefix}-{name}"
        self.port = f"{lab.prefix[-8:]}p{number}"  # its end at the switch
        self.address, self.address6 = f"{NETWORK}.{number}", f"{NETWORK6}{number}"
        _ip("netns", "add", self.namespace)
        _ip("-n", lab.switch, "link", "add", self.port, "type", "veth",
            "peer", "name", "eth0", "netns", self.namespace)  # fmt: skip
        _ip("-n", lab.switch, "link", "set", self.port, "master", "br0", "up")
        self.ip("link", "set", "lo", "up")
        self.ip("addr", "add", f"{self.address}/24", "dev", "eth0")
        self.ip("addr", "add", f"{self.address6}/64", "dev", "eth0", "nodad")
        # Addresses are there at once, without waiting for duplicates to answer.
        self.run("sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
        self.ip("link", "set", "eth0", "up")

    def ip(self, *words):
        return _ip("-n", self.namespace, *words)

    def command(self, *words):
        """The command line that runs a program in here; its pid is the program's own."""
        first = program(words[0])
        return [program("ip"), "netns", "exec", self.namespace, first, *map(str, words[1:])]

    def run(self, *words, check=True, **options):
        return subprocess.run(
            self.command(*words), check=check, capture_output=True, text=True, **options
        )

    def addresses(self):
        """Every address on eth0, without the length of its network."""
        links = json.loads(self.ip("-j", "addr", "show", "dev", "eth0"))
        return {info["local"] for link in links for info in link.get("addr_info", [])}

    def has(self, address):
        return address in self.addresses()

    def cut(self):
        """Takes the cable out at the switch: the host keeps its carrier down."""
        _ip("-n", self.lab.switch, "link", "set", self.port, "down")

    def mend(self):
        _ip("-n", self.lab.switch, "link", "set", self.port, "up")


class Lab:
    def __init__(self):
        self.prefix = f"tandem{os.getpid()}x{next(_numbers)}"
        self.switch = f"{self.prefix}-switch"
        self.hosts = []

    def __enter__(self):
        _ip("netns", "add", self.switch)
        _ip("-n", self.switch, "link", "add", "br0", "type", "bridge",
            "mcast_snooping", "0", "stp_state", "0")  # fmt: skip
        _ip("-n", self.switch, "link", "set", "br0", "up")
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            subprocess.run([program("ip"), "netns", "del", host.namespace], check=False)
        subprocess.run([program("ip"), "netns", "del", self.switch], check=False)

    def host(self, name, number):
        self.hosts.append(Host(self, name, number))
        return self.hosts[-1]
