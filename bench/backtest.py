"""Measure backtests by the clock, on all cores: events a second, beside the stream engine."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sluice.timing import DAY_MS, format_instant

from .events import START_MS, events, write
from .measure import Spread
from .process import BenchError, sluice, spend
from .rules import pack_text, task_text

#: Events a second: of a packed lake, and of lines of JSON.
AIMS_LAKE = {"T1": 50e6, "T4": 10e6, "T5": 2e6}
AIMS_JSON = {"T1": 2e6}

#: So many days hold the same events, each at its own time: making them anew takes longest.
DAYS = 10

_TIME = re.compile(rb'"ts":(\d+)')
_NEVER = "rule never { when http.request where status == 999 }"


@dataclass(frozen=True, slots=True)
class RateResult:
    """Events a second of a backtest, and how many times that is what the stream engine does.

    `rate` is over all days, `ratio` over one day, which the stream engine takes long enough for;
    None where the backtest takes the stream engine itself.
    """

    name: str
    events: int
    rate: Spread
    ratio: Spread | None
    aim: float | None

    @property
    def is_reached(self) -> bool:
        """Whether the median is at its aim, and not slower than the stream engine."""
        is_slower = self.ratio is not None and self.ratio.median < 1.0
        return self.rate.median >= (self.aim or 0.0) and not is_slower


def measure_backtest(folder: Path, count: int, rounds: int) -> list[RateResult]:
    """Measure `DAYS` times `count` events as lines of JSON and in a packed lake."""
    day, all_days, lake = folder / "day.jsonl", folder / "days.jsonl", folder / "packed"
    write(day, events(count))
    with all_days.open("wb") as file:
        for number in range(DAYS):
            file.write(_later(day.read_bytes(), number * DAY_MS))
    never = folder / "never.sluice"
    never.write_text(pack_text(_NEVER), encoding="utf-8")
    spend(sluice("-q", "run", "-r", never, "-o", "none", "--lake", lake, all_days), folder)
    spend(sluice("-q", "lake", "compact", "--lake", lake, "-o", "none"), folder)
    found = []
    for task, aim in AIMS_LAKE.items():
        rules = folder / f"backtest-{task}.sluice"
        rules.write_text(task_text(task), encoding="utf-8")
        until = ("--until", format_instant(START_MS + DAY_MS - 1))
        rate = _rate(rules, "auto", lake, rounds)
        ratio = _ratio(rules, (lake, *until), rounds)
        found.append(RateResult(f"{task}, packed lake", count * DAYS, rate, ratio, aim))
        rate = _rate(rules, "auto", all_days, rounds)
        found.append(RateResult(f"{task}, JSON", count * DAYS, rate, None, AIMS_JSON.get(task)))
    return found


def _later(lines: bytes, shift_ms: int) -> bytes:
    return _TIME.sub(lambda at: b'"ts":%d' % (int(at[1]) + shift_ms), lines)


def _rate(rules: Path, engine: str, source: Path, rounds: int) -> Spread:
    return Spread.of([_a_second(rules, engine, (source,)) for _ in range(rounds)])


def _ratio(rules: Path, source: Sequence[str | Path], rounds: int) -> Spread:
    """Compare the engines over a part of the events, in turns."""
    return Spread.of([
        _a_second(rules, "auto", source) / _a_second(rules, "stream", source)
        for _ in range(rounds)
    ])  # fmt: skip


def _a_second(rules: Path, engine: str, source: Sequence[str | Path]) -> float:
    """Return how many events a second a backtest goes through."""
    command = sluice("backtest", "-r", rules, "--engine", engine, "-o", "json", "--from", *source)
    told = json.loads(spend(command, rules.parent).output)
    if not told["matches"]:
        raise BenchError(f"{rules.name}: the {engine} engine found no match")
    rate: float = told["events"] / told["seconds"]
    return rate
