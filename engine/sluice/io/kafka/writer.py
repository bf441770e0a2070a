"""Write records to topics: those of one partition in order, each once, durable when told so."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from sluice.backends import RECORD_BYTES_MAX

Headers = Sequence[tuple[str, bytes]]

#: (key, value or None for "gone", headers)
Row = tuple[bytes, bytes | None, Headers]

BATCH_BYTES_MAX = 1 << 20
#: How long a write is tried again before it has failed: longer than a broker takes to restart.
DELIVERY_MS_MAX = 120_000


class TopicWriter:
    """An idempotent producer (KIP-98): `acks=all`, no gap and no repeat within its life."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; ConnectionError when no broker answers."""
        producer = AIOKafkaProducer(
            acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES_MAX,
            max_request_size=RECORD_BYTES_MAX, request_timeout_ms=DELIVERY_MS_MAX, linger_ms=0,
            **self._connection,
        )  # fmt: skip
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise ConnectionError(
                f"{self._connection['bootstrap_servers']}: no broker answers: {error}"
            ) from error
        self._producer = producer

    async def stop(self) -> None:
        """Send what waits, and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    async def send(
        self, topic: str, partition: int, value: bytes, key: bytes | None = None,
        headers: Headers = (),
    ) -> asyncio.Future[Any]:  # fmt: skip
        """Hand a record over; the future is done when it is durable."""
        future: asyncio.Future[Any] = await self._open.send(
            topic, value, key=key, partition=partition, headers=list(headers)
        )
        return future

    async def put(self, topic: str, partition: int, value: bytes, key: bytes) -> int:
        """Return the offset of a record when it is durable; ConnectionError when it is not."""
        try:
            future = await self.send(topic, partition, value, key)
            return int((await future).offset)
        except KafkaError as error:
            raise ConnectionError(f"{topic}: nothing was written: {error}") from error

    async def write(self, topic: str, partition: int, rows: Iterable[Row]) -> None:
        """Return when all rows are durable, in as few batches as possible."""
        batch, waiting = self._open.create_batch(), []
        for key, value, headers in rows:
            if batch.append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
                batch.close()
                waiting.append(await self._open.send_batch(batch, topic, partition=partition))
                batch = self._open.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=list(headers))
        batch.close()
        waiting.append(await self._open.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*waiting)

    @property
    def _open(self) -> AIOKafkaProducer:
        assert self._producer is not None, "not started"
        return self._producer
