"""Runs many seeds through engine and oracle: `python -m tests.oracle.sim --seeds N`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context

from .agreement import Simulate, case
from .generate import KINDS


@dataclass
class Tally:
    """What became of the seeds of one kind."""

    kind: str
    cases: int = 0
    with_matches: int = 0
    agreements: int = 0
    refused: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, other: Tally, show: int) -> None:
        """Take in the tally of a part."""
        self.cases += other.cases
        self.with_matches += other.with_matches
        self.agreements += other.agreements
        self.refused += other.refused
        self.shown = (self.shown + other.shown)[:show]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and the first disagreements; 1 where there is one."""
    options = _options(argv)
    parts = [
        (kind, first, min(first + 25, options.start + options.seeds), options.show, options.close)
        for kind in options.kinds
        for first in range(options.start, options.start + options.seeds, 25)
    ]
    tallies = {kind: Tally(kind) for kind in options.kinds}
    with get_context("spawn").Pool(options.processes) as pool:
        for tally in pool.imap(_part, parts):
            tallies[tally.kind].add(tally, options.show)
    print(f"{'kind':28} {'cases':>7} {'matches':>8} {'agree':>7} {'refused':>8}")
    for tally in tallies.values():
        print(
            f"{tally.kind:28} {tally.cases:7} {tally.with_matches:8} {tally.agreements:7}"
            f" {tally.refused:8}"
        )
    for tally in tallies.values():
        for text in tally.shown:
            print("\n" + text)
    return int(any(t.agreements + t.refused != t.cases for t in tallies.values()))


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="seeds of each kind")
    parser.add_argument("--start", type=int, default=0, help="the first seed")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--show", type=int, default=1, help="disagreements shown of each kind")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--close", action="store_true", help="let time run on to the end")
    options = parser.parse_args(argv)
    options.kinds = options.kinds.split(",")
    unknown = sorted(set(options.kinds) - set(KINDS))
    if unknown:
        parser.error(f"no such kind: {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return options


def engine() -> Simulate:
    """The engine behind its public contract."""
    simulate: Simulate = importlib.import_module("sluice.testing").simulate
    return simulate


def _part(job: tuple[str, int, int, int, bool]) -> Tally:
    kind, first, last, show, close = job
    simulate = engine()
    tally = Tally(kind)
    for seed in range(first, last):
        done = case(simulate, kind, seed, close=close)
        tally.cases += 1
        tally.with_matches += done.has_match
        tally.agreements += done.agrees
        tally.refused += done.is_refused
        if not (done.agrees or done.is_refused) and len(tally.shown) < show:
            tally.shown.append(str(done))
    return tally


if __name__ == "__main__":
    sys.exit(main())
