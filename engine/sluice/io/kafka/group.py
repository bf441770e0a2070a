"""Read topics as a member of a consumer group that keeps words of its own beside its offsets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from aiokafka import (
    AIOKafkaConsumer,
    ConsumerRebalanceListener,
    OffsetAndMetadata,
    TopicPartition,
)  # fmt: skip
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
)  # fmt: skip

from sluice.errors import ConfigError
from sluice.io.kafka.message import Mark, Message, TopicPlace

log = logging.getLogger(__name__)

#: How soon a topic, or a partition of it, that is new is seen.
METADATA_AGE_MS = 10_000
#: How long an answer is waited for.
REQUEST_MS = 10_000
#: A broker that does not answer for so long is asked again later.
ANSWER_SECONDS = 5.0
#: How long a client may take to say good-bye.
STOP_SECONDS = 3.0


class GroupReader:
    """A member of a consumer group.

    Partitions that it is given are paused until `begin` says where to read. `on_lost` is awaited
    before partitions go to another member. `connection` is what every client is made with.
    """

    def __init__(
        self, connection: Mapping[str, Any], group: str, topics: Collection[str],
        on_lost: Callable[[], Awaitable[None]], session_timeout_ms: int = 10_000,
    ) -> None:  # fmt: skip
        self._connection, self._group, self._topics = connection, group, sorted(topics)
        self._session_timeout_ms = session_timeout_ms
        self._listener = _Listener(self, on_lost)
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None
        #: Counts how often partitions were dealt out; what was read before belongs to the past.
        self.generation = 0
        self.given: frozenset[TopicPlace] = frozenset()

    async def start(self) -> None:
        """Connect and join the group.

        ConnectionError when no broker answers, ConfigError when a topic is not there.
        """
        self._consumer = AIOKafkaConsumer(
            group_id=self._group, enable_auto_commit=False, auto_offset_reset="earliest",
            metadata_max_age_ms=METADATA_AGE_MS, request_timeout_ms=REQUEST_MS * 4,
            session_timeout_ms=self._session_timeout_ms,
            heartbeat_interval_ms=max(100, self._session_timeout_ms // 5),
            fetch_min_bytes=16_384, fetch_max_wait_ms=100, **self._connection,
        )  # fmt: skip
        self._consumer.subscribe(self._topics, listener=self._listener)
        self._admin = AIOKafkaAdminClient(request_timeout_ms=REQUEST_MS, **self._connection)
        try:
            await self._admin.start()
            await self._check_topics(self._admin)
            await self._consumer.start()
        except ConfigError:
            await self.stop()
            raise
        except KafkaError as error:
            await self.stop()
            raise ConnectionError(
                f"{self._connection['bootstrap_servers']}: no broker answers: {error}"
            ) from error

    async def _check_topics(self, admin: AIOKafkaAdminClient) -> None:
        found = await admin.describe_topics(self._topics)
        missing = [each["topic"] for each in found if each["error_code"]]
        if missing:
            raise ConfigError(
                f"there is no topic {', '.join(missing)}: `sluice topics apply` makes them"
            )

    async def stop(self) -> None:
        """Leave the group; a broker that is away finds out by itself."""
        if self._consumer is not None:
            await _ended(self._consumer.stop())
        if self._admin is not None:
            await _ended(self._admin.close())

    async def read(self, seconds: float, records_max: int) -> dict[TopicPlace, list[Message]]:
        """Return what has come, after so many seconds at the latest; also of no partition."""
        milliseconds = int(1000 * seconds)
        found = await self._reading.getmany(timeout_ms=milliseconds, max_records=records_max)
        return {(place.topic, place.partition): records for place, records in found.items()}

    async def marks(self, places: Collection[TopicPlace]) -> dict[TopicPlace, Mark] | None:
        """Return where the group goes on in partitions; None when the broker does not say.

        That is where the first record is when the group never was there, or what it noted is of
        another log: behind its end, for the topic was made anew.
        """
        assert self._admin is not None
        wanted = [TopicPartition(*place) for place in places]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                kept = await self._admin.list_consumer_group_offsets(self._group, partitions=wanted)
                first = await self._reading.beginning_offsets(wanted)
                end = await self._reading.end_offsets(wanted)
        except (KafkaError, TimeoutError):
            return None
        found = {}
        for each in wanted:
            mark = Mark(kept[each].offset, kept[each].metadata or "")
            if not 0 <= mark.offset <= end[each]:
                mark = Mark(first[each])
            found[each.topic, each.partition] = Mark(max(mark.offset, first[each]), mark.note)
        return found

    async def ends(self, places: Collection[TopicPlace]) -> dict[TopicPlace, int] | None:
        """Return where the next record of each will be; None when the broker does not say."""
        try:
            found = await self._reading.end_offsets([TopicPartition(*place) for place in places])
        except (KafkaError, TimeoutError):
            return None
        return {(each.topic, each.partition): offset for each, offset in found.items()}

    def begin(self, place: TopicPlace, offset: int) -> bool:
        """Read a partition from an offset on; False when it was taken away meanwhile."""
        where = TopicPartition(*place)
        try:
            self._reading.seek(where, offset)
            self._reading.resume(where)
        except IllegalStateError:
            return False
        return True

    def pause(self, places: Iterable[TopicPlace]) -> None:
        """Read nothing of these until `begin`."""
        for place in self.given.intersection(places):
            self._reading.pause(TopicPartition(*place))

    async def commit(self, marks: Mapping[TopicPlace, Mark]) -> bool:
        """Keep where to go on; False when that is another's matter now, or nobody answers."""
        told = {TopicPartition(*p): OffsetAndMetadata(m.offset, m.note) for p, m in marks.items()}
        try:
            await asyncio.wait_for(self._reading.commit(told), ANSWER_SECONDS)
        except (CommitFailedError, IllegalStateError, KafkaError, TimeoutError):
            return False
        return True

    def behind(self, place: TopicPlace, offset: int) -> int | None:
        """Return how many records there are from an offset on; None before the broker told."""
        end = self._reading.highwater(TopicPartition(*place))
        return None if end is None else max(0, end - offset)

    @property
    def _reading(self) -> AIOKafkaConsumer:
        assert self._consumer is not None, "not started"
        return self._consumer

    def _take(self, given: Collection[TopicPartition]) -> None:
        self.generation += 1
        self.given = frozenset((each.topic, each.partition) for each in given)
        self._reading.pause(*given)

    def _lose(self) -> None:
        self.generation += 1
        self.given = frozenset()


async def _ended(stopping: Awaitable[None]) -> None:
    """Wait for a client to stop; what it was about to do may be cut off in ways of its own."""
    task = asyncio.ensure_future(stopping)
    await asyncio.wait([task], timeout=STOP_SECONDS)
    if not task.done():
        task.cancel()
    elif not task.cancelled() and (error := task.exception()) is not None:
        log.debug("a client did not stop well: %r", error)


# aiokafka has no types, so its class is `Any`.
class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, reader: GroupReader, on_lost: Callable[[], Awaitable[None]]) -> None:
        self._reader, self._on_lost = reader, on_lost

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Let go of all partitions before they are dealt out anew."""
        self._reader._lose()
        await self._on_lost()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Take the partitions of this generation."""
        self._reader._take(assigned)
