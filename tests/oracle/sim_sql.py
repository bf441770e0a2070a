"""Holds SQL to the stream engine on many seeds: `python -m tests.oracle.sim_sql --seeds N`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random

from sluice.catalog import builtins
from sluice.cli.app import execute
from sluice.errors import RuleError, Unsupported
from sluice.plan import Plan, lower
from sluice.shells import Backtest, RunRequest, compile_rules, job_of, run_backtest

from .generate import KINDS, scenario
from .render import render
from .spec import Event


@dataclass(frozen=True)
class SqlCase:
    """One scenario, run by both engines; `found` is None where the rules were not run.

    `refused` says why: by the compiler, which knows types that the generator does not, or by SQL.
    `counts` is what SQL found when nobody asked for single matches.
    """

    kind: str
    seed: int
    text: str
    lines: tuple[str, ...]
    found: Backtest | None
    refused: str = ""
    counts: Backtest | None = None

    @property
    def agrees(self) -> bool:
        """Whether both engines say the same, and counts are those of the matches."""
        if self.found is None or self.counts is None:
            return True
        return not self.found.difference_count and not self.miscounted

    @property
    def miscounted(self) -> list[str]:
        """The rules of which SQL counts other matches than the stream finds."""
        assert self.found is not None and self.counts is not None
        expected, actual = self.found.tally.rules, self.counts.tally.rules
        return [name for name, tally in expected.items() if tally != actual[name]]

    def __str__(self) -> str:
        head = f"--- {self.kind} seed {self.seed}\n{self.text.rstrip()}\nevents:"
        held = [] if self.found is None else [str(each) for each in self.found.differences]
        if self.found is not None and self.counts is not None:
            for name in self.miscounted:
                held += [f"expected {self.found.tally.rules[name]}"]
                held += [f"counted  {self.counts.tally.rules[name]}"]
        return "\n".join([head, *("  " + line for line in self.lines), *held])


def sql_case(kind: str, seed: int, folder: Path, lake: str = "") -> SqlCase:
    """Run one scenario; events that no rule looks at stand between those of the scenario.

    With `lake` (`fresh` or `packed`) the events go through a lake, and what its files held before
    is decided once more from there.
    """
    rules, events = scenario(seed, kind)
    text = render(rules)
    lines = tuple(_lines(events, Random(f"{kind} {seed}")))
    (folder / "rules.sluice").write_text(text, "utf-8")
    (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    try:
        plan = _plan(str(folder / "rules.sluice"))
    except RuleError as error:
        return SqlCase(kind, seed, text, lines, None, f"rules: {error}")
    # Every second seed lets time run on to the end of all deadlines.
    source = str(folder / "events.jsonl")
    if lake:
        source = _filled_lake(folder, lake == "packed")
    request = RunRequest((), (source,), sort=True, close=seed % 2 == 0)
    job = job_of(plan, builtins(), request)
    try:
        found = run_backtest(job, "both")
    except Unsupported as error:
        return SqlCase(kind, seed, text, lines, None, f"SQL: {error}")
    return SqlCase(kind, seed, text, lines, found, counts=run_backtest(job, "sql"))


def _filled_lake(folder: Path, is_packed: bool) -> str:
    """Put the events of a folder into a lake of their own, and return it."""
    lake = str(folder / "lake")
    shutil.rmtree(lake, ignore_errors=True)
    rules, events = str(folder / "rules.sluice"), str(folder / "events.jsonl")
    words = ["-q", "run", "-r", rules, "--sort", "--lake", lake, "-o", "none", events]
    assert execute(words) == 0
    if is_packed:
        assert execute(["-q", "lake", "compact", "--lake", lake, "-o", "none"]) == 0
    return lake


def _plan(path: str) -> Plan:
    compiled = compile_rules([path], catalog=builtins())
    compiled.raise_errors()
    return lower(compiled.checked, builtins())


def _lines(events: Sequence[Event], random: Random) -> list[str]:
    lines = []
    for event in events:
        lines.append(json.dumps(event.to_dict(), ensure_ascii=random.random() < 0.5))
        if random.random() < 0.3:
            lines.append(json.dumps({"@type": "other", "@time": event.time, "n": len(lines)}))
        if random.random() < 0.05:
            lines.append(random.choice(["", "no event", '{"@type": "a"}']))
    return lines


@dataclass
class Tally:
    """What became of the seeds of one kind."""

    cases: int = 0
    with_matches: int = 0
    narrowed: int = 0
    counted: int = 0
    refused: int = 0
    sql_refused: int = 0
    differing: int = 0


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and the first disagreements; 1 where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="seeds of each kind")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--lake", choices=["fresh", "packed"], default="", help="by way of a lake")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(argv)
    kinds = options.kinds.split(",")
    jobs = [
        (kind, first, min(first + 20, options.start + options.seeds), options.lake)
        for kind in kinds
        for first in range(options.start, options.start + options.seeds, 20)
    ]
    tallies = {kind: Tally() for kind in kinds}
    shown: list[str] = []
    with get_context("spawn").Pool(options.processes) as pool:
        for kind, part, texts in pool.imap(_part, jobs):
            shown += texts
            for name, count in vars(part).items():
                setattr(tallies[kind], name, getattr(tallies[kind], name) + count)
    names = list(vars(Tally()))
    print(f"{'kind':28} " + " ".join(f"{name:>12}" for name in names))
    for kind, tally in tallies.items():
        print(f"{kind:28} " + " ".join(f"{count:12}" for count in vars(tally).values()))
    for text in shown[:3]:
        print("\n" + text)
    return int(bool(shown))


def _part(job: tuple[str, int, int, str]) -> tuple[str, Tally, list[str]]:
    kind, first, last, lake = job
    tally, shown = Tally(), []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last):
            case = sql_case(kind, seed, Path(folder), lake)
            tally.cases += 1
            tally.refused += case.refused.startswith("rules")
            tally.sql_refused += case.refused.startswith("SQL")
            if case.found is not None and case.found.other is not None:
                tally.with_matches += case.found.tally.matches > 0
                tally.narrowed += (case.found.other.kept or 0) < case.found.read.events
            tally.counted += case.counts is not None and case.counts.read.counted > 0
            if not case.agrees:
                tally.differing += 1
                shown.append(str(case))
    return kind, tally, shown


if __name__ == "__main__":
    sys.exit(main())
