"""Read a partition from its beginning to where it ends now, outside of any group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from sluice.io.kafka.message import Mark, Message, TopicPlace

#: How much of a partition comes at once, in bytes.
FETCH_BYTES = 4 << 20


@contextmanager
def _reaching(connection: Mapping[str, Any]) -> Iterator[None]:
    """Raise ConnectionError where a client says that no broker answers."""
    try:
        yield
    except (KafkaError, TimeoutError) as error:
        raise ConnectionError(
            f"{connection['bootstrap_servers']}: no broker answers: {error}"
        ) from error


class TopicFollower:
    """Reads one partition from the beginning, and on as it grows."""

    def __init__(self, connection: Mapping[str, Any], topic: str, partition: int = 0) -> None:
        self._connection, self._where = connection, TopicPartition(topic, partition)
        self._consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES, **connection,
        )  # fmt: skip

    async def start(self) -> None:
        """Connect; ConnectionError when no broker answers."""
        with _reaching(self._connection):
            await self._consumer.start()
            self._consumer.assign([self._where])
            first = await self._consumer.beginning_offsets([self._where])
        # Never seek_to_beginning: it races with the reset, and then nothing is read.
        self._consumer.seek(self._where, first[self._where])

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def until_end(self) -> AsyncIterator[Message]:
        """Yield what there is up to the end as it is now."""
        end = (await self._consumer.end_offsets([self._where]))[self._where]
        while await self._consumer.position(self._where) < end:
            for message in await self.more(0.5):
                yield message

    async def more(self, seconds: float) -> list[Message]:
        """Return what has come, after so many seconds at the latest."""
        found = await self._consumer.getmany(
            self._where, timeout_ms=int(1000 * seconds), max_records=5_000
        )
        messages: list[Message] = found.get(self._where, [])
        return messages


async def read_whole(
    connection: Mapping[str, Any], topic: str, partition: int
) -> AsyncIterator[Message]:
    """Yield all records of a partition up to its end as it is now."""
    follower = TopicFollower(connection, topic, partition)
    await follower.start()
    try:
        async for message in follower.until_end():
            yield message
    finally:
        await follower.stop()


class TopicEnds:
    """Asks where partitions begin and end, and what there is of topics."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None
        #: Held while the consumer reads: it can have one partition at a time.
        self._looking = asyncio.Lock()

    async def start(self) -> None:
        """Connect; ConnectionError when no broker answers."""
        consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="earliest", **self._connection
        )
        try:
            with _reaching(self._connection):
                await consumer.start()
        except ConnectionError:
            await consumer.stop()
            raise
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """Return how many partitions topics have, 0 where there is none of that name."""
        admin = AIOKafkaAdminClient(**self._connection)
        await admin.start()
        try:
            told = await admin.describe_topics(sorted(topics))
        finally:
            await admin.close()
        found = {each["topic"]: len(each["partitions"]) for each in told}
        return {topic: found.get(topic, 0) for topic in topics}

    async def firsts(self, places: Collection[TopicPlace]) -> dict[TopicPlace, int]:
        """Return the offset of the first record that each partition still has."""
        with _reaching(self._connection):
            found = await self._open.beginning_offsets([TopicPartition(*p) for p in places])
        return {(where.topic, where.partition): offset for where, offset in found.items()}

    async def ends(self, places: Collection[TopicPlace]) -> dict[TopicPlace, int]:
        """Return the offset that the next record of each partition gets."""
        with _reaching(self._connection):
            found = await self._open.end_offsets([TopicPartition(*p) for p in places])
        return {(where.topic, where.partition): offset for where, offset in found.items()}

    async def next_offset(self, place: TopicPlace, offset: int) -> int:
        """Return the offset of the first record at or above an offset."""
        where = TopicPartition(*place)
        async with self._looking:
            with _reaching(self._connection):
                self._open.assign([where])
                try:
                    return await self._first_from(where, offset)
                finally:
                    self._open.unsubscribe()

    async def _first_from(self, where: Any, offset: int) -> int:
        consumer = self._open
        consumer.seek(where, offset)
        while not (found := await consumer.getmany(where, timeout_ms=500, max_records=1)):
            if offset >= (await consumer.end_offsets([where]))[where]:
                return offset
        return int(found[where][0].offset)

    @property
    def _open(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "not started"
        return self._consumer


def committed_with(offset: int, note: str) -> Any:
    """Return an offset as clients commit it, with what is noted beside."""
    return OffsetAndMetadata(offset, note)


class GroupMarks:
    """Asks what a group has committed, with what it noted beside."""

    def __init__(self, connection: Mapping[str, Any], group: str) -> None:
        self._connection, self._group = connection, group
        self._admin = AIOKafkaAdminClient(**connection)

    async def start(self) -> None:
        """Connect."""
        await self._admin.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._admin.close()

    async def read(self, places: Collection[TopicPlace]) -> dict[TopicPlace, Mark]:
        """Return the marks of those partitions that have one."""
        wanted = [TopicPartition(*place) for place in places]
        if not wanted:
            return {}
        with _reaching(self._connection):
            found = await self._admin.list_consumer_group_offsets(self._group, partitions=wanted)
        return {
            (where.topic, where.partition): Mark(each.offset, each.metadata or "")
            for where, each in found.items()
            if each.offset >= 0
        }
