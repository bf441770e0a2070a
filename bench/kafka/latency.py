"""Measure the time from producing an event to the match that it makes, at a steady rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from .topics import PARTITIONS

#: The rate at which the aims are meant.
RATE = 5_000
TICK_SECONDS = 0.002
#: What comes before is the start-up.
WARM_SECONDS = 4.0
#: One event of so many makes a match.
MATCH_EVERY = 50
HOSTS = 200


@dataclass(slots=True)
class Latencies:
    """Seconds from event to match, by the second of the measurement in which they were sent."""

    found: list[tuple[float, float]] = field(default_factory=list)
    sent: int = 0

    def between(self, first: float, last: float) -> list[float]:
        """Return those of events that were sent between two moments, in order."""
        return sorted(spent for at, spent in self.found if first <= at < last)

    def percentile(self, share: float, first: float = WARM_SECONDS) -> float:
        """Return the latency that a share of the matches does not exceed."""
        every = self.between(first, float("inf"))
        if not every:
            raise ValueError("no match came")
        return every[min(len(every) - 1, int(share * len(every)))]


def measure(
    address: str, topic: str, matches: str, seconds: float,
    meanwhile: tuple[float, Callable[[], object]] | None = None,
) -> Latencies:  # fmt: skip
    """Produce at the rate for so many seconds, and wait for the matches of all.

    `meanwhile` is done after so many seconds.
    """
    return asyncio.run(_Measurement(address, topic, matches).run(seconds, meanwhile))


class _Measurement:
    def __init__(self, address: str, topic: str, matches: str) -> None:
        self._address, self._topic, self._matches = address, topic, matches
        self._sent: dict[str, float] = {}
        self._latencies = Latencies()

    async def run(
        self, seconds: float, meanwhile: tuple[float, Callable[[], object]] | None
    ) -> Latencies:
        """Produce and listen."""
        consumer = AIOKafkaConsumer(
            self._matches, bootstrap_servers=self._address, fetch_max_wait_ms=2,
            auto_offset_reset="latest",
        )  # fmt: skip
        producer = AIOKafkaProducer(bootstrap_servers=self._address, linger_ms=0)
        await consumer.start()
        await producer.start()
        self._begun = time.perf_counter()
        try:
            listening = asyncio.create_task(self._listen(consumer))
            acting = asyncio.create_task(_after(*meanwhile)) if meanwhile else None
            await self._produce(producer, seconds)
            end = time.perf_counter() + 20
            while self._sent and time.perf_counter() < end:
                await asyncio.sleep(0.1)
            listening.cancel()
            if acting is not None:
                await acting
        finally:
            await producer.stop()
            await consumer.stop()
        return self._latencies

    async def _produce(self, producer: AIOKafkaProducer, seconds: float) -> None:
        number, per_tick = 0, int(RATE * TICK_SECONDS)
        while (now := time.perf_counter()) < self._begun + seconds:
            at_ms = int(time.time() * 1000)
            for _ in range(per_tick):
                number += 1
                is_match = number % MATCH_EVERY == 0
                event = {
                    "type": "host.metrics", "ts": at_ms, "@id": str(number),
                    "host": f"node-{number % HOSTS:03}", "cpu": 99.5 if is_match else 20.0,
                    "labels": {"env": "prod", "region": "eu-central-1", "team": "api"},
                }  # fmt: skip
                if is_match:
                    self._sent[str(number)] = time.perf_counter()
                line = orjson.dumps(event)
                await producer.send(self._topic, line, partition=number % PARTITIONS)
            due = self._begun + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        self._latencies.sent = number
        # The last events of each partition are to let those before them go: time is at its end.
        last = {"type": "bench.ended", "ts": int(time.time() * 1000) + 1}
        for partition in range(PARTITIONS):
            await producer.send(self._topic, orjson.dumps(last), partition=partition)
        del now

    async def _listen(self, consumer: AIOKafkaConsumer) -> None:
        async for message in consumer:
            record = orjson.loads(message.value)
            if record["kind"] == "match":
                at = self._sent.pop(record["events"][-1]["id"], None)
                if at is not None:
                    spent = time.perf_counter() - at
                    self._latencies.found.append((at - self._begun, spent))


async def _after(seconds: float, act: Callable[[], object]) -> None:
    await asyncio.sleep(seconds)
    await asyncio.to_thread(act)
