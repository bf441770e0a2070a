"""The measurements: each gives figures with their aims."""

from __future__ import annotations

import statistics
import sys
import time

from bench.events import START_MS, idle_logins
from bench.process import BenchError

from .baseline import EVENTS, GROUP
from .broker import Session
from .latency import WARM_SECONDS, Latencies, measure
from .programs import Drained, Worker, drain, running, sluice_worker
from .results import Figure, figure
from .settings import prepare
from .topics import PARTITIONS, Watch, end_of, fill, make_topics

#: Stock Faust does so many in the time; its slope is as straight as that of all.
BASELINE_EVENTS = 40_000
#: How many keys are restored.
KEYS = 100_000
LATENCY_SECONDS = 20.0
#: When one of two workers is asked to end.
STOP_AT = 10.0


def measure_baseline(session: Session) -> list[Figure]:
    """Stock Faust, one agent, T1 by hand."""
    found = _baseline(session)
    return [
        figure("stock Faust, one agent", "us CPU an event", [each.cpu_us for each in found]),
        figure("stock Faust, one agent", "events/s", [each.per_second for each in found]),
    ]


def measure_filter(session: Session) -> list[Figure]:
    """The filter stage alone, T1."""
    found = [_drained(session, "filter", "filter") for _ in range(session.rounds)]
    return _beside_baseline(session, "filter stage", found, 20.0)


def measure_two_stages(session: Session) -> list[Figure]:
    """Both stages in one process; one event of twenty travels."""
    found = [_drained(session, "travel", "filter,match") for _ in range(session.rounds)]
    return _beside_baseline(session, "two stages, 5 % travel", found, 10.0)


def measure_workers(session: Session) -> list[Figure]:
    """Two workers on two cores beside one, and how many cores they and the broker keep busy."""
    one, two = [], []
    for _ in range(session.rounds):
        one.append(_drained(session, "filter", "filter"))
        two.append(_drained(session, "filter", "filter", 2))
    ratios = [b.per_second / a.per_second for a, b in zip(one, two, strict=True)]
    return [
        figure("one worker", "events/s", [each.per_second for each in one]),
        figure("one worker and the broker", "cores busy", [each.cores for each in one]),
        figure("two workers", "events/s", [each.per_second for each in two]),
        figure("two workers and the broker", "cores busy", [each.cores for each in two]),
        figure("two workers: the broker", "us CPU an event", [each.broker_cpu_us for each in two]),
        figure("two workers beside one", "x", ratios, 1.7),
    ]


def measure_latency(session: Session) -> list[Figure]:
    """From event to match through both stages, with each profile."""
    figures = []
    for profile, half, most in (("throughput", 40.0, 250.0), ("low", None, 50.0)):
        found = [_latencies(session, profile) for _ in range(session.rounds)]
        for share, aim in ((0.5, half), (0.99, most)):
            name = f"event to match, {profile}: p{100 * share:g}"
            values = [1000 * each.percentile(share) for each in found]
            figures.append(figure(name, "ms", values, aim, "less"))
    return figures


def measure_stop(session: Session) -> list[Figure]:
    """One of two workers ends while events flow: how long matches wait at most, and it takes."""
    waits, ends = [], []
    for _ in range(session.rounds):
        spent: list[float] = []
        found = _latencies(session, "throughput", spent)
        calm = max(found.between(WARM_SECONDS, STOP_AT - 1))
        worst = max(found.between(STOP_AT - 1, STOP_AT + 8))
        waits.append(max(0.0, worst - calm))
        ends += spent
    return [
        figure("a graceful stop: its partitions pause", "s", waits, 2.0, "less"),
        figure("a graceful stop takes", "s", ends, 10.0, "less"),
    ]


def measure_restore(session: Session) -> list[Figure]:
    """A worker that begins with the state of many keys, beside one that begins with none."""
    found = []
    for _ in range(session.rounds):
        full, empty = _start_seconds(session, KEYS), _start_seconds(session, 0)
        found.append(max(0.0, full - empty))
    return [figure(f"restore of {KEYS:,} keys", "s", found, 3.0, "less")]


def _baseline(session: Session) -> list[Drained]:
    if not session.baseline:
        total = min(BASELINE_EVENTS, session.count)
        for number in range(session.rounds):
            # Each time from the beginning: the group is another one.
            group = f"{GROUP}{number}"
            command = [sys.executable, "-m", "bench.kafka.baseline", session.address, group]
            with (
                Watch(session.address, group, EVENTS) as watch,
                running([command], session.folder, group) as workers,
            ):
                session.baseline.append(drain(workers, watch, total, session.broker_pid))
    return session.baseline


def _drained(session: Session, rules: str, stages: str, count: int = 1) -> Drained:
    name = session.name(rules)
    folder = prepare(session.folder, session.address, name, rules)
    commands = [sluice_worker(stages)] * count
    with (
        Watch(session.address, name, EVENTS) as watch,
        running(commands, folder, "worker") as workers,
    ):
        return drain(workers, watch, session.count, session.broker_pid)


def _beside_baseline(session: Session, name: str, found: list[Drained], aim: float) -> list[Figure]:
    stock = statistics.median(each.cpu_us for each in _baseline(session))
    return [
        figure(name, "us CPU an event", [each.cpu_us for each in found]),
        figure(name, "events/s", [each.per_second for each in found]),
        figure(f"{name} beside stock Faust", "x", [stock / each.cpu_us for each in found], aim),
    ]


def _latencies(session: Session, profile: str, ends: list[float] | None = None) -> Latencies:
    """Measure at a steady rate; with `ends` one of two workers is asked to end meanwhile."""
    name = session.name("flash")
    topic = f"{name}.live"
    make_topics(session.address, {topic: PARTITIONS})
    folder = prepare(session.folder, session.address, f"{name}x", "flash", topic, profile)
    commands = [sluice_worker("filter,match")] * (1 if ends is None else 2)
    matches = f"{name}x.matches"
    with running(commands, folder, "worker") as workers:
        _await_first(session, workers, topic, matches)

        def stop() -> None:
            assert ends is not None
            ends.append(workers[0].end())

        meanwhile = None if ends is None else (STOP_AT, stop)
        return measure(session.address, topic, matches, LATENCY_SECONDS, meanwhile)


def _await_first(
    session: Session, workers: list[Worker], topic: str, matches: str, at_ms: int | None = None
) -> float:
    """Send what matches at once until something comes of it; return when it did.

    `at_ms` is the time of these events, now where none is given.
    """
    end = time.monotonic() + 60
    before = end_of(session.address, matches)
    at = int(time.time() * 1000) if at_ms is None else at_ms
    while time.monotonic() < end:
        for each in workers:
            each.check()
        at += 1
        event = {"type": "host.metrics", "ts": at, "host": "first", "cpu": 100.0}
        fill(session.address, topic, iter([event] * PARTITIONS))
        time.sleep(0.2)
        if end_of(session.address, matches) > before:
            return time.monotonic()
    raise BenchError("no match came within a minute")


def _start_seconds(session: Session, keys: int) -> float:
    """Return how long a worker takes from its start to a match of the second stage."""
    name = session.name("kept")
    topic = f"{name}.logins"
    make_topics(session.address, {topic: PARTITIONS})
    folder = prepare(session.folder, session.address, f"{name}x", "kept", topic)
    fill(session.address, topic, idle_logins(keys))
    command, matches = sluice_worker("filter,match"), f"{name}x.matches"
    # Soon behind the logins, so that no key has expired.
    at = START_MS + KEYS
    with running([command], folder, "before") as workers:
        _await_first(session, workers, topic, matches, at)
    begun = time.monotonic()
    with running([command], folder, "after") as workers:
        return _await_first(session, workers, topic, matches, at + 10_000) - begun
