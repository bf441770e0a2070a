"""Workers as processes on a broker, and what they have written."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from tests.commands import CommandLine
from tests.kafka.settings import worker_settings

WAIT_SECONDS_MAX = 90.0
#: A worker that is asked to end has so long.
END_SECONDS_MAX = 10.0


@dataclass(frozen=True, slots=True)
class Written:
    """A record of an output topic: what it says, and which one of its producer's log it is."""

    document: dict[str, Any]
    origin: str
    number: int


class Running:
    """A worker that runs; its log is in a file."""

    def __init__(self, argv: list[str], folder: Path, log: Path, env: Mapping[str, str]) -> None:
        self.log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sluice", *argv], cwd=folder, stdout=file, stderr=file,
                stdin=subprocess.DEVNULL, env={**os.environ, **env},
            )  # fmt: skip

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Ask it to end; return its exit code and how long it took."""
        begun = time.monotonic()
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            code = self._process.wait(3 * END_SECONDS_MAX)
        finally:
            self._process.kill()
        return code, time.monotonic() - begun

    def ended(self) -> tuple[int, str]:
        """Wait until it has ended by itself; return its exit code and all that it said."""
        code = self._process.wait(WAIT_SECONDS_MAX)
        return code, self.log.read_text("utf-8")

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text("utf-8")[-4000:]

    def until(self, what: Callable[[], Any], seconds: float = WAIT_SECONDS_MAX) -> None:
        """Wait until something is so; the log tells of a worker that never gets there."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end and self.is_running, self.said()
            time.sleep(0.2)


class Group:
    """The current folder with settings and rules, and the workers that run there."""

    def __init__(self, sluice: CommandLine, address: str, prefix: str, inputs: int = 8) -> None:
        self.sluice, self.address, self.prefix = sluice, address, prefix
        self.folder = Path.cwd()
        self.topic = f"{prefix}-in"
        self._inputs = inputs
        self._count = 0
        self.running: list[Running] = []
        self.configure()

    def configure(self, partitions: int = 4, idle: str = "20s") -> None:
        """Write `sluice.toml`."""
        (self.folder / "sluice.toml").write_text(
            worker_settings(self.address, self.prefix, self.topic, partitions, self._inputs)
            + f'idle_timeout = "{idle}"\n',
            "utf-8",
        )

    def rules(self, name: str, text: str) -> None:
        """Write a rule file."""
        path = self.folder / "rules" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")

    def json(self, *argv: str) -> Any:
        """What a command that goes well says as JSON."""
        said = self.sluice(*argv, "-o", "json")
        assert said.code == 0, said.err
        return json.loads(said.out)

    def start(self, *argv: str, **env: str) -> Running:
        """Start a worker."""
        self._count += 1
        log = self.folder / f"worker{self._count}.log"
        worker = Running(["worker", *argv], self.folder, log, env)
        self.running.append(worker)
        return worker

    def written(self, what: str = "matches") -> list[Written]:
        """All records of an output topic, by partition and offset."""
        found = []
        for record in self.records(what):
            origin, number = dict(record.headers)["sluice-seq"].decode().split(" ")
            found.append(Written(json.loads(record.value), origin, int(number)))
        return found

    def records(self, what: str) -> Iterator[Any]:
        """All records of one of Sluice's own topics."""
        topic = f"{self.prefix}.{what}"
        consumer = KafkaConsumer(
            bootstrap_servers=self.address, group_id=None, enable_auto_commit=False
        )
        try:
            places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(places)
            ends = consumer.end_offsets(places)
            for place in places:
                consumer.seek(place, 0)
            while any(consumer.position(place) < ends[place] for place in places):
                for records in consumer.poll(500).values():
                    yield from records
        finally:
            consumer.close()

    def ids(self, what: str = "match") -> list[str]:
        """The ids of the matches in the topic, repeats included."""
        return [w.document["id"] for w in self.written() if w.document["kind"] == what]

    def lag(self) -> int:
        """How many records wait."""
        return int(self.json("lag")["lag"])


@contextlib.contextmanager
def group_on(sluice: CommandLine, address: str, prefix: str, inputs: int = 8) -> Iterator[Group]:
    """A group whose workers end with the block."""
    group = Group(sluice, address, prefix, inputs)
    try:
        yield group
    finally:
        for worker in group.running:
            worker.end(signal.SIGKILL)


def repeated(records: Iterable[Written]) -> list[Written]:
    """Those records that have been in the topic before."""
    seen: set[tuple[str, int]] = set()
    found = []
    for record in records:
        if (record.origin, record.number) in seen:
            found.append(record)
        seen.add((record.origin, record.number))
    return found
