"""Measure workers over a broker: `python -m bench.kafka`; writes a table and JSON."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from bench.machine import machine
from bench.process import REPOSITORY

from .broker import Session
from .results import Figure
from .tasks import (
    measure_baseline,
    measure_filter,
    measure_latency,
    measure_restore,
    measure_stop,
    measure_two_stages,
    measure_workers,
)

LATEST = REPOSITORY / "bench" / "results" / "kafka.json"
TASKS: dict[str, Callable[[Session], list[Figure]]] = {
    "baseline": measure_baseline,
    "filter": measure_filter,
    "stages": measure_two_stages,
    "workers": measure_workers,
    "latency": measure_latency,
    "stop": measure_stop,
    "restore": measure_restore,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is asked for."""
    options = _options(argv)
    named = machine()
    print("machine: " + ", ".join(f"{name} {value}" for name, value in named.items()))
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="sluice-bench-kafka-") as folder,
        Session(Path(folder), options.events, options.rounds) as session,
    ):
        for task in options.tasks:
            for figure in TASKS[task](session):
                print(figure.text(), flush=True)
                figures.append(figure)
    record = {"machine": named, "events": options.events, "figures": [asdict(f) for f in figures]}
    options.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.kafka", description=__doc__)
    parser.add_argument("--events", type=int, default=1_500_000, help="events of the full topic")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--tasks", default=",".join(TASKS), help=f"of {','.join(TASKS)}")
    parser.add_argument("--json", type=Path, default=LATEST, help="where the results go")
    options = parser.parse_args(argv)
    options.tasks = options.tasks.split(",")
    unknown = sorted(set(options.tasks) - set(TASKS))
    if unknown:
        parser.error(f"no such task: {', '.join(unknown)}; there are {', '.join(TASKS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
