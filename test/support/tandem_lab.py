"""A small network made of namespaces: a switch, and hosts that hang on it. Made and removed by
whoever uses it, as root. What scripts/lab shows and the tests of failover stand on.

    with Lab() as lab:
        one, two = lab.host("one", 11), lab.host("two", 12)
        Process(one.command("tandem-failover", ...), folder)
"""

import contextlib
import itertools
import json
import os
import signal
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


def _run(command, check=True, **options):
    """A failure tells what the program said."""
    try:
        return subprocess.run(command, check=check, capture_output=True, text=True, **options)
    except subprocess.CalledProcessError as error:
        error.add_note(error.stdout + error.stderr)
        raise


def _ip(*words, **options):
    return _run([program("ip"), *map(str, words)], **options).stdout


class Host:
    """A namespace with one interface, eth0, at 10.77.0.N and fd77::N."""

    def __init__(self, lab, name, number):
        self.lab, self.name, self.number = lab, name, number
        self.namespace = f"{lab.prefix}-{name}"
        self.port = f"{lab.prefix[-8:]}p{number}"  # its end at the switch
        self.address, self.address6 = f"{NETWORK}.{number}", f"{NETWORK6}{number}"
        lab.namespace(self.namespace)
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
        return _run(self.command(*words), check=check, **options)

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

    def mac(self):
        return json.loads(self.ip("-j", "link", "show", "dev", "eth0"))[0]["address"]

    def pids(self):
        return _pids_in(self.namespace)


def kill(pids, number=signal.SIGKILL):
    """Those that have ended by themselves meanwhile do not matter."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _pids_in(namespace):
    return [int(pid) for pid in _ip("netns", "pids", namespace).split()]


class Lab:
    def __init__(self):
        self.prefix = f"tandem{os.getpid()}x{next(_numbers)}"
        self.switch = f"{self.prefix}-switch"
        self.hosts = []
        self.namespaces = []  # to be removed; known before there is anything in them

    def __enter__(self):
        try:
            self._make_switch()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _make_switch(self):
        self.namespace(self.switch)
        _ip("-n", self.switch, "link", "add", "br0", "type", "bridge",
            "mcast_snooping", "0", "stp_state", "0")  # fmt: skip
        _ip("-n", self.switch, "link", "set", "br0", "up")

    def __exit__(self, *_):
        """Whatever still runs in the namespaces is ended: nothing outside can have come in."""
        for name in self.namespaces:
            with contextlib.suppress(subprocess.CalledProcessError):
                kill(_pids_in(name))
                _ip("netns", "del", name)

    def namespace(self, name):
        self.namespaces.append(name)
        _ip("netns", "add", name)

    def host(self, name, number):
        self.hosts.append(Host(self, name, number))
        return self.hosts[-1]

    def drop_at_switch(self, match):
        """From now on the switch drops what nft calls `match`, such as "ip protocol vrrp"."""
        rules = f"""table bridge lab {{
            chain forward {{ type filter hook forward priority 0; {match} drop; }}
        }}"""
        self._nft("-f", "-", input=rules)

    def drop_nothing(self):
        self._nft("delete", "table", "bridge", "lab")

    def _nft(self, *words, **options):
        command = [program("ip"), "netns", "exec", self.switch, program("nft"), *words]
        _run(command, **options)
