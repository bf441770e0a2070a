"""Make topics and fill them, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


class Outgoing(NamedTuple):
    """A record that is to be written."""

    topic: str
    partition: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def make_topics(
    address: str, partitions: Mapping[str, int], settings: Mapping[str, str] | None = None
) -> None:
    """Make topics with so many partitions each."""
    asyncio.run(_made(address, partitions, settings or {}))


def fill(address: str, records: Iterable[Outgoing], bytes_max: int = 1 << 20) -> None:
    """Write records, in order within each partition; return when the broker has them."""
    asyncio.run(_filled(address, records, bytes_max))


async def _made(address: str, partitions: Mapping[str, int], settings: Mapping[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        new = [NewTopic(name, n, 1, topic_configs=dict(settings)) for name, n in partitions.items()]
        await admin.create_topics(new)
    finally:
        await admin.close()


async def _filled(address: str, records: Iterable[Outgoing], bytes_max: int) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=address, enable_idempotence=True, linger_ms=5,
        max_batch_size=256 * 1024, max_request_size=bytes_max,
    )  # fmt: skip
    await producer.start()
    try:
        sent = [
            await producer.send(each.topic, each.value, partition=each.partition,
                                headers=list(each.headers))
            for each in records
        ]  # fmt: skip
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
