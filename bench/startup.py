"""Measure how long a user waits: for the first match of a pipe, and for `sluice --help`."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .events import START_UP_EVENTS, events, write
from .measure import Spread
from .process import BenchError, sluice
from .rules import WRITTEN, filter_rules, pack_text, rule_text

RULES = 50
AIM_MATCH_SECONDS = 0.5
AIM_HELP_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class StartResult:
    """What was waited for, in seconds of the clock on the wall."""

    name: str
    seconds: Spread
    aim: float

    @property
    def is_reached(self) -> bool:
        """Whether the median is at its aim."""
        return self.seconds.median <= self.aim


def measure_start(folder: Path, rounds: int) -> list[StartResult]:
    """Measure both; a run before is not counted, because it may write bytecode."""
    rules, lines = folder / "fifty.sluice", folder / "first.jsonl"
    drawn = map(rule_text, filter_rules(RULES - len(WRITTEN)))
    rules.write_text(pack_text(*WRITTEN.values(), *drawn), encoding="utf-8")
    write(lines, events(START_UP_EVENTS))
    sent = lines.read_bytes()
    command = sluice("run", "-q", "-r", rules, "--output", "json", "-")

    def match() -> float:
        return first_line_seconds(command, sent, folder)

    def help_() -> float:
        return first_line_seconds(sluice("--help"), b"", folder, is_to_end=True)

    return [
        StartResult("first match, 50 rules", _spread(match, rounds), AIM_MATCH_SECONDS),
        StartResult("sluice --help", _spread(help_, rounds), AIM_HELP_SECONDS),
    ]


def first_line_seconds(
    command: list[str], sent: bytes, folder: Path, *, is_to_end: bool = False
) -> float:
    """Start a command, send it bytes on a pipe that stays open, and wait for its first line.

    With `is_to_end` wait for its end instead.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        feeder = threading.Thread(target=_feed, args=(process.stdin, sent))
        feeder.start()
        line = process.stdout.read() if is_to_end else process.stdout.readline()
        if is_to_end:
            process.wait()
        seconds = time.perf_counter() - start
        process.kill()
        feeder.join()
        if not line:
            _, errors = process.communicate()
            raise BenchError(f"{' '.join(command)} printed nothing\n{errors.decode()}")
    return seconds


def _feed(pipe: IO[bytes], sent: bytes) -> None:
    with contextlib.suppress(BrokenPipeError):
        pipe.write(sent)
        pipe.flush()


def _spread(measure: Callable[[], float], rounds: int) -> Spread:
    measure()
    return Spread.of([measure() for _ in range(rounds)])
