"""Measure what a key costs that a threshold rule has seen once: bytes by the peak of two runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .events import idle_logins, write
from .measure import Spread
from .process import BenchError, one_cpu, sluice, spend
from .rules import IDLE, IDLE_RULES, STATELESS, pack_text

KEYS = 200_000
AIM_BYTES = 400


@dataclass(frozen=True, slots=True)
class MemoryResult:
    """What an idle key costs in bytes."""

    keys: int
    bytes_per_key: Spread
    aim: int = AIM_BYTES

    @property
    def is_reached(self) -> bool:
        """Whether the median is at its aim."""
        return self.bytes_per_key.median <= self.aim


def measure_memory(folder: Path, rounds: int, keys: int = KEYS) -> MemoryResult:
    """Run a threshold rule and one without state over the same keys, one event each."""
    events = folder / "keys.jsonl"
    write(events, idle_logins(keys))
    with one_cpu():
        found = [
            (_peak(IDLE, events, keys) - _peak(STATELESS, events, keys)) / keys
            for _ in range(rounds)
        ]
    events.unlink()
    return MemoryResult(keys, Spread.of(found))


def measure_state(folder: Path, rounds: int, keys: int = KEYS) -> dict[str, Spread]:
    """Measure the same for each kind of rule that keeps something, in bytes by kind."""
    events = folder / "keys.jsonl"
    write(events, idle_logins(keys))
    with one_cpu():
        nothing = [_peak(STATELESS, events, keys) for _ in range(rounds)]
        found = {
            kind: Spread.of([(_peak(rule, events, keys) - less) / keys for less in nothing])
            for kind, rule in IDLE_RULES.items()
        }
    events.unlink()
    return found


def _peak(rule: str, events: Path, keys: int) -> int:
    """Return the largest memory of a run, in bytes; neither rule may match."""
    rules = events.with_name("idle.sluice")
    rules.write_text(pack_text(rule), encoding="utf-8")
    stats = events.with_name("idle.stats.json")
    command = sluice("run", "-q", "-r", rules, "--output", "none", "--stats", stats, events)
    peak = spend(command, events.parent).memory_bytes
    said = json.loads(stats.read_bytes())
    if (said["events"], sum(said["matches"].values()), said["evicted"]) != (keys, 0, 0):
        raise BenchError(f"the keys of the memory measurement were not all kept: {said}")
    return peak
