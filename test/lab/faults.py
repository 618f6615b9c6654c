"""What happens to the active node, one fault at a time, and what the clients notice of it."""

import dataclasses
import signal
import subprocess
import sys
import time

import stacks
from network import Network
from prober import MILLISECOND, Probes, Watch
from tandem_testing import wait_until

TRIES = 3
REST = 1.5  # seconds without a change of roles before the clients come
WARM = 1.0  # seconds without a failure before the fault
CALM = 2.0  # seconds without a failure after which it is over
SLOWEST = 6.0  # seconds in which even the slowest has taken over
PATIENCE = 12.0  # seconds until it is taken as not getting better


class Trial:
    """A pair under load, to which something happens once."""

    def __init__(self, stack, folder):
        self.stack = stack
        self.network = Network(folder)
        self.fault_at = self.heal_at = self.end_at = None
        self.marks = []  # [(when, what was done, in words)]
        self.probes = None

    def __enter__(self):
        self.network.__enter__()
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.network.close()

    def _start(self):
        network = self.network
        macs = {host.mac(): host.name for host in (network.one, network.two)}
        self.watch = Watch(network.start_observer(), macs)
        self.active = self.stack.node(network, network.one, self.stack)
        self.standby = self.stack.node(network, network.two, self.stack)
        self.holder = self.active  # before the fault
        stacks.start(self.active, self.standby)
        self.rest()

    def rest(self):
        """Until nothing has moved for a while: some pairs need a second try when they begin."""
        wait_until(lambda: time.monotonic_ns() - self.watch.read().holders[-1][0] > REST * 1e9,
                   "the address stays where it is")  # fmt: skip
        self.check_holder()

    def check_holder(self):
        if self.watch.read().holders[-1][1] != {self.holder.name}:
            raise AssertionError(f"not {self.holder.name} alone has the address")

    def load(self):
        """The clients come; anew, if a download or tunnel did not live to see the fault."""
        for _ in range(TRIES):
            self.probes = Probes(self.network.start_prober())
            wait_until(lambda: self.probes.read().is_ready or self.probes.has_lost(),
                       "downloads and tunnels stand")  # fmt: skip
            wait_until(lambda: self.probes.is_good_for(WARM) or self.probes.has_lost(),
                       "the clients are served without failure")  # fmt: skip
            if not self.probes.has_lost():
                return self.check_holder()
            self.probes.stop()
            self.rest()
        raise AssertionError("the pair does not stand still without any fault")

    def strike(self, words):
        """The fault comes now."""
        self.fault_at = time.monotonic_ns()
        self.marks.append((self.fault_at, words))

    def heal(self, words):
        """What was wrong is put right from now on."""
        self.heal_at = time.monotonic_ns()
        self.marks.append((self.heal_at, words))

    def stay(self, seconds):
        """A window to look through: nothing is waited for."""
        time.sleep(seconds)

    def calm(self, patience=PATIENCE):
        """Until the clients are served again for a while; or never."""
        since = self.heal_at or self.fault_at
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and not self.probes.is_good_for(CALM, since):
            time.sleep(0.05)

    def finish(self):
        self.end_at = time.monotonic_ns()
        if self.probes is not None:
            self.probes.stop()
        self.watch.stop()

    def figures(self):
        """In milliseconds, and counts."""
        fault, heal, end = self.fault_at, self.heal_at or self.end_at, self.end_at
        watch = self.watch
        figures = {
            "both_held": watch.held_ms(2, fault, end),
            "both_answered": watch.answered_ms(2, fault, end),
            "both_at_the_end": watch.answered_ms(2, end - 500 * MILLISECOND, end) > 400,
            "nobody_held": watch.held_ms(0, fault, end),
            "nobody_answered": watch.answered_ms(0, fault, end),
            "both_held_while_cut": watch.held_ms(2, fault, heal),
            "window": (end - fault) / MILLISECOND,
            "put_right": (self.heal_at - fault) / MILLISECOND if self.heal_at else None,
            "role_changes": watch.role_changes(fault),
            "stall": watch.stall_ms(fault, end),
        }
        return figures | (self._client_figures(fault, heal, end) if self.probes else {})

    def _client_figures(self, fault, heal, end):
        probes = self.probes

        def length(gap):
            return (gap[1] - gap[0]) / MILLISECOND

        quiet = probes.longest_gap(fault - int(WARM * 1e9), fault, fault)
        first = probes.longest_gap(fault, heal, end)
        second = probes.longest_gap(max(heal, first[1]), end, end) if self.heal_at else None
        return {
            "quiet": length(quiet),
            "outage": length(first),
            "second_outage": length(second) if second else None,
            "failed_new": len(probes.failed("new", fault)),
            "failed_kept": len(probes.failed("kept", fault)),
            "failed_late": len(probes.failed("new", heal)) + len(probes.failed("kept", heal)),
            "downloads": len(probes.failed("download", fault)),
            "tunnels": len(probes.failed("tunnel", fault)),
        }


# ---- the faults --------------------------------------------------------------------------------


def lb_kill(trial):
    """The data plane is killed, and started again when any takeover should be over."""
    trial.strike("the data plane is killed")
    trial.active.kill_lb()
    trial.stay(SLOWEST)
    trial.heal("the data plane is started again")
    trial.active.start_lb()
    trial.calm()


def lb_hang(trial):
    """The data plane is stopped (SIGSTOP), and goes on three seconds later."""
    trial.strike("the data plane hangs")
    trial.active.signal_lb(signal.SIGSTOP)
    trial.stay(3)
    trial.heal("the data plane goes on")
    trial.active.signal_lb(signal.SIGCONT)
    trial.calm()


def failover_kill(trial):
    """The failover daemon and all it has forked are killed at once."""
    trial.strike("the failover daemon is killed with all it forked")
    trial.active.kill_failover()
    trial.stay(SLOWEST)
    trial.calm()


def failover_restart(trial):
    """The failover daemon is restarted on purpose."""
    trial.strike("the failover daemon is restarted")
    trial.active.restart_failover()
    trial.stay(3)
    trial.calm()


def link_cut(trial):
    """The node's cable is pulled at the switch, and plugged in again five seconds later."""
    trial.strike("the cable is pulled")
    trial.active.host.cut()
    trial.stay(5)
    trial.heal("the cable is plugged in")
    trial.active.host.mend()
    trial.calm()


def freeze(trial):
    """The machine freezes: none of its processes runs; it thaws five seconds later."""
    trial.strike("the machine freezes")
    trial.active.freeze()
    trial.stay(5)
    trial.heal("the machine thaws")
    trial.active.thaw()
    trial.stay(1)
    trial.calm(patience=75)


def planned_move(trial):
    """The address is moved to the other node on purpose (tandemctl switchover)."""
    trial.strike("the address is moved")
    trial.active.move()
    trial.stay(2)
    trial.calm()


def planned_stop(trial):
    """The failover daemon is told to stop (TERM)."""
    trial.strike("the failover daemon is told to stop")
    trial.active.stop_failover()
    trial.stay(2)
    trial.calm()


def heartbeat_cut(trial):
    """Adverts no longer pass between the nodes, everything else does; healed five seconds later."""
    trial.strike("adverts are cut")
    trial.network.cut_heartbeat()
    trial.stay(5)
    trial.heal("adverts pass again")
    trial.network.mend_heartbeat()
    trial.stay(1)
    trial.calm(patience=75)


def kill_the_node(trial):
    trial.active.die()
    wait_until(trial.standby.holds, "the standby has the address")
    trial.holder = trial.standby


def node_return(trial):
    """A node that was dead comes back."""
    trial.strike("the dead node returns")
    trial.active.revive()
    trial.stay(SLOWEST)
    trial.calm()


def false_alarm(trial):
    """Nothing, for twenty seconds; but four busy loops share the CPUs with everything."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        trial.strike("four busy loops begin")
        trial.stay(20)
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@dataclasses.dataclass
class Fault:
    name: str
    title: str
    run: object
    target: str  # tandem's
    show: tuple  # names of figures, in the order of the table's cell
    adverts: tuple = (100,)  # tandem's, in milliseconds
    prepare: object = None
    loaded: bool = True

    @property
    def words(self):
        return self.run.__doc__


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("lb-kill", "data plane killed", lb_kill, "10 (40)", ("outage",), (100, 10)),
        Fault("lb-hang", "data plane hangs", lb_hang, "250 (400)", ("outage",)),
        Fault("failover-kill", "failover daemon killed with all it forked", failover_kill,
              "outage 0, both 50", ("outage", "both_answered"), (100, 10)),
        Fault("failover-restart", "failover daemon restarted", failover_restart, "0",
              ("outage", "failed_new")),
        Fault("link-cut", "machine dies, link cut", link_cut,
              "45 (60) at 10 ms, 400 at 100 ms", ("outage",), (100, 10)),
        Fault("freeze", "machine frozen, thawed later: second outage", freeze, "0",
              ("second_outage",), (100, 10)),
        Fault("planned-move", "planned move", planned_move, "0 requests, 0 downloads, 0 tunnels",
              ("outage", "failed", "downloads", "tunnels")),
        Fault("planned-stop", "failover daemon told to stop", planned_stop, "",
              ("outage", "failed")),
        Fault("heartbeat-cut", "heartbeat cut, then healed", heartbeat_cut,
              "0 when it heals", ("second_outage", "both_answered")),
        Fault("return", "dead node returns", node_return, "0", ("outage", "failed"),
              prepare=kill_the_node),
        Fault("false-alarm", "four busy loops on the CPUs", false_alarm, "0 role changes",
              ("role_changes",), (100, 10)),
    )
}  # fmt: skip


def run(fault, stack, folder, look=None):
    """One trial; its figures. `look` may read the trial before it is taken down."""
    with Trial(stack, folder) as trial:
        if fault.prepare:
            fault.prepare(trial)
        if fault.loaded:
            trial.load()
        fault.run(trial)
        trial.finish()
        if look:
            look(trial)
        return trial.figures()
