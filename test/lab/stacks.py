"""What is put to the test: a pair of tandem, and a pair of HAProxy with keepalived, in the settings
that are found everywhere and in the fastest ones known. A Node is one half of a pair."""

import json
import os
import pathlib
import signal
import subprocess

import tandem_lab
from network import VIP
from tandem_testing import ControlSocket, Process, program, wait_until

VRID = 51
PRIORITIES = {"one": 150, "two": 100}
HTTP_PORT = 80
ADMIN_PORT = 8404


def descendants(pid):
    """A process and all it has forked that still hangs on it."""
    found = [pid]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                text = pathlib.Path(f"/proc/{one}/task/{task}/children").read_text("ascii")
                found += [int(word) for word in text.split()]
        except OSError:
            pass  # it has ended meanwhile
    return found


class Node:
    """A machine with a data plane (lb) and a failover daemon, both started and ended by pid."""

    def __init__(self, network, host, stack):
        self.network, self.host, self.stack = network, host, stack
        self.name = host.name
        self.priority = PRIORITIES[host.name]
        self.folder = pathlib.Path(network.folder) / host.name
        self.folder.mkdir(exist_ok=True)
        self.lb = self.failover = None
        self.write()

    # What the stacks say.
    def write(self):
        """The configuration."""
        raise NotImplementedError

    def lb_command(self):
        raise NotImplementedError

    def failover_command(self):
        raise NotImplementedError

    def restart_failover(self):
        """On purpose, as an upgrade would."""
        raise NotImplementedError

    def holds(self):
        return self.host.has(VIP)

    def start(self):
        self.start_lb()
        self.start_failover()
        return self

    def start_lb(self):
        self.lb = self._start(self.lb_command(), "lb")

    def start_failover(self):
        self.failover = self._start(self.failover_command(), "failover")

    def _start(self, command, name):
        env = {"TANDEM_NODE": self.name}
        process = Process(command, self.folder, name=f"{self.name}-{name}", env=env)
        return self.network.keep(process)

    def is_serving(self):
        """The data plane answers here, whoever has the address."""
        answer = self.host.run("curl", "-sf", "-o", "/dev/null", "-m", "1",
                               f"http://127.0.0.1:{HTTP_PORT}/", check=False)  # fmt: skip
        return answer.returncode == 0

    def kill_lb(self):
        self.lb.kill()

    def signal_lb(self, number):
        self.lb.signal(number)

    def kill_failover(self):
        """With everything that it has forked, and at once: none outlives another."""
        pids = descendants(self.failover.pid)
        tandem_lab.kill(pids, signal.SIGSTOP)
        tandem_lab.kill(pids)
        self.failover.wait()

    def stop_failover(self):
        self.failover.signal(signal.SIGTERM)

    def move(self):
        """The address goes to the other node, on purpose."""
        self.stop_failover()

    def pids(self):
        return [*descendants(self.lb.pid), *descendants(self.failover.pid)]

    def freeze(self):
        """Every process. The kernel goes on: what it still answers is the test."""
        tandem_lab.kill(self.pids(), signal.SIGSTOP)

    def thaw(self):
        tandem_lab.kill(self.pids(), signal.SIGCONT)

    def die(self):
        """As a machine does: without a word, and its memory is gone."""
        self.host.cut()
        tandem_lab.kill(self.pids())
        self.lb.wait()
        self.failover.wait()
        self.host.run("ip", "addr", "del", f"{VIP}/24", "dev", "eth0", check=False)
        self.host.run("nft", "flush", "ruleset")

    def revive(self):
        self.host.mend()
        self.start()

    def events(self):
        """[(seconds since the epoch, words)], as far as the daemon can tell."""
        return []


class TandemNode(Node):
    @property
    def socket(self):
        return self.folder / "failover.sock"

    @property
    def config(self):
        return pathlib.Path(self.network.folder) / "tandem.jsonc"

    def write(self):
        """One file for both daemons of both nodes."""
        here = f"unix:{self.network.folder}/${{TANDEM_NODE}}"
        nodes = {
            host.name: {"address": host.address, "priority": PRIORITIES[host.name]}
            for host in (self.network.one, self.network.two)
        }
        config = {
            "runtime": [{"bind": f"{here}/lb.sock", "level": "admin"}],
            "admin": {"bind": f"127.0.0.1:{ADMIN_PORT}"},
            "frontends": {"www": {"bind": f":{HTTP_PORT}", "default_backend": "app"}},
            "backends": {"app": {
                "check": {"type": "http", "uri": "/healthz"},
                "default-server": {"inter": "1s"},
                "servers": self.network.servers,
            }},
            "failover": {
                "interface": "eth0",
                "vrid": VRID,
                "vips": [f"{VIP}/24"],
                "advert_int": f"{self.stack.advert}ms",
                "nopreempt": True,
                "nodes": nodes,
                "peer": {"secret": "the lab has no secrets"},
                "track": {"lb": {"bind": f"{here}/pulse.sock"}},
                "runtime": {"bind": f"{here}/failover.sock"},
                "admin": {"bind": "127.0.0.1:8405"},
            },
        }  # fmt: skip
        self.config.write_text(json.dumps(config, indent=1), encoding="utf-8")

    def lb_command(self):
        return self.host.command("tandem-lb", "-f", self.config)

    def failover_command(self):
        return self.host.command("tandem-failover", "-f", self.config, "--node", self.name)

    def restart_failover(self):
        self.failover.signal(signal.SIGUSR2)

    def move(self):
        subprocess.run([program("tandemctl"), "-F", str(self.socket), "switchover"],
                       check=True, stdout=subprocess.DEVNULL)  # fmt: skip

    def events(self):
        try:
            return ControlSocket(self.socket).command("show events").splitlines()
        except OSError:
            return []


class KeepalivedNode(Node):
    """HAProxy in the foreground, and keepalived beside it."""

    @property
    def haproxy(self):
        """By a name of its own: keepalived finds processes by name, whatever node they are on."""
        return self.folder / f"haproxy-{self.name}"

    def write(self):
        if not self.haproxy.exists():
            self.haproxy.symlink_to(program("haproxy"))
        servers = "\n".join(
            f"  server {name} {address} check inter 1s"
            for name, address in self.network.servers.items()
        )
        (self.folder / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
frontend www
  bind :{HTTP_PORT}
  monitor-uri /alive
  default_backend app
backend app
  option httpchk GET /healthz
{servers}
""")
        (self.folder / "keepalived.conf").write_text(
            self.stack.keepalived(self.host.namespace, self.haproxy.name, self.priority)
        )

    def lb_command(self):
        return self.host.command(self.haproxy, "-db", "-f", self.folder / "haproxy.cfg")

    def failover_command(self):
        """Started outside: the kernel tells of processes only there, and it goes in by itself."""
        return [program("keepalived"), "--dont-fork", "--log-console", "--log-detail", "--vrrp",
                "-f", self.folder / "keepalived.conf", "-p", self.folder / "keepalived.pid",
                "-r", self.folder / "vrrp.pid"]  # fmt: skip

    def start_failover(self):
        for name in ("keepalived.pid", "vrrp.pid"):  # a machine that was dead has none
            (self.folder / name).unlink(missing_ok=True)
        super().start_failover()
        self.failover.wait_for_output("Startup complete")

    def restart_failover(self):
        """It cannot be replaced in place; its child is what does the work."""
        tandem_lab.kill(descendants(self.failover.pid)[1:])


def usual(namespace, process, priority):
    return f"""
net_namespace {namespace}
global_defs {{
  script_user root
}}
vrrp_script haproxy {{
  script "{program("pgrep")} -x {process}"
  interval 2
  weight -60
}}
vrrp_instance pair {{
  state {"MASTER" if priority == max(PRIORITIES.values()) else "BACKUP"}
  interface eth0
  virtual_router_id {VRID}
  priority {priority}
  version 2
  advert_int 1
  virtual_ipaddress {{
    {VIP}/24
  }}
  track_script {{
    haproxy
  }}
}}
"""


def tuned(namespace, process, priority):
    return f"""
net_namespace {namespace}
global_defs {{
  script_user root
  vrrp_version 3
  vrrp_rt_priority 50
  vrrp_no_swap
  vrrp_higher_prio_send_advert true
  vrrp_garp_lower_prio_repeat 5
}}
vrrp_track_process haproxy {{
  process {process}
}}
vrrp_script answers {{
  script "{program("curl")} -sf -o /dev/null -m 1 http://127.0.0.1:{HTTP_PORT}/alive"
  interval 1
  timeout 1
}}
vrrp_instance pair {{
  state BACKUP
  interface eth0
  virtual_router_id {VRID}
  priority {priority}
  nopreempt
  advert_int 0.01
  virtual_ipaddress {{
    {VIP}/24
  }}
  track_process {{
    haproxy
  }}
  track_script {{
    answers
  }}
}}
"""


class Stack:
    def __init__(self, name, title, node, advert=None, keepalived=None):
        self.name, self.title, self.node = name, title, node
        self.advert, self.keepalived = advert, keepalived  # milliseconds; configuration
        self.is_tandem = node is TandemNode


def tandem(advert):
    return Stack("tandem", f"tandem, {advert} ms", TandemNode, advert=advert)


USUAL = Stack("usual", "usual settings", KeepalivedNode, keepalived=usual)
TUNED = Stack("tuned", "tuned", KeepalivedNode, keepalived=tuned)


def versions():
    def said(*command):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).split("\n")[0]

    return {
        "tandem": said(program("tandem-lb"), "--version").split()[-1],
        "haproxy": said(program("haproxy"), "-v").split()[2].split("-")[0],
        "keepalived": said(program("keepalived"), "--version").split()[1].lstrip("v"),
    }


def start(active, standby):
    """One after the other: who comes first has the address, also where nobody is preempted."""
    active.start()
    wait_until(active.is_serving, f"{active.name} serves")
    wait_until(active.holds, f"{active.name} has the address")
    standby.start()
    wait_until(standby.is_serving, f"{standby.name} serves")
