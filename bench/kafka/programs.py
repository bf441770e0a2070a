"""Workers that are measured: started, watched from outside, ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.process import REPOSITORY, BenchError

from .topics import Watch

POLL_SECONDS = 0.25
#: What is left out at the beginning and at the end of a run: start-up, and a slope that runs out.
FROM, TO = 0.15, 0.9
_TICK = os.sysconf("SC_CLK_TCK")


class Worker:
    """A process; `cpu_seconds` is what all its threads have used so far."""

    def __init__(self, command: Sequence[str], folder: Path, name: str) -> None:
        self._log = folder / f"{name}.log"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            )  # fmt: skip

    @property
    def cpu_seconds(self) -> float:
        """The CPU time of the process."""
        return cpu_seconds(self._process.pid)

    def check(self) -> None:
        """Raise BenchError when it has ended."""
        if self._process.poll() is not None:
            said = self._log.read_text("utf-8", "replace")[-3000:]
            raise BenchError(f"{self._log.stem} ended with {self._process.returncode}\n{said}")

    def ask_to_end(self) -> None:
        """Send SIGTERM."""
        self._process.terminate()

    def end(self) -> float:
        """Ask it to end; return how many seconds that took."""
        begun = time.monotonic()
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - begun


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


@contextmanager
def running(commands: Sequence[Sequence[str]], folder: Path, name: str) -> Iterator[list[Worker]]:
    """Run processes for a while."""
    workers = [Worker(each, folder, f"{name}{number}") for number, each in enumerate(commands)]
    try:
        yield workers
    finally:
        for each in workers:
            each.ask_to_end()
        for each in workers:
            each.end()


def sluice_worker(stages: str) -> list[str]:
    """Return the command of a worker with the settings of its folder."""
    return [sys.executable, "-m", "sluice", "-q", "worker", "--stages", stages]


@dataclass(frozen=True, slots=True)
class Drained:
    """What reading a full topic has cost, per event: CPU of the workers, CPU of the broker."""

    events: int
    per_second: float
    cpu_us: float
    broker_cpu_us: float

    @property
    def cores(self) -> float:
        """How many cores were busy with it, those of the broker included."""
        return self.per_second * (self.cpu_us + self.broker_cpu_us) / 1e6


def drain(
    workers: Sequence[Worker], watch: Watch, total: int, broker: int, seconds_max: float = 300
) -> Drained:
    """Watch workers do all records of a topic; `broker` is the id of the broker's process."""
    points: list[tuple[int, float, float, float]] = []
    end = time.monotonic() + seconds_max
    while not points or points[-1][0] < total:
        for each in workers:
            each.check()
        if time.monotonic() > end:
            raise BenchError(f"{points[-1][0] if points else 0} of {total} events were done")
        time.sleep(POLL_SECONDS)
        cpu = sum(each.cpu_seconds for each in workers)
        points.append((watch.done, time.monotonic(), cpu, cpu_seconds(broker)))
    first = next(point for point in points if point[0] >= FROM * total)
    last = [point for point in points if point[0] <= TO * total or point is first][-1]
    if last[0] <= first[0]:
        first, last = points[0], points[-1]
    done = last[0] - first[0]
    return Drained(
        done, done / (last[1] - first[1]), 1e6 * (last[2] - first[2]) / done,
        1e6 * (last[3] - first[3]) / done,
    )  # fmt: skip
