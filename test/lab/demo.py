"""The same told as a story: what happened when, in words."""

import datetime
import pathlib
import shutil
import tempfile
import time

import stacks
from faults import Trial
from network import VIP
from prober import MILLISECOND
from tandem_testing import wait_until


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
    """What the daemon itself tells; its clock is the wall's."""
    offset = time.monotonic_ns() - time.time_ns()
    for line in node.events():
        at, _, words = line.partition(" ")
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


def _play(trial, say):
    one, two = trial.active, trial.standby
    trial.load()
    say(f"two nodes, {VIP} on node {one.name}; clients open 500 connections a second, and keep 50")

    trial.strike(f"the data plane of node {one.name} is killed")
    one.kill_lb()
    wait_until(two.holds, f"node {two.name} has the address")
    trial.stay(3)
    trial.heal("it is started again, as a supervisor would")
    one.start_lb()
    wait_until(one.is_serving, f"node {one.name} serves again")
    trial.calm()
    _act(trial, say, f"the data plane of node {one.name} was killed, and came back after 3 s:")

    # Which node that is depends on nopreempt.
    wait_until(lambda: one.holds() != two.holds(), "one node has the address")
    holder = one if one.holds() else two
    trial.strike(f"node {holder.name} dies: every process, and its cable is out")
    holder.die()
    trial.heal_at = None
    trial.calm()
    _act(trial, say, f"node {holder.name} died as a whole:")


def show(say):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tandem-lab-"))
    try:
        say("making the network and the pair (advert_int 100 ms, the default)")
        with Trial(stacks.tandem(100), folder) as trial:
            _play(trial, say)
            trial.finish()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say("everything is removed; scripts/lab --help tells of more faults")
