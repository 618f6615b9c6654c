"""The same told as a story: what happened when, in words."""

import collections
import contextlib
import datetime
import pathlib
import shutil
import signal
import tempfile
import time

import stacks
from faults import Trial
from network import VIP
from prober import MILLISECOND
from tandem_testing import program, wait_until


def _holding(names):
    if not names:
        return f"{VIP} is on neither node"
    return f"{VIP} is on " + " and ".join(f"node {name}" for name in sorted(names))


def _answering(names):
    if not names:
        return f"nobody on the network answers for {VIP}"
    return f"the network finds {VIP} at " + " and ".join(f"node {name}" for name in sorted(names))


def _changes(timeline, words):
    before = None
    for at, names in timeline:
        if names != before:
            yield at, words(names)
        before = names


def _said_by(node):
    """What the daemon itself tells; its clock is the wall's. It knows the other node's events too."""
    offset = time.monotonic_ns() - time.time_ns()
    for line in node.events():
        at, _, rest = line.partition(" ")
        name, _, words = rest.partition(" ")
        if name != node.name:
            continue
        try:
            moment = datetime.datetime.fromisoformat(at)
        except ValueError:
            continue
        yield int(moment.timestamp() * 1e9) + offset, f"node {node.name} says: {words}"


def _service(trial, since, until):
    gap = trial.probes.longest_gap(since, until, until)
    if gap[1] - gap[0] > 10 * MILLISECOND:
        yield gap[0], "the last new connection is served"
        yield gap[1], "new connections are served again"


def story(trial, since, until):
    """Lines of what happened between two times, counted from the first."""
    found = [
        *trial.marks,
        *_changes(trial.watch.read().holders, _holding),
        *_changes(trial.watch.answers, _answering),
        *_service(trial, since, until),
        *(line for node in (trial.active, trial.standby) for line in _said_by(node)),
    ]
    # The last that was served came just before.
    told = [one for one in found if since - 5 * MILLISECOND <= one[0] < until]
    told.sort(key=lambda one: one[0])
    return [f"{(at - since) / MILLISECOND:+10.1f} ms  {words}" for at, words in told]


def cost(trial, since, until):
    trial.probes.read()

    def of(kind):
        return [p for p in trial.probes.by_kind[kind] if since <= p.ended < until]

    def count(kind):
        return f"{sum(not p.is_ok for p in of(kind))} of {len(of(kind))}"

    a, b = trial.probes.longest_gap(since, until, until)
    return (f"longest time without service {(b - a) / MILLISECOND:.1f} ms; failed:"
            f" {count('new')} new connections, {count('kept')} requests on kept ones")  # fmt: skip


def tell(trial):
    print("\n".join(story(trial, trial.fault_at, trial.end_at)))


def _act(trial, say, title):
    until = time.monotonic_ns()
    say(title)
    print("\n".join(story(trial, trial.fault_at, until)))
    print(f"    {cost(trial, trial.fault_at, until)}\n")


def _begin(trial, say):
    trial.load()
    say(f"two nodes, {VIP} on node {trial.active.name};"
        " clients open 500 connections a second, and keep 50")  # fmt: skip


def _kill_data_plane(trial, say):
    one, two = trial.active, trial.standby
    trial.strike(f"the data plane of node {one.name} is killed")
    one.kill_lb()
    wait_until(two.holds, f"node {two.name} has the address")
    trial.stay(3)
    trial.heal("it is started again, as a supervisor would")
    one.start_lb()
    wait_until(one.is_serving, f"node {one.name} serves again")
    trial.calm()
    _act(trial, say, f"the data plane of node {one.name} was killed, and came back after 3 s:")


def _kill_node(trial, say):
    one, two = trial.active, trial.standby
    # Which node that is depends on nopreempt.
    wait_until(lambda: one.holds() != two.holds(), "one node has the address")
    holder = one if one.holds() else two
    trial.strike(f"node {holder.name} dies: every process, and its cable is out")
    holder.die()
    trial.heal_at = None
    trial.calm()
    _act(trial, say, f"node {holder.name} died as a whole:")


@contextlib.contextmanager
def _stage(say):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tandem-lab-"))
    try:
        say("making the network and the pair (advert_int 100 ms, the default)")
        with Trial(stacks.tandem(100), folder) as trial:
            yield trial
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def show(say):
    with _stage(say) as trial:
        _begin(trial, say)
        _kill_data_plane(trial, say)
        _kill_node(trial, say)
        trial.finish()
    say("everything is removed; scripts/lab --help tells of more faults")


def _show_requests(trial, say):
    count = 30
    answers = trial.network.client.run("curl", "-sf", f"http://{VIP}/?[1-{count}]").stdout.split()
    say(f"{count} requests to http://{VIP}/ were answered by")
    for name, times in sorted(collections.Counter(answers).items()):
        print(f"    {name:6} {times:3}")


def _show_doors(trial, say):
    network = trial.network
    service = network.open_door(network.client, VIP, stacks.HTTP_PORT)
    print(f"  the virtual address  http://127.0.0.1:{service}/")
    for node in (trial.active, trial.standby):
        page = network.open_door(node.host, "127.0.0.1", stacks.ADMIN_PORT)
        print(f"  page of node {node.name}     http://127.0.0.1:{page}/stats")
    sockets = trial.standby.folder
    print("  the pair in words, as node", trial.standby.name, "sees it:")
    print(f"    {program('tandemctl')} -s {sockets}/lb.sock -F {sockets}/failover.sock status")


def stay(say, once):
    """What scripts/run shows as root; there to be looked at until Ctrl-C, unless only `once`."""
    with _stage(say) as trial:
        _show_requests(trial, say)
        _begin(trial, say)
        _kill_data_plane(trial, say)
        trial.finish()
        say("the pair goes on; from this machine it is reached at")
        _show_doors(trial, say)
        if not once:
            say("Ctrl-C ends it and leaves nothing behind")
            signal.pause()
    say("everything is removed")
