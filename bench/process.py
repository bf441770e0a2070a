"""Run a command and say what it cost: CPU seconds, largest memory, on one CPU where that goes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent


class BenchError(Exception):
    """A command that is measured does not do what it should."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process used, and what it printed."""

    cpu_seconds: float
    memory_bytes: int
    output: bytes


def sluice(*arguments: str | Path) -> list[str]:
    """Return the command `sluice` of this Python with arguments."""
    script = Path(sys.executable).with_name("sluice")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "sluice"]
    return [*start, *map(str, arguments)]


def spend(command: Sequence[str], folder: Path) -> Spent:
    """Run a command in a folder to its end; raise `BenchError` where it fails.

    The kernel counts the memory of a child from that of its parent, so the parent must be small.
    """
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            raise BenchError(f"{' '.join(command)} ended with {process.returncode}\n{said}")
        output.seek(0)
        unit = 1 if sys.platform == "darwin" else 1024
        cpu_seconds = usage.ru_utime + usage.ru_stime
        return Spent(cpu_seconds, usage.ru_maxrss * unit, output.read())


@contextlib.contextmanager
def one_cpu() -> Iterator[None]:
    """Keep this process and its children on one CPU for a while, where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
