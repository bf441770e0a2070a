"""How far consumer groups are behind: by records, and by the age of the oldest that is not read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from sluice.io.kafka.admin import Admin
from sluice.io.kafka.message import TopicPlace
from sluice.io.kafka.notes import read_note
from sluice.io.kafka.reach import quiet_client

#: The ages of records are looked for so long; who is not found then has none.
AGE_SECONDS_MAX = 2.0
FETCH_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """Where a group stands in a partition: `end` is the offset of the next record to come.

    `committed` is None where the group has never been, `end` None where the topic is gone. `oldest`
    is the time (ms) that the first record which is not read carries in Kafka.
    """

    group: str
    topic: str
    partition: int
    committed: int | None
    start: int | None
    end: int | None
    note: str = ""
    oldest: int | None = None

    @property
    def next(self) -> int | None:
        """The offset that is read next; None when the topic is gone."""
        if self.start is None or self.committed is None:
            return self.start
        # Sinks go on at the start of a block, and note how far they were behind it.
        return max(self.committed, self.start, read_note(self.note).to)

    @property
    def is_beyond(self) -> bool:
        """Whether the group stands behind the end: in a topic that was made anew, most likely."""
        return self.end is not None and self.committed is not None and self.committed > self.end

    @property
    def lag(self) -> int | None:
        """How many records are not read; None when the topic is gone."""
        if self.end is None or self.next is None:
            return None
        return max(0, self.end - self.next)


def group_lag(admin: Admin, group: str, topics: Collection[str] = ()) -> list[PartitionLag]:
    """Return where a group stands, in the order of topics and partitions.

    `topics` are those that it should read: their partitions count even where it has never been.
    """
    marks = admin.marks(group)
    states = admin.topics({*topics, *(topic for topic, _ in marks)})
    places = {
        (name, n) for name in topics if name in states for n in range(states[name].partitions)
    }
    places |= marks.keys()
    known = [p for p in places if p[0] in states and p[1] < states[p[0]].partitions]
    starts, ends = admin.offsets(known, "earliest"), admin.offsets(known, "latest")
    found = []
    for place in sorted(places):
        mark = marks.get(place)
        found.append(
            PartitionLag(
                group, *place, None if mark is None else mark.offset, starts.get(place),
                ends.get(place), "" if mark is None else mark.note,
            )
        )  # fmt: skip
    return found


def with_ages(admin: Admin, lags: Iterable[PartitionLag]) -> list[PartitionLag]:
    """Return where one group stands with the times of the first records that it has not read.

    A record that is not found in time, or whose compression nobody here knows, has none.
    """
    lags = list(lags)
    behind = {(each.topic, each.partition): each.next for each in lags if each.lag}
    with quiet_client():
        found = asyncio.run(_times(admin.options, behind)) if behind else {}
    return [replace(each, oldest=found.get((each.topic, each.partition))) for each in lags]


async def _times(
    options: Mapping[str, Any], wanted: Mapping[TopicPlace, int | None]
) -> dict[TopicPlace, int]:
    """Return the time of the first record of each partition at or after an offset."""
    consumer = AIOKafkaConsumer(
        enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES, **options
    )
    places = {TopicPartition(*place): offset for place, offset in wanted.items()}
    found: dict[TopicPlace, int] = {}
    end = time.monotonic() + AGE_SECONDS_MAX
    try:
        await consumer.start()
        consumer.assign(list(places))
        for place, offset in places.items():
            consumer.seek(place, offset)
        while len(found) < len(wanted) and time.monotonic() < end:
            for place, records in (await consumer.getmany(timeout_ms=200)).items():
                found.setdefault((place.topic, place.partition), records[0].timestamp)
                consumer.pause(place)
    except KafkaError:
        pass  # the age is an extra: the lag is told without it
    finally:
        await consumer.stop()
    return found
