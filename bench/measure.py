"""Measure the CPU time of `sluice run` a task beside the baseline, and compare what they count."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .events import write_start
from .process import REPOSITORY, one_cpu, sluice, spend
from .rules import task_text

#: How many times as fast as the baseline the engine is to be.
AIMS = {"T1": 2.0, "T2": 3.0, "T3": 8.0, "T4": 1.6, "T5": 1.6, "T6": 1.3}


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some measurements, the least and the greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum up measurements."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What was measured of a task; `wrong` says where the counts differ."""

    task: str
    events: int
    engine_ns: Spread
    baseline_ns: Spread
    start_seconds: Spread
    ratio: Spread
    aim: float
    wrong: tuple[str, ...]
    counts: Mapping[str, int]

    @property
    def is_reached(self) -> bool:
        """Whether the median ratio is at its aim."""
        return self.ratio.median >= self.aim


@dataclass(frozen=True, slots=True)
class _Round:
    engine_ns: float
    baseline_ns: float
    start_seconds: float
    stats: Mapping[str, Any]
    baseline_counts: Mapping[str, int]

    @property
    def ratio(self) -> float:
        """How many times as fast the engine is; 0 where noise has eaten the difference."""
        return self.baseline_ns / self.engine_ns if self.engine_ns > 0 else 0.0


def measure_task(task: str, events: Path, count: int, rounds: int) -> TaskResult:
    """Measure a task over a file of `count` events, engine and baseline by turns."""
    folder = events.parent
    start = folder / "start.jsonl"
    start_count = write_start(start, events)
    rules = folder / f"{task}.sluice"
    rules.write_text(task_text(task), encoding="utf-8")
    engine = _Engine(rules, events, start, count - start_count)
    with one_cpu():
        done = [_round(task, engine, count, is_baseline_first=n % 2 == 1) for n in range(rounds)]
    wrong = {text for r in done for text in differences(r.stats, r.baseline_counts, count)}
    return TaskResult(
        task=task,
        events=count,
        engine_ns=Spread.of([r.engine_ns for r in done]),
        baseline_ns=Spread.of([r.baseline_ns for r in done]),
        start_seconds=Spread.of([r.start_seconds for r in done]),
        ratio=Spread.of([r.ratio for r in done]),
        aim=AIMS[task],
        wrong=tuple(sorted(wrong)),
        counts=done[0].baseline_counts,
    )


def differences(stats: Mapping[str, Any], baseline: Mapping[str, int], count: int) -> Iterator[str]:
    """Say where the counts of a run are not those of the baseline, or not all events counted."""
    if stats["events"] != count:
        yield f"{stats['events']} events were read, not {count}"
    for name in ("late", "rejected", "evicted"):
        if stats[name]:
            yield f"{stats[name]} {name}, not 0"
    found = {name.removeprefix("bench."): n for name, n in stats["matches"].items()}
    for name in sorted(found.keys() | baseline.keys()):
        if found.get(name) != baseline.get(name):
            yield f"{name} matched {found.get(name)} times, not {baseline.get(name)}"


@dataclass(frozen=True, slots=True)
class _Engine:
    """A command over all events, and the same over the first ones."""

    rules: Path
    events: Path
    start: Path
    counted: int  # events that only the longer one reads

    def seconds(self, events: Path) -> float:
        """Run over a file and return the CPU seconds of the whole process."""
        return spend(self._command(events), self.rules.parent).cpu_seconds

    def stats(self) -> dict[str, Any]:
        """Return the counts of the last run."""
        found: dict[str, Any] = json.loads(self._stats.read_bytes())
        return found

    @property
    def _stats(self) -> Path:
        return self.rules.with_suffix(".stats.json")

    def _command(self, events: Path) -> list[str]:
        return sluice(
            "run", "-q", "-r", self.rules, "--output", "none", "--stats", self._stats, events
        )


def _round(task: str, engine: _Engine, count: int, *, is_baseline_first: bool) -> _Round:
    if is_baseline_first:
        baseline = _baseline(task, engine.events)
    # The start is as long as the work of a light task, so it is taken before and after it.
    before = engine.seconds(engine.start)
    whole = engine.seconds(engine.events)
    stats = engine.stats()
    start = (before + engine.seconds(engine.start)) / 2
    if not is_baseline_first:
        baseline = _baseline(task, engine.events)
    engine_ns = (whole - start) / engine.counted * 1e9
    baseline_ns = baseline["cpu_seconds"] / count * 1e9
    return _Round(engine_ns, baseline_ns, start, stats, baseline["counts"])


def _baseline(task: str, events: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.baseline", task, str(events)]
    found: dict[str, Any] = json.loads(spend(command, REPOSITORY).output)
    return found
