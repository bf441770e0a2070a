"""Take each guard out once and see the judge say no: `python -m tests.soak.ablations`.

A worker without a guard runs until its crash point (or, for guards of restoring, is killed and
started without the guard); one that is whole goes on. What is then in the topic of matches is
compared with what one process finds. With nothing ablated, it is the same.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.kafka.broker import Broker
from tests.soak.ablated import CRASHING, RESTORING
from tests.soak.events import LATENESS_MS, PARTITIONS, arrivals, write
from tests.soak.soak import RULES, settings_of

EVENTS, SEED, RATE = 12_000, 7, 1_500.0
READY_SECONDS, DONE_SECONDS_MAX = 8.0, 40.0


@dataclass(frozen=True, slots=True)
class Found:
    """How far the matches of a group of workers are from those of one process."""

    name: str
    expected: int
    missing: int
    extra: int
    ended: tuple[int | None, ...]
    last_words: str

    @property
    def is_right(self) -> bool:
        """Whether they are the same."""
        return not self.missing and not self.extra

    def __str__(self) -> str:
        said = "right" if self.is_right else "WRONG"
        return (
            f"{self.name:30} {said}: {self.expected} expected, {self.missing} missing, "
            f"{self.extra} extra; workers ended with {self.ended}: {self.last_words}"
        )


class Trial:
    """One group of workers on a broker, with topics of its own."""

    def __init__(self, broker: Broker, folder: Path, name: str) -> None:
        self._broker, self._folder, self._name = broker, folder, name
        self._topic = f"in.{name}"
        self._started: list[subprocess.Popen[bytes]] = []
        folder.mkdir()
        write(folder / "given", EVENTS, SEED)
        shutil.copytree(RULES, folder / "rules")
        text = settings_of(broker.address, name, self._topic)
        (folder / "sluice.toml").write_text(text, "utf-8")
        self._run(["topics", "apply"])

    def run(self) -> Found:
        """Run a worker without the guard, then one that is whole."""
        try:
            return self._judged(self._ended())
        finally:
            for worker in self._started:
                worker.kill()
                worker.wait()

    def _ended(self) -> tuple[int, ...]:
        """Return how both workers ended."""
        first = self._worker(self._name if self._name in CRASHING else None)
        time.sleep(READY_SECONDS)
        asyncio.run(self._produce())
        if self._name not in CRASHING:
            first.kill()
        ended = [first.wait(60)]
        second = self._worker(self._name if self._name in RESTORING else None)
        begun = time.monotonic()
        while time.monotonic() - begun < DONE_SECONDS_MAX and second.poll() is None:
            time.sleep(0.5)
        second.terminate()
        ended.append(second.wait(30))
        return tuple(ended)

    def _worker(self, ablation: str | None) -> subprocess.Popen[bytes]:
        module = ["sluice"] if ablation is None else ["tests.soak.ablated", ablation]
        argv = [sys.executable, "-m", *module, "worker", "--stages", "filter,match"]
        with (self._folder / "worker.log").open("ab") as log:
            worker = subprocess.Popen(
                argv, cwd=self._folder, stdout=log, stderr=log, env=_environment()
            )
        self._started.append(worker)
        return worker

    def _run(self, argv: list[str]) -> str:
        command = [sys.executable, "-m", "sluice", *argv]
        return subprocess.run(
            command, cwd=self._folder, check=True, capture_output=True, text=True
        ).stdout

    async def _produce(self) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._broker.address, linger_ms=5)
        await producer.start()
        begun, sent = time.monotonic(), []
        for number, arrival in enumerate(arrivals(EVENTS, SEED)):
            future = await producer.send(self._topic, arrival.line, partition=arrival.partition)
            sent.append(future)
            if number % 200 == 0:
                await asyncio.sleep(max(0.0, begun + number / RATE - time.monotonic()))
        await asyncio.gather(*sent)
        await producer.stop()

    def _judged(self, ended: tuple[int | None, ...]) -> Found:
        files = sorted(map(str, (self._folder / "given").iterdir()))
        lateness = f"{LATENESS_MS}ms"
        argv = ["run", "-q", "-o", "json", "--show", "match", "--lateness", lateness, *files]
        expected = {json.loads(line)["id"] for line in self._run(argv).splitlines()}
        found = asyncio.run(self._matches())
        extra = sum(found.values()) - len(found.keys() & expected)
        lost = len(expected - found.keys())
        said = (self._folder / "worker.log").read_text("utf-8").splitlines() or [""]
        return Found(self._name, len(expected), lost, extra, ended, said[-1])

    async def _matches(self) -> Counter[str]:
        """Return how often each match is there for a sink that goes by the numbers of origins."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self._broker.address)
        await consumer.start()
        places = [TopicPartition(f"{self._name}.matches", n) for n in range(PARTITIONS)]
        consumer.assign(places)
        ends, begins = await consumer.end_offsets(places), await consumer.beginning_offsets(places)
        for place in places:
            consumer.seek(place, begins[place])
        found: Counter[str] = Counter()
        high: dict[str, int] = {}
        while [p for p in places if await consumer.position(p) < ends[p]]:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    _count(record, high, found)
        await consumer.stop()
        return found


def _count(record: Any, high: dict[str, int], found: Counter[str]) -> None:
    origin, number = dict(record.headers)["sluice-seq"].decode().split(" ")
    if int(number) > high.get(origin, -1):
        high[origin] = int(number)
        content = json.loads(record.value)
        if content["kind"] == "match":
            found[content["id"]] += 1


def _environment() -> dict[str, str]:
    import os

    root = str(Path(__file__).parents[2])
    return {**os.environ, "PYTHONPATH": root, "PYTHONUNBUFFERED": "1"}


def main() -> int:
    """Try every ablation, and none."""
    names = sys.argv[1:] or ["whole", *CRASHING, *RESTORING]
    with tempfile.TemporaryDirectory() as text, Broker(Path(text) / "broker") as broker:
        found = []
        for name in names:
            found.append(Trial(broker, Path(text) / name, name).run())
            print(found[-1], flush=True)
    is_as_expected = all(each.is_right == (each.name == "whole") for each in found)
    return 0 if is_as_expected else 1


if __name__ == "__main__":
    raise SystemExit(main())
