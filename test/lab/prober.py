"""What the prober and the observer have seen (prober.cc, observer.cc), and what it amounts to.
Times are CLOCK_MONOTONIC in nanoseconds, as time.monotonic_ns() gives them; figures are in
milliseconds."""

import dataclasses
import time

MILLISECOND = 1_000_000


class Lines:
    """Reads what a process has written since the last time."""

    def __init__(self, process):
        self.file = open(process.log_path, encoding="ascii")  # noqa: SIM115
        self.rest = ""

    def fresh(self):
        if self.file.closed:
            return []
        text = self.rest + self.file.read()
        *lines, self.rest = text.split("\n")
        return [line.split(" ") for line in lines]

    def close(self):
        self.file.close()


@dataclasses.dataclass
class Probe:
    began: int
    ended: int
    why: str  # "ok", or what went wrong

    @property
    def is_ok(self):
        return self.why == "ok"


class Probes:
    """The clients' side."""

    def __init__(self, process):
        self.process = process
        self.lines = Lines(process)
        self.by_kind = {"new": [], "kept": [], "download": [], "tunnel": []}
        self.is_ready = False

    def read(self):
        if not self.process.is_running() and self.process.popen.returncode != 0:
            raise RuntimeError(f"the prober ended: {self.process.output()[-500:]}")
        for words in self.lines.fresh():
            if words == ["ready"]:
                self.is_ready = True
            elif len(words) == 4:
                self.by_kind[words[0]].append(Probe(int(words[1]), int(words[2]), words[3]))
        return self

    def stop(self):
        self.process.stop()
        self.read()
        self.lines.close()

    def has_lost(self):
        """A download or tunnel has ended, which they do not by themselves."""
        by_kind = self.read().by_kind
        return bool(by_kind["download"] or by_kind["tunnel"])

    def good_since(self):
        """Since when no new connection has failed; None: none has come through yet."""
        new = self.read().by_kind["new"]
        failed = max((probe.ended for probe in new if not probe.is_ok), default=0)
        return min((p.ended for p in new if p.is_ok and p.ended > failed), default=None)

    def is_good_for(self, seconds, since=0):
        good = self.good_since()
        now = time.monotonic_ns()
        # The last ones too: nothing at all is not good.
        last = [probe for probe in self.by_kind["new"][-20:] if probe.is_ok]
        is_going_on = any(now - probe.ended < 100 * MILLISECOND for probe in last)
        return good is not None and is_going_on and now - max(good, since) > seconds * 1e9

    def failed(self, kind, since):
        return [p for p in self.by_kind[kind] if not p.is_ok and p.ended >= since]

    def longest_gap(self, since, until, end):
        """(from, to): the longest time without a new connection that came through, among those that
        began before `until` and ended after `since`."""
        ends = sorted(p.ended for p in self.by_kind["new"] if p.is_ok and p.ended <= end)
        gaps = ((a, b) for a, b in zip(ends, [*ends[1:], end]) if b > since and a < until)
        return max(gaps, key=lambda gap: gap[1] - gap[0], default=(since, end))


class Watch:
    """The observer's side: who has the address, and who answers for it."""

    def __init__(self, process, names_by_mac):
        self.process = process
        self.lines = Lines(process)
        self.names_by_mac = names_by_mac
        self.holders = [(0, frozenset())]  # (since, names)
        self.answers = []  # (asked at, names)

    def read(self):
        for at, what, *names in (words for words in self.lines.fresh() if len(words) > 1):
            if what == "answer":
                known = frozenset(self.names_by_mac.get(mac, mac) for mac in names)
                self.answers.append((int(at), known))
                continue
            before = self.holders[-1][1]
            after = before | {names[0]} if what == "has" else before - {names[0]}
            if after != before:
                self.holders.append((int(at), after))
        return self

    def stop(self):
        self.process.stop()
        self.read()
        self.lines.close()

    def held_ms(self, count, since, until):
        """How long `count` nodes had the address."""
        return _time_of(self.holders, count, since, until)

    def answered_ms(self, count, since, until):
        """How long `count` nodes answered for it, to five milliseconds."""
        return _time_of(self.answers, count, since, until)

    def stall_ms(self, since, until):
        """How long the observer itself did not run, though nothing is ahead of it: the machine."""
        asked = [at for at, _ in self.answers if since <= at <= until]
        return max((b - a for a, b in zip(asked, asked[1:])), default=0) / MILLISECOND

    def role_changes(self, since):
        return sum(1 for at, _ in self.holders if at >= since)


def _time_of(timeline, count, since, until):
    total = 0
    for (at, names), (after, _) in zip(timeline, [*timeline[1:], (until, None)]):
        if len(names) == count:
            total += max(0, min(after, until) - max(at, since))
    return total / MILLISECOND
