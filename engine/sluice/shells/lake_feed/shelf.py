"""The lake's side of a feed: claims, open partitions, and a disk that may be full.

Everything here happens in one thread, for DuckDB's connection is used by one at a time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

import duckdb

from sluice.io import Claims, Mark, Message, TopicPlace
from sluice.model import digest
from sluice.shells.lake.layout import made_lake
from sluice.shells.lake.segments import Writer
from sluice.shells.lake.staging import make_staging
from sluice.shells.lake.writer import index_of
from sluice.shells.lake_feed.outputs import ThereOf
from sluice.shells.lake_feed.partitions import InputPartition, OutputPartition, Partition
from sluice.shells.lake_feed.records import Tools
from sluice.shells.lake_feed.request import FeedCounts, FeedRequest

#: What must fit on the disk before writing is tried again.
ROOM_BYTES = 4 * 1024 * 1024


class DiskTrouble(Exception):
    """The disk did not take what was written; what was open is to be read again."""


class Shelf:
    """What a feed has open of a lake; ConfigError when the lake cannot be made."""

    def __init__(self, request: FeedRequest, counts: FeedCounts) -> None:
        self._request, self._counts = request, counts
        self._topics = {topic.name: topic for topic in request.topics}
        self._lake = made_lake(request.root)
        self._claims = Claims(self._lake.path("writers.lock"))
        self._claimed: set[TopicPlace] = set()
        self._open: dict[TopicPlace, Partition] = {}
        self._tools: Tools | None = None

    def renew(self) -> None:
        """Make what writing needs; DiskTrouble while there is no room for it."""
        with _told():
            self._drop_tools()
            probe = self._lake.path("staging", f"{os.getpid()}.room")
            os.makedirs(os.path.dirname(probe), exist_ok=True)
            try:
                with open(probe, "wb") as file:
                    file.write(bytes(ROOM_BYTES))
                    file.flush()
                    os.fsync(file.fileno())
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(probe)
            staging = make_staging(self._lake)
            self._tools = Tools(self._lake, staging, Writer(self._lake, staging.con))

    def claim(self, places: Sequence[TopicPlace]) -> list[TopicPlace]:
        """Return those of the partitions that no other process holds; they are ours then."""
        ours = [p for p in places if self._claims.claim(_number(p))]
        self._claimed |= set(ours)
        return ours

    def open(self, marks: Mapping[TopicPlace, Mark]) -> None:
        """Begin partitions that were claimed, each at its mark."""
        assert self._tools is not None
        index = index_of(self._lake)
        self._tools.writer.forget_own()
        for place, mark in marks.items():
            self._open[place] = self._opened(place, mark, _there(index))

    def take(self, place: TopicPlace, messages: Sequence[Message]) -> None:
        """Take messages of a partition, unless it was lost."""
        partition = self._open.get(place)
        if partition is not None:
            with _told():
                partition.take(messages)
            self._counts.records += len(messages)

    def flush(self) -> dict[TopicPlace, Mark]:
        """Return, when everything taken is durable, where whoever comes later goes on."""
        if self._tools is None:
            return {}
        writer = self._tools.writer
        with _told():
            with writer.together():
                for partition in self._open.values():
                    partition.flush()
            writer.sync()
        self._counts.segments += writer.segments
        self._counts.segment_bytes += writer.bytes
        writer.segments = writer.bytes = 0
        return {place: partition.mark() for place, partition in self._open.items()}

    def reached(self) -> dict[TopicPlace, int]:
        """Return the offset behind what was taken of each partition."""
        return {place: partition.next for place, partition in self._open.items()}

    def drop(self) -> None:
        """Forget what is in no segment."""
        for partition in self._open.values():
            partition.close()
        self._open.clear()

    def lose(self) -> None:
        """Forget what is in no segment, and let others have the partitions."""
        self.drop()
        for place in self._claimed:
            self._claims.release(_number(place))
        self._claimed.clear()

    def give_up(self) -> None:
        """Forget everything that is open after a failure of the disk."""
        self._drop_tools()

    def close(self) -> None:
        """Let everything go."""
        self._drop_tools()
        self._claims.close()

    def _drop_tools(self) -> None:
        # A connection that failed may fail again while it forgets.
        with contextlib.suppress(duckdb.Error, OSError):
            self.drop()
        self._open.clear()
        if self._tools is not None:
            tools, self._tools = self._tools, None
            with contextlib.suppress(duckdb.Error, OSError):
                tools.staging.close()

    def _opened(self, place: TopicPlace, mark: Mark, there: ThereOf) -> Partition:
        assert self._tools is not None
        topic, number = place
        if topic in self._topics:
            return InputPartition(self._topics[topic], number, mark, self._tools, there)
        table = self._request.own_topics[topic]
        return OutputPartition(place, table, mark, self._tools, there, self._counts)


def _number(place: TopicPlace) -> int:
    """Return the number under which a process claims a partition."""
    return int(digest(["topic", *place], 15), 16)


def _there(index: Mapping[str, Mapping[str, Sequence[int]]]) -> ThereOf:
    def there(stream: str) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for folder, firsts in index.get(stream, {}).items():
            for first in firsts:
                found.setdefault(first, []).append(folder)
        return found

    return there


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn what a disk that is full makes fail into one thing."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException, OSError) as error:
        raise DiskTrouble(str(error).splitlines()[0]) from error
