"""Measure, print a table and write JSON: `python -m bench`; 1 only where a count is wrong."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple
from pathlib import Path

from .backtest import RateResult, measure_backtest
from .events import SEED, events, write
from .lake import measure_lake
from .machine import machine
from .measure import AIMS, Spread, TaskResult, measure_task
from .memory import MemoryResult, measure_memory, measure_state
from .process import REPOSITORY
from .startup import StartResult, measure_start
from .tools import ToolResult, measure_tools

LATEST = REPOSITORY / "bench" / "results" / "latest.json"
TASKS = (*AIMS, "memory", "start", "lake", "backtest", "state", "tools")
#: What takes minutes is measured when asked for, as is what has no aim.
USUAL = tuple(task for task in TASKS if task not in ("T3", "lake", "backtest", "state", "tools"))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for; return 1 where a count is wrong."""
    options = _options(argv)
    named = machine()
    print("machine: " + ", ".join(f"{name} {value}" for name, value in named.items()))
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as folder:
        tasks = _tasks(options, Path(folder))
        memory: MemoryResult | None = None
        start: list[StartResult] = []
        if "memory" in options.tasks:
            memory = measure_memory(Path(folder), options.rounds)
            _print_memory(memory)
        if "start" in options.tasks:
            start = measure_start(Path(folder), options.rounds)
            _print_start(start)
        state: dict[str, Spread] = {}
        if "state" in options.tasks:
            state = measure_state(Path(folder), options.rounds)
            _print_state(state)
        lake: list[ToolResult] = []
        if "lake" in options.tasks:
            lake = measure_lake(Path(folder), options.events, options.rounds)
            _print_tools(lake)
        rates: list[RateResult] = []
        if "backtest" in options.tasks:
            rates = measure_backtest(Path(folder), options.events, options.rounds)
            _print_rates(rates)
        tools: list[ToolResult] = []
        if "tools" in options.tasks:
            tools = measure_tools(Path(folder), options.events, options.rounds)
            _print_tools(tools)
    record = {
        "machine": named,
        "events": options.events,
        "rounds": options.rounds,
        "seed": SEED,
        "tasks": [asdict(t) | {"is_reached": t.is_reached} for t in tasks],
        "memory": memory and asdict(memory) | {"is_reached": memory.is_reached},
        "start": [asdict(s) | {"is_reached": s.is_reached} for s in start],
        "lake": [asdict(t) | {"is_reached": t.is_reached} for t in lake],
        "backtest": [asdict(t) | {"is_reached": t.is_reached} for t in rates],
        "tools": [asdict(t) | {"is_reached": t.is_reached} for t in tools],
        "state": {kind: asdict(spread) for kind, spread in state.items()},
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    wrong = [f"{task.task}: {text}" for task in tasks for text in task.wrong]
    for text in wrong:
        print(f"WRONG {text}", file=sys.stderr)
    return int(bool(wrong))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="events of each task")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--tasks", default=",".join(USUAL), help=f"of {','.join(TASKS)}")
    parser.add_argument("--json", type=Path, default=LATEST, help="where the results go")
    options = parser.parse_args(argv)
    options.tasks = options.tasks.split(",")
    unknown = sorted(set(options.tasks) - set(TASKS))
    if unknown:
        parser.error(f"no such task: {', '.join(unknown)}; there are {', '.join(TASKS)}")
    if options.events < 1000 or options.rounds < 1:
        parser.error("at least 1000 events and one round are needed")
    return options


def _tasks(options: argparse.Namespace, folder: Path) -> list[TaskResult]:
    chosen = [task for task in AIMS if task in options.tasks]
    if not chosen:
        return []
    path = folder / "events.jsonl"
    write(path, events(options.events))
    print(
        f"\n{'task':4} {'events':>9} {'engine ns/event':>22} {'baseline ns/event':>24}"
        f" {'ratio':>18} {'aim':>4}"
    )
    found = []
    for task in chosen:
        result = measure_task(task, path, options.events, options.rounds)
        print(
            f"{task:4} {result.events:9,} {_spread(result.engine_ns, ',.0f'):>22}"
            f" {_spread(result.baseline_ns, ',.0f'):>24} {_spread(result.ratio, '.2f'):>18}"
            f" {result.aim:4} {_verdict(result)}",
            flush=True,
        )
        found.append(result)
    return found


def _print_memory(result: MemoryResult) -> None:
    print(
        f"\nan idle key of a threshold: {_spread(result.bytes_per_key, ',.0f')} bytes"
        f" over {result.keys:,} keys, aim {result.aim}: {_verdict(result)}",
        flush=True,
    )


def _print_state(found: Mapping[str, Spread]) -> None:
    print("\nbytes of an idle key")
    for kind, spread in found.items():
        print(f"{kind:24} {_spread(spread, ',.0f'):>18}")


def _print_start(results: Sequence[StartResult]) -> None:
    print()
    for result in results:
        seconds = _spread(result.seconds, ".2f")
        print(f"{result.name}: {seconds} s, aim {result.aim}: {_verdict(result)}")


def _print_rates(results: Sequence[RateResult]) -> None:
    heads = f"{'events':>10} {'M events/s':>20} {'aim':>4} {'times the stream':>20}"
    print(f"\n{'backtest':18} {heads}")
    for result in results:
        rate = Spread(*(value / 1e6 for value in astuple(result.rate)))
        ratio = "it is" if result.ratio is None else _spread(result.ratio, ".1f")
        aim = "" if result.aim is None else f"{result.aim / 1e6:.0f}"
        print(
            f"{result.name:18} {result.events:10,} {_spread(rate, '.1f'):>20} {aim:>4}"
            f" {ratio:>20} {'ok' if result.is_reached else 'BELOW'}"
        )


def _print_tools(results: Sequence[ToolResult]) -> None:
    print()
    for result in results:
        spent = _spread(result.spent, ".2f")
        print(f"{result.name}: {spent} {result.unit}, aim {result.aim}: {_verdict(result)}")


def _spread(spread: Spread, form: str) -> str:
    low, high = format(spread.least, form), format(spread.greatest, form)
    return f"{format(spread.median, form)} ({low}-{high})"


def _verdict(result: TaskResult | MemoryResult | StartResult | ToolResult) -> str:
    if isinstance(result, TaskResult) and result.wrong:
        return "WRONG"
    return "ok" if result.is_reached else "BELOW" if isinstance(result, TaskResult) else "ABOVE"


if __name__ == "__main__":
    sys.exit(main())
