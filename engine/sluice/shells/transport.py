"""Batches for Faust: a transport whose messages are all records of a topic in one fetch.

Stock Faust makes an object of each record and looks after acknowledgements one by one: some 80 us
an event, and under rebalances its bookkeeping commits past what is in flight. Here a message is a
batch, and what may be committed is asked of the stages, which know what is durable. What this
relies on inside of Faust is listed in `tests/integration/test_faust_contract.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

from faust.serializers.schemas import Schema
from faust.transport.consumer import ensure_TP
from faust.transport.drivers import aiokafka as driver
from faust.types.tuples import ConsumerMessage

from sluice.io import Mark as Commit
from sluice.io import committed_with, read_plain_records

#: So many records are a batch at most: more hold the loop up for too long.
BATCH_RECORDS_MAX = 1_000

#: How long it takes until somebody asks again whether partitions may go on.
NOTHING_WANTED_SECONDS = 0.1

#: Records of partitions of one topic.
Batch = list[tuple[Any, Sequence[Any]]]


class Work(Protocol):
    """What the transport asks of the worker; an attribute `work` of the app."""

    topics: frozenset[str]
    fetch_bytes_min: int
    fetch_wait_ms_max: int

    def commit_of(self, topic: str, partition: int) -> Commit | None:
        """Return what may be committed of a partition, None for nothing yet."""
        ...

    async def settle(self) -> None:
        """Make durable what was taken, before partitions go to another worker."""
        ...


def work_of(app: Any) -> Work:
    """Return the worker that an app belongs to."""
    work: Work = app.work
    return work


class BatchMessage(ConsumerMessage):
    """A batch, which passes for a message of its first partition; nobody acknowledges it."""

    __slots__ = ()


class BatchSchema(Schema[Any, Any]):
    """The value is the batch, untouched."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the key as it is."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the batch."""
        return message.value


class NothingRead(dict[Any, None]):
    """What Faust knows of offsets that were read: nothing, for the stages know what they had.

    It would drop messages that come again after a seek, with all partitions in them.
    """

    def __missing__(self, key: Any) -> None:
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        """Forget it."""

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Forget it."""


class InTurn:
    """Deals out what a fetch has brought: one batch of each topic in turn, in order."""

    @staticmethod
    def iterate(records: Mapping[Any, Sequence[Any]]) -> Iterator[tuple[Any, Any]]:
        """Yield messages, each with the partition that it passes for."""
        for number in range(max(map(len, records.values()), default=0)):
            for place, each in records.items():
                if number < len(each):
                    message = each[number]
                    yield message[0][0] if type(message) is list else place, message


def batches(
    found: Sequence[tuple[Any, Sequence[Any]]], size: int = BATCH_RECORDS_MAX
) -> Iterator[Batch]:
    """Yield what was fetched of a topic in batches of so many records at most.

    Each message costs Faust some 0.3 ms, however small it is.
    """
    batch: Batch = []
    room = size
    for place, records in found:
        at = 0
        while at < len(records):
            piece = records[at : at + room]
            batch.append((place, piece))
            at += len(piece)
            room -= len(piece)
            if not room:
                yield batch
                batch, room = [], size
    if batch:
        yield batch


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches more at a time than Faust asks for, and commits watermarks beside offsets."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        read_plain_records()
        work = work_of(self.app)
        consumer._fetch_max_wait_ms = work.fetch_wait_ms_max
        consumer._fetch_min_bytes = work.fetch_bytes_min
        return consumer

    async def read_from(self, partition: Any, offset: int) -> None:
        """Read again from an offset, unless the partition is another's by now."""
        if partition in self.assignment():
            self.seek(partition, offset)

    async def _commit(self, offsets: Mapping[Any, int]) -> bool:
        told, own = {}, cast(Consumer, self.consumer)
        for place, offset in offsets.items():
            commit = own.told.get(ensure_TP(place))
            note = commit.note if commit is not None and commit.offset == offset else ""
            told[driver.ensure_aiokafka_TP(place)] = committed_with(offset, note)
        consumer = self._ensure_consumer()
        mine = consumer.assignment()
        told = {place: each for place, each in told.items() if place in mine}
        try:
            if told:
                await consumer.commit(told)
        except Exception as error:
            # Partitions went elsewhere, or the broker is away: the next commit says it again.
            self.log.warning("offsets are not committed: %s", error)
            return False
        own.taken |= {ensure_TP(place): each.offset for place, each in told.items()}
        return bool(told)


class Consumer(driver.Consumer):
    """A consumer of batches, which commits what the stages say."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        #: What was said to be durable last, by partition.
        self.told: dict[Any, Commit] = {}
        #: The offsets that brokers have taken; Faust counts those that it only tried as well.
        self.taken: dict[Any, int] = {}
        #: The partitions of which nothing is handed on for now. Those that Faust pauses would
        #: lose what was fetched of them already.
        self.waiting: frozenset[Any] = frozenset()
        super().__init__(*args, **kwargs)
        self._read_offset = cast(Any, NothingRead())

    @property
    def _work(self) -> Work:
        return work_of(self.app)

    def _new_consumer_thread(self) -> ConsumerThread:
        loop = type(self.loop)()
        thread = ConsumerThread(self, loop=self.loop, thread_loop=loop, beacon=self.beacon)
        thread._close_thread_loop_on_stop = True
        return thread

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:
        topics, wanted = self._work.topics, frozenset(active_partitions) - self.waiting
        if not wanted:  # an empty set would mean all of them
            await asyncio.sleep(min(timeout, NOTHING_WANTED_SECONDS))
            return {}
        found = await super()._getmany(cast(Any, wanted), timeout) or {}
        others = {place: each for place, each in found.items() if place.topic not in topics}
        for topic in topics:
            mine = [(place, each) for place, each in found.items() if place.topic == topic]
            if mine:
                others[mine[0][0]] = list(batches(mine))
        return others

    def _to_message(self, tp: Any, record: Any) -> Any:
        if type(record) is not list:
            return super()._to_message(tp, record)
        tp, records = record[0]
        first, last = records[0], records[-1]
        seconds = (first.timestamp or 0) / 1000.0
        return BatchMessage(
            tp.topic, tp.partition, last.offset, seconds, last.timestamp_type,
            None, None, cast(Any, record), None, 0, 0, ensure_TP(tp),
            generation_id=self.app.consumer_generation_id,
        )  # fmt: skip

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Any:
        mine = self._work.topics
        return [tp for tp in self.assignment() if tp.topic in mine]

    def _new_offset(self, tp: Any) -> int | None:
        commit = self._work.commit_of(tp.topic, tp.partition)
        if commit is None:
            return None
        self.told[ensure_TP(tp)] = commit
        return commit.offset

    def _should_commit(self, tp: Any, offset: int) -> bool:
        return offset > self.taken.get(ensure_TP(tp), -1)

    async def _seek(self, partition: Any, offset: int) -> None:
        """Read again from an offset, in the thread that reads."""
        await self._thread.call_thread(
            cast(ConsumerThread, self._thread).read_from, partition, offset
        )

    def verify_event_path(self, now: float, tp: Any) -> None:
        """Leave it to /livez to tell that nothing goes on: here is no message of each partition."""

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Leave gaps alone: the stages know which records they have seen."""

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Commit what is done before somebody else goes on."""
        try:
            await self._work.settle()
            await self.commit()
        except Exception as error:
            self.log.warning("offsets are not committed before a rebalance: %r", error)
        await super().on_partitions_revoked(revoked)
        self.told.clear()
        self.taken.clear()


class Transport(driver.Transport):
    """What `broker="sluice://host:9092"` chooses."""

    Consumer = Consumer
