"""The table of a comparison: for the terminal, and for docs/BENCHMARKS.md."""

import datetime
import statistics

import report  # of test/bench

from faults import FAULTS

INTRODUCTION = """Written by `scripts/lab compare --write`; the single trials are in
`build/lab/trials.json` after a run.

A pair of nodes between network namespaces, two application servers behind them; clients that open
a connection every 2 ms, keep 50 connections with a request a second each, 5 long slow downloads
and 10 idle tunnels; all on the same CPUs. The outage is the longest time without a new connection
that came through; in the second before the fault it was {quiet} ms, and the machine itself
stood still for {stall} ms in a trial. Median (worst), in ms unless said.
**usual**: HAProxy and keepalived with VRRPv2, adverts every second, a script every two seconds that
changes the priority. **tuned**: VRRPv3, adverts every 10 ms, the kernel's process events and a
request every second, faults instead of weights, real-time priority. tandem at its default
`advert_int` of 100 ms, and at 10 ms. Tuned and tandem without preemption. A pair that moves the
address before anything has happened to it is begun anew, whichever it is.
"""


def name_of(stack):
    return stack.name if stack.advert is None else f"{stack.name}.{stack.advert}"


def _middle_and_worst(values, unit=""):
    values = [value for value in values if value is not None]
    if not values:
        return ""
    middle, worst = statistics.median(values), max(values)
    if middle == worst:
        return f"{report.number(middle, 0)}{unit}"
    return f"{report.number(middle, 0)} ({report.number(worst, 0)}){unit}"


def _part(name, trials):
    if name == "failed":
        return _middle_and_worst([t["failed_new"] + t["failed_kept"] for t in trials], " requests")
    values = [trial[name] for trial in trials]
    if name == "outage" and all(t["put_right"] and t["outage"] > t["put_right"] for t in trials):
        return "until put right"
    if name == "both_answered":
        if all(trial.get("both_at_the_end") for trial in trials):
            return "both answer for ever"
        return "both " + _middle_and_worst(values)
    units = {"failed_new": " requests", "downloads": " downloads", "tunnels": " tunnels",
             "role_changes": " role changes"}  # fmt: skip
    return _middle_and_worst(values, units.get(name, ""))


def cell(fault, trials):
    return ", ".join(_part(name, trials) for name in fault.show) if trials else ""


COLUMNS = {"usual": "usual", "tuned": "tuned", "tandem.100": "tandem", "tandem.10": "tandem, 10 ms"}


def table(kept):
    """`kept`: {fault name: {name of the stack: [figures of a trial, …]}}."""
    columns = [name for name in COLUMNS if any(name in kept[fault] for fault in kept)]
    titles = [COLUMNS[name] for name in columns]
    header = ["what happens to the active node", *titles, "target of tandem"]
    rows = [
        [fault.title, *[cell(fault, kept[name].get(column)) for column in columns], fault.target]
        for name, fault in FAULTS.items()
        if name in kept
    ]
    return report.table(header, rows)


def section(kept, versions):
    times = sorted({len(trials) for stacks in kept.values() for trials in stacks.values()})
    who = ", ".join(f"{name} {version}" for name, version in versions.items())
    count = " or ".join(map(str, times))
    line = f"{datetime.date.today()}; {report.machine()}; {count} trials each; {who}."
    trials = [trial for stacks in kept.values() for found in stacks.values() for trial in found]
    quiet = _middle_and_worst([trial.get("quiet") for trial in trials])
    stall = _middle_and_worst([trial.get("stall") for trial in trials])
    introduction = INTRODUCTION.format(quiet=quiet, stall=stall)
    return f"## Failover\n\n{introduction}\n{line}\n\n{table(kept)}"


def write(path, text):
    """In the place of the section that is there; the rest of the file stays."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(report.with_failover(before, report.marked(text)), encoding="utf-8")


WORDS = {
    "quiet": "longest time without service, before",
    "outage": "longest time without service",
    "second_outage": "the same once it was put right",
    "failed_new": "new connections that failed",
    "failed_kept": "requests on kept connections that failed",
    "failed_late": "failed of both once it was put right",
    "downloads": "downloads broken, of 5",
    "tunnels": "tunnels broken, of 10",
    "both_held": "address on both nodes",
    "both_held_while_cut": "of that before it was put right",
    "both_answered": "both nodes answered for it",
    "nobody_held": "address on neither node",
    "nobody_answered": "neither node answered for it",
    "role_changes": "times the address came or went",
    "window": "looked at for",
    "stall": "the machine itself stood still",
}
COUNTS = ("failed_new", "failed_kept", "failed_late", "downloads", "tunnels", "role_changes")


def in_words(trials):
    """All the figures of one fault, one line each."""
    lines = []
    for name, words in WORDS.items():
        values = [trial[name] for trial in trials if trial.get(name) is not None]
        if values:
            single = "  ".join(report.number(v, 0 if name in COUNTS else 1) for v in values)
            lines.append(f"  {words:45} {single}{'' if name in COUNTS else ' ms'}")
    return "\n".join(lines)
