"""A contest: the balancers side by side through one scenario, in interleaved rounds."""

import contextlib
import dataclasses
import ipaddress
import pathlib
import shutil
import statistics
import tempfile
import threading
import time

from tandem_testing import HttpClient, Origin, wait_until

import load
import measure

ANCHORS = ("haproxy", "nginx", "h2o")


@dataclasses.dataclass
class Options:
    rounds: int
    seconds: int
    balancer_cpu: int
    instructions: bool
    system_calls: bool
    say: object  # called with a line of progress


class Contender:
    """One balancer with origins of its own, for one scenario."""

    def __init__(self, balancer, scenario, options, prefix=()):
        self.scenario = scenario
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tandem-bench-"))
        # The workers of nginx run as another user when the bench runs as root.
        self.folder.chmod(0o755)
        self.origins, self.balancer = [], None
        try:
            self.start_origins()
            self.balancer = balancer(
                self.folder, scenario, self.server_addresses(), options.balancer_cpu, prefix
            )
        except BaseException:
            self.stop()
            raise

    def start_origins(self):
        scenario = self.scenario
        options = {"default": scenario.target}
        if scenario.origin_force:
            options["force"] = scenario.origin_force
        if scenario.servers > scenario.origins:
            options["listen"] = "0.0.0.0:0"
        for number in range(scenario.origins):
            self.origins.append(Origin(self.folder, f"origin{number}", **options))

    def server_addresses(self):
        """One origin each; or many loopback addresses of the same origin."""
        if self.scenario.servers <= self.scenario.origins:
            return [f"127.0.0.1:{origin.port}" for origin in self.origins]
        first = ipaddress.IPv4Address("127.1.0.1")
        return [f"{first + i}:{self.origins[0].port}" for i in range(self.scenario.servers)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.balancer is not None:
            self.balancer.stop()
        for origin in self.origins:
            origin.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def port(self):
        return self.balancer.port

    def verify(self):
        """Right status, size and bytes, before anything is measured."""
        if self.scenario.h2:
            return load.verify_h2(self.port, self.scenario)
        with HttpClient(self.port, tls=load.client_tls(self.scenario)) as client:
            for number in range(1 if self.scenario.close else 3):
                response = self.scenario.ask(client, number)
                load.check_answer(response, self.scenario)
                expected = self.scenario.expected_body()
                if expected is not None and response.body != expected:
                    raise RuntimeError(f"{self.scenario.name}: the body arrived changed")

    def warm_up(self):
        done = 0
        for _ in range(20):
            done += load.run_load(self.port, self.scenario, 1).requests
            if done >= self.scenario.warm_up_requests():
                return
        raise RuntimeError(f"only {done} requests in 20 s")

    def measure(self, seconds):
        with self.watching_peak(seconds) as peak:
            figures = self.measure_load(seconds)
        return figures | peak

    @contextlib.contextmanager
    def watching_peak(self, seconds):
        """Most requests that one server had at once, where that is limited. Looked at before the
        load ends: clients that leave in the middle are another matter."""
        peak = {}
        if not self.scenario.maxconn:
            yield peak
            return
        for origin in self.origins:
            origin.forget_peak()
        look = threading.Timer(
            seconds * 0.8,
            lambda: peak.update(
                peak_of_servers=max(o.stats()["peak_in_flight"] for o in self.origins)
            ),
        )
        look.start()
        yield peak
        look.join()

    def measure_load(self, seconds):
        pids = self.balancer.pids()
        before = measure.cpu_nanoseconds(pids)
        result = load.run_load(self.port, self.scenario, seconds)
        used = measure.cpu_nanoseconds(pids) - before
        return {
            "cpu_us": used / 1000 / max(result.requests, 1),
            "requests_per_second": result.requests / result.seconds,
            "busy": used / 1e9 / result.seconds,
            "p50_us": result.p50,
            "p99_us": result.p99,
            "errors": result.errors,
            "requests": result.requests,
        }

    def count_system_calls(self):
        # Long enough that accepting the clients disappears among the requests.
        seconds = 1 if self.scenario.close else 6
        with measure.SystemCallCounter(self.balancer.pids()) as counter:
            result = load.run_load(self.port, self.scenario, seconds)
        if result.requests == 0:
            raise RuntimeError("not one request was answered while its system calls were counted")
        calls = {name: count / result.requests for name, count in counter.calls.items()}
        shown = {name: round(share, 2) for name, share in calls.items() if share >= 0.01}
        return {"total": round(sum(calls.values()), 2), "by_name": shown}


def run(balancers, group, options):
    """Everything about the scenarios of a group, by name, as it is kept in the JSON of the raw
    rounds. Their rounds are interleaved too: figures of one group may be held against each other."""
    records = {
        scenario.name: {"title": scenario.title, "date": time.strftime("%Y-%m-%d"), "failed": {}}
        for scenario in group
    }
    loaded = [scenario for scenario in group if not scenario.idle]
    run_loaded(balancers, loaded, options, records)
    for scenario in group:
        record = records[scenario.name]
        if scenario.idle:
            record |= run_idle(balancers, scenario, options, record)
        elif options.instructions and not scenario.maxconn:
            record["instructions"] = count_instructions(balancers, scenario, options, record)
    return records


def run_loaded(balancers, group, options, records):
    with contextlib.ExitStack() as stack:
        contenders = {scenario.name: {} for scenario in group}
        for scenario in group:
            for balancer in those_of(balancers, scenario):
                with noting_failure(balancer.name, records[scenario.name], options):
                    contender = stack.enter_context(Contender(balancer, scenario, options))
                    contender.verify()
                    contender.warm_up()
                    contenders[scenario.name][balancer.name] = contender
        rounds = play_rounds(contenders, options)
        for name, found in contenders.items():
            record = records[name]
            record |= {"seconds": options.seconds, "rounds": rounds[name]}
            if options.system_calls:
                calls = record["system_calls"] = {}
                for balancer, contender in found.items():
                    with noting_failure(balancer, record, options):
                        calls[balancer] = contender.count_system_calls()
            record["peak_rss"] = {
                balancer: measure.memory_bytes(contender.balancer.pids(), "VmHWM")
                for balancer, contender in found.items()
            }


def those_of(balancers, scenario):
    return [balancer for balancer in balancers if balancer.plays(scenario)]


@contextlib.contextmanager
def noting_failure(name, record, options):
    """A balancer that cannot do this scenario is left out of it, and the report says why."""
    try:
        yield
    except (AssertionError, RuntimeError, OSError) as error:
        record["failed"][name] = str(error)
        options.say(f"{name} is left out: {error}")


def play_rounds(group, options):
    """Who goes first changes with the round, so that no one profits from the order.

    `group`: by scenario and balancer."""
    rounds = {scenario: [] for scenario in group}
    for number in range(options.rounds):
        for scenario, contenders in group.items():
            names = list(contenders)
            if not names:
                continue
            order = names[number % len(names) :] + names[: number % len(names)]
            played = {name: contenders[name].measure(options.seconds) for name in order}
            rounds[scenario].append(played)
            figures = "  ".join(f"{name} {played[name]['cpu_us']:.1f}" for name in names)
            options.say(f"{scenario} round {number + 1}/{options.rounds}: {figures} us/request")
    return rounds


def run_idle(balancers, scenario, options, record):
    """Own memory for each idle connection, never used and after one request: a fresh process for
    each figure, because freed memory is not given back."""
    bytes_each = {}
    for balancer in those_of(balancers, scenario):
        figures = {}
        for key, target in (("never_used", None), ("after_one_request", scenario.target)):
            with (
                noting_failure(balancer.name, record, options),
                Contender(balancer, scenario, options) as contender,
            ):
                figures[key] = idle_bytes(contender, scenario.idle, target)
        options.say(f"{balancer.name}: {figures} bytes each")
        bytes_each[balancer.name] = figures
    return {"idle_bytes": bytes_each}


def idle_bytes(contender, count, target):
    contender.verify()
    pids = contender.balancer.pids()
    before = measure.memory_bytes(pids, "RssAnon")
    held = measure.open_descriptors(pids)
    kind = load.IdleH2Connections if contender.scenario.h2 else load.IdleConnections
    with kind(contender.port, count, target, load.client_tls(contender.scenario)):
        # Deferred accepts come in late, if ever: what counts is that nothing moves any more.
        wait_until(Steady(lambda: measure.open_descriptors(pids)), "all are accepted", 60)
        held = measure.open_descriptors(pids) - held
        # Those of before may have gone meanwhile.
        if held < count - count // 100 and (target or contender.scenario.tls):
            raise RuntimeError(f"of {count} idle connections only {held} are held")
        return round((measure.memory_bytes(pids, "RssAnon") - before) / count)


class Steady:
    """True once a reading has not changed for two seconds."""

    def __init__(self, read):
        self.read = read
        self.value, self.since = None, 0.0

    def __call__(self):
        value, now = self.read(), time.monotonic()
        if value != self.value:
            self.value, self.since = value, now
        return now - self.since > 2


def count_instructions(balancers, scenario, options, record):
    """The difference between a long and a short run has neither start nor end in it."""
    short, long = (40, 200) if scenario.large else (500, 2500)
    short, long = short + scenario.servers, long + scenario.servers
    found = {}
    for balancer in those_of(balancers, scenario):
        with noting_failure(f"{balancer.name} under valgrind", record, options):
            totals = [instructions_of(balancer, scenario, options, n) for n in (short, long)]
            found[balancer.name] = round((totals[1] - totals[0]) / (long - short))
    options.say(f"user instructions: {found}")
    return found


def instructions_of(balancer, scenario, options, count):
    with tempfile.TemporaryDirectory(prefix="tandem-ir-") as folder:
        pathlib.Path(folder).chmod(0o777)  # a worker that has dropped its rights writes here too
        prefix = measure.callgrind_command(folder)
        with Contender(balancer, scenario, options, prefix) as contender:
            load.send_exactly(contender.port, scenario, count)
        return measure.callgrind_instructions(folder)


def median_of(rounds, name, key):
    values = [one[name][key] for one in rounds if name in one]
    return statistics.median(values) if values else None


def growth(first, last, name):
    """Median over the rounds of what a balancer's request costs in the one list of rounds against
    the other, whose rounds were played between them."""
    ratios = [
        after[name]["cpu_us"] / before[name]["cpu_us"]
        for before, after in zip(first, last)
        if name in before and name in after
    ]
    return statistics.median(ratios) if ratios else None


def ratio_to_best_anchor(rounds, name):
    """Median over the rounds of CPU time against the better anchor of the same round. An anchor
    that answers with errors is cheap, not good: it does not count."""
    ratios = []
    for one in rounds:
        anchors = [
            one[anchor]["cpu_us"]
            for anchor in ANCHORS
            if anchor in one and one[anchor]["errors"] <= 0.01 * one[anchor]["requests"]
        ]
        if name in one and anchors:
            ratios.append(one[name]["cpu_us"] / min(anchors))
    return statistics.median(ratios) if ratios else None
