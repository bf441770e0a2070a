"""Measure the author's tools: `why` beside a run, `check`, `test` and `test --mutate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .events import events, write
from .measure import Spread
from .process import REPOSITORY, sluice, spend
from .rules import WRITTEN, filter_rules, pack_text, rule_text

PACKS = REPOSITORY / "rules"
RULES = 1000
#: `why` about a rule takes less than so many times the CPU of a run of that rule.
AIM_WHY = 2.0
AIM_CHECK_SECONDS, AIM_TEST_SECONDS, AIM_MUTATE_SECONDS = 5.0, 5.0, 60.0


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool took: CPU seconds, or how many times what a run took."""

    name: str
    unit: str
    spent: Spread
    aim: float

    @property
    def is_reached(self) -> bool:
        """Whether the median is at its aim."""
        return self.spent.median <= self.aim


def measure_tools(folder: Path, count: int, rounds: int) -> list[ToolResult]:
    """Measure each tool, `why` over `count` events; start-up is part of what it takes."""
    path = folder / "asked.jsonl"
    write(path, events(count))
    found = [_why(task, folder, path, rounds) for task in WRITTEN]
    many = folder / "thousand.sluice"
    many.write_text(pack_text(*map(rule_text, filter_rules(RULES))), encoding="utf-8")

    def seconds(name: str, aim: float, *arguments: str | Path) -> ToolResult:
        command = sluice(*arguments)
        taken = _spread(lambda: spend(command, folder).cpu_seconds, rounds)
        return ToolResult(name, "s", taken, aim)

    found.append(seconds(f"check, {RULES:,} rules", AIM_CHECK_SECONDS, "check", "-q", many))
    found.append(seconds("test, all packs", AIM_TEST_SECONDS, "test", "-q", PACKS))
    pack = PACKS / "auth"
    found.append(seconds("mutate, one pack", AIM_MUTATE_SECONDS, "test", "-q", "--mutate", pack))
    return found


def _why(task: str, folder: Path, path: Path, rounds: int) -> ToolResult:
    rules = folder / f"why-{task}.sluice"
    rules.write_text(pack_text(WRITTEN[task]), encoding="utf-8")
    run = sluice("run", "-q", "-r", rules, "--output", "none", path)
    why = sluice("why", "-q", f"bench.{task.lower()}", "-r", rules, "--input", path)

    def ratio() -> float:
        return spend(why, folder).cpu_seconds / spend(run, folder).cpu_seconds

    return ToolResult(f"why {task}", "times a run", _spread(ratio, rounds), AIM_WHY)


def _spread(measure: Callable[[], float], rounds: int) -> Spread:
    return Spread.of([measure() for _ in range(rounds)])
