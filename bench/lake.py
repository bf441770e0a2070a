"""Measure what the lake adds to a run, and how long a question to it takes, by the clock."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from .events import events, write
from .measure import Spread
from .process import sluice, spend
from .rules import pack_text, task_text
from .tools import ToolResult

AIM_RATIO, AIM_QUERY_SECONDS, AIM_FEW_SECONDS = 1.25, 1.0, 1.0
#: A run over so many events is mostly its start and its end.
FEW = 2_000

#: Nothing hides what the lake costs: no match is made, and hardly a field is read.
_NEVER = "rule never { when http.request where status == 999 }"
_QUESTIONS = {
    "matches by hour": "SELECT per_hour(time), count(*) FROM matches GROUP BY 1",
    "events by hour": 'SELECT per_hour("@time"), count(*) FROM events GROUP BY 1',
}


def measure_lake(folder: Path, count: int, rounds: int) -> list[ToolResult]:
    """Measure runs that write their matches anyway, and one that has none; a short one; then
    questions."""
    path = folder / "kept.jsonl"
    write(path, events(count))
    found = []
    for name, text in (("T2", task_text("T2")), ("nothing", pack_text(_NEVER))):
        rules = folder / f"lake-{name}.sluice"
        rules.write_text(text, encoding="utf-8")
        command = sluice("run", "-q", "-r", rules, "--output", "json", path)
        ratio = _ratio(command, folder, folder / f"lake-{name}")
        found.append(ToolResult(f"{name} into a lake", "times", _spread(ratio, rounds), AIM_RATIO))
    found.append(_few(folder, rounds))
    for name, sql in _QUESTIONS.items():
        command = sluice("query", "--lake", folder / "lake-T2", sql)
        seconds = _spread(lambda command=command: _elapsed(command, folder), rounds)
        found.append(ToolResult(f"{name}, {count:,} events", "s", seconds, AIM_QUERY_SECONDS))
    return found


def _few(folder: Path, rounds: int) -> ToolResult:
    path, lake = folder / "few.jsonl", folder / "lake-few"
    write(path, events(FEW))
    rules = folder / "lake-T2.sluice"
    command = sluice("run", "-q", "-r", rules, "--output", "none", path, "--lake", lake)

    def seconds() -> float:
        shutil.rmtree(lake, ignore_errors=True)
        return _elapsed(command, folder)

    return ToolResult(f"{FEW:,} events into a lake", "s", _spread(seconds, rounds), AIM_FEW_SECONDS)


def _ratio(command: list[str], folder: Path, lake: Path) -> Callable[[], float]:
    def ratio() -> float:
        shutil.rmtree(lake, ignore_errors=True)
        without = _elapsed(command, folder)
        return _elapsed([*command, "--lake", str(lake)], folder) / without

    return ratio


def _elapsed(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    spend(command, folder)
    return time.perf_counter() - start


def _spread(measure: Callable[[], float], rounds: int) -> Spread:
    return Spread.of([measure() for _ in range(rounds)])
