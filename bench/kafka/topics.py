"""Topics of the measurements: made, filled, and looked at from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

PARTITIONS = 8


def make_topics(address: str, partitions: Mapping[str, int]) -> None:
    """Make topics with so many partitions each."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(n, count, 1) for n, count in partitions.items()])
        finally:
            await admin.close()

    asyncio.run(make())


def fill(address: str, topic: str, events: Iterator[dict[str, Any]]) -> int:
    """Write events to the partitions in turn; return how many."""

    async def write() -> int:
        producer = AIOKafkaProducer(
            bootstrap_servers=address, enable_idempotence=True, linger_ms=20,
            max_batch_size=512 * 1024,
        )  # fmt: skip
        await producer.start()
        number = 0
        try:
            for number, event in enumerate(events, 1):
                line = orjson.dumps(event)
                await producer.send(topic, line, partition=number % PARTITIONS)
            await producer.flush()
        finally:
            await producer.stop()
        return number

    return asyncio.run(write())


class Watch:
    """Looks at how far a group is; one event loop for all questions."""

    def __init__(self, address: str, group: str, topic: str) -> None:
        self._address, self._group, self._topic = address, group, topic
        self._loop = asyncio.Runner()
        self._admin: AIOKafkaAdminClient | None = None

    def __enter__(self) -> Watch:
        self._admin = self._loop.run(self._started())
        return self

    def __exit__(self, *failure: object) -> None:
        assert self._admin is not None
        self._loop.run(self._admin.close())
        self._loop.close()

    async def _started(self) -> AIOKafkaAdminClient:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._address)
        await admin.start()
        return admin

    def committed(self) -> dict[int, int]:
        """Return how much of each partition the group has done."""
        assert self._admin is not None
        try:
            found = self._loop.run(self._admin.list_consumer_group_offsets(self._group))
        except KafkaError:
            return {}
        return {
            place.partition: max(0, each.offset)
            for place, each in found.items()
            if place.topic == self._topic
        }

    @property
    def done(self) -> int:
        """How many records of all partitions the group has done."""
        return sum(self.committed().values())


def end_of(address: str, topic: str) -> int:
    """Return how many records a topic holds."""

    async def ask() -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=address)
        await consumer.start()
        try:
            places = [TopicPartition(topic, n) for n in range(PARTITIONS)]
            return sum((await consumer.end_offsets(places)).values())
        finally:
            await consumer.stop()

    return asyncio.run(ask())
