"""The tables: for the terminal, and for docs/BENCHMARKS.md."""

import os
import pathlib
import platform
import re

import contest
from scenarios import GROWING, SCENARIOS

INTRODUCTION = """# Benchmarks

Written by `scripts/bench --write`; the raw rounds are in `build/bench/rounds.json` after a run.

One balancer with one worker alone on one CPU; load and origin on the others; loopback; rounds
interleaved, and which balancer goes first changes with the round. Requests a second mean nothing on
a shared machine. **CPU microseconds for each request, system calls and user instructions for each
request, and ratios within one round do.** The ratio is to the better of HAProxy and nginx in the
same round (where clients speak HTTP/2, to the best of them and h2o), the median over all rounds;
below 1 is cheaper; one that answers more than 1 % with errors does not count. All are tuned:
connections reused, no logs, splicing or large buffers where bodies are large. "must / good" is the
budget.
"""

_FAILOVER = re.compile(r"\n<!-- scripts/lab -->\n.*<!-- /scripts/lab -->\n", re.DOTALL)


def table(header, rows):
    """Markdown with columns that line up, so that the terminal can show it too."""
    cells = [header, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def number(value, digits=1):
    return "" if value is None else f"{value:,.{digits}f}"


def names_in(records):
    names = dict.fromkeys(["haproxy", "nginx"])
    for record in records.values():
        for one in record.get("rounds", []):
            names |= dict.fromkeys(one)
        names |= dict.fromkeys(record.get("idle_bytes", {}))
    return list(names)


def ordered(records):
    return [(s, records[s.name]) for s in SCENARIOS if s.name in records]


def cpu_table(records):
    names = names_in(records)
    own = [name for name in names if name not in contest.ANCHORS]
    header = ["scenario", *[f"{name} us" for name in names], *[f"{name} ratio" for name in own],
              "must / good"]  # fmt: skip
    rows = []
    for scenario, record in ordered(records):
        rounds = record.get("rounds")
        if not rounds:
            continue
        budget = scenario.budget
        rows.append(
            [f"{scenario.name} {scenario.title}"]
            + [number(contest.median_of(rounds, name, "cpu_us")) for name in names]
            + [number(contest.ratio_to_best_anchor(rounds, name), 2) for name in own]
            + [f"{budget.must:.2f} / {budget.good:.2f}" if budget.must else ""]
        )
    return table(header, rows) if rows else ""


def per_request_table(records, key, title, read, budget_of):
    names = names_in(records)
    rows = []
    for scenario, record in ordered(records):
        if found := record.get(key):
            values = [read(found[name]) if name in found else "" for name in names]
            rows.append([scenario.name, *values, budget_of(scenario.budget)])
    return f"\n## {title}\n\n" + table(["scenario", *names, "budget"], rows) if rows else ""


def latency_table(records):
    names = names_in(records)
    rows = []
    for scenario, record in ordered(records):
        if not (record.get("rounds") and (scenario.rate or scenario.maxconn)):
            continue
        for name in names:
            if contest.median_of(record["rounds"], name, "cpu_us") is None:
                continue
            median = {
                key: contest.median_of(record["rounds"], name, key)
                for key in ("p50_us", "p99_us", "errors", "requests", "requests_per_second")
            }
            peaks = [one[name].get("peak_of_servers") for one in record["rounds"] if name in one]
            peak = max((p for p in peaks if p is not None), default=None)
            rows.append([scenario.name, name, number(median["p50_us"] / 1000, 2),
                         number(median["p99_us"] / 1000, 2),
                         number(100 * median["errors"] / max(median["requests"], 1), 2),
                         number(median["requests_per_second"], 0),
                         "" if peak is None else str(peak)])  # fmt: skip
    header = ["scenario", "balancer", "p50 ms", "p99 ms", "errors %", "requests/s", "peak of a server"]
    return "\n## Latency and overload\n\n" + table(header, rows) if rows else ""


def idle_table(records):
    rows = [
        [scenario.name, name, number(figures.get("never_used"), 0),
         number(figures.get("after_one_request"), 0)]  # fmt: skip
        for scenario, record in ordered(records)
        for name, figures in record.get("idle_bytes", {}).items()
    ]
    header = ["scenario", "balancer", "never used", "after one request"]
    title = "\n## Own memory for each of 10,000 idle connections, bytes\n\n"
    return title + table(header, rows) if rows else ""


def growth_table(records):
    """How the cost grows from one server or route to ten thousand."""
    names = names_in(records)
    rows = []
    for group in GROWING:
        steps = [(s, r) for s, r in ordered(records) if s.matches(group) and r.get("rounds")]
        if len(steps) < 2:
            continue
        for name in names:
            grown = contest.growth(steps[0][1]["rounds"], steps[-1][1]["rounds"], name)
            if grown:
                peak = steps[-1][1].get("peak_rss", {}).get(name, 0) / 2**20
                rows.append([f"{steps[0][0].name} to {steps[-1][0].name}", name,
                             number(grown, 2), number(peak, 0)])  # fmt: skip
    header = ["from, to", "balancer", "growth (must 1.35, good 1.20)", "peak memory MB"]
    return "\n## Growth with servers and routes\n\n" + table(header, rows) if rows else ""


def left_out(records):
    lines = [
        f"- {scenario.name}, {name}: {' '.join(reason.split())[:300]}"
        for scenario, record in ordered(records)
        for name, reason in record.get("failed", {}).items()
    ]
    return "\n## Left out\n\n" + "\n".join(lines) + "\n" if lines else ""


def tables(records):
    return "".join([
        cpu_table(records),
        per_request_table(records, "system_calls", "System calls for each request",
                          lambda found: number(found["total"]), lambda b: number(b.calls)),
        per_request_table(records, "instructions", "User instructions for each request",
                          lambda found: number(found, 0), lambda b: number(b.instructions, 0)),
        latency_table(records),
        idle_table(records),
        growth_table(records),
        left_out(records),
    ])  # fmt: skip


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)$", info, re.MULTILINE)
    return f"{os.cpu_count()} CPUs ({model.group(1) if model else platform.machine()}), Linux {platform.release().split('-')[0]}"


def marked(section):
    return f"\n<!-- scripts/lab -->\n{section}<!-- /scripts/lab -->\n"


def with_failover(text, section):
    """`section` (marked; may be empty) at the end, in place of the one that is there."""
    return _FAILOVER.sub("", text) + section


def failover_of(text):
    """What scripts/lab has written, with its marks; empty if it has not."""
    found = _FAILOVER.search(text)
    return found.group() if found else ""


def document(records, versions):
    dates = sorted({record["date"] for record in records.values()})
    counts = {len(record["rounds"]) for record in records.values() if "rounds" in record}
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    rounds = " or ".join(str(count) for count in sorted(counts)) or "no"
    who = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{INTRODUCTION}\n{when}; {machine()}; {rounds} rounds; {who}.\n\n{tables(records)}"
