"""Run a lake feed: read topics as one of a group, and keep what comes in a lake.

Everything about segments happens in one thread of its own; the event loop keeps the group alive
meanwhile. Who has a partition also has a claim on it in the lake, so a process that was frozen
while another took over never writes after that one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sluice.io import GroupReader, Mark, TopicPlace
from sluice.shells.lake_feed.request import FeedCounts, FeedRequest
from sluice.shells.lake_feed.shelf import DiskTrouble, Shelf

log = logging.getLogger("sluice.lake")

#: How long is waited for records before something else is looked at.
READ_SECONDS = 0.2
#: How many records are taken at once.
RECORDS_MAX = 20_000
#: A feed spends no more than this share of its time on showing blocks that go on, but shows them
#: after so long at the latest.
SHOWING_SHARE, SHOWING_SECONDS_MAX = 0.25, 30.0
#: After a failure to write the next try comes after so long, and later each time.
RETRY_SECONDS, RETRY_SECONDS_MAX = 1.0, 30.0
#: A partition that could not be begun is tried again after so long.
BEGIN_SECONDS = 0.5
#: How often is said that another process holds partitions.
HELD_SECONDS = 30.0

T = TypeVar("T")


class LakeFeed:
    """Keeps in a lake what goes through topics; several feeds of a group share the partitions.

    A full disk holds reading back until there is room. `counts` go on while it runs.
    """

    def __init__(self, request: FeedRequest) -> None:
        self._request = request
        self.counts = FeedCounts()
        #: How many records of each partition were not taken yet, as far as that is known.
        self.lag: dict[TopicPlace, int] = {}
        #: Why nothing is written, None: it is.
        self.trouble: str | None = None
        topics = [*(topic.name for topic in request.topics), *request.own_topics]
        self._reader = GroupReader(
            request.connection, request.group, topics, self._lose, request.session_timeout_ms
        )
        self._thread = ThreadPoolExecutor(1, "lake")
        self._turn = asyncio.Lock()
        self._begun: set[TopicPlace] = set()
        self._kept: dict[TopicPlace, Mark] = {}
        self._show_at = self._begin_at = self._retry_at = self._tell_at = 0.0
        self._retry_seconds = RETRY_SECONDS

    async def run(self, stop: asyncio.Event) -> None:
        """Feed the lake until `stop` is set; then everything that was read is in it.

        ConnectionError when no broker answers at the start, ConfigError when a topic is not there,
        the lake cannot be made, or has other events of a topic's name.
        """
        try:
            self._shelf = await self._do(Shelf, self._request, self.counts)
            try:
                await self._reader.start()
                await self._renew()
                while not stop.is_set():
                    await self._step()
                await self._show()
            finally:
                await self._reader.stop()
                await self._do(self._shelf.close)
        finally:
            self._thread.shutdown()

    async def _step(self) -> None:
        now = time.monotonic()
        if self.trouble is not None and now >= self._retry_at:
            await self._renew()
        if self.trouble is None and now >= self._begin_at:
            await self._begin()
        batch = await self._reader.read(READ_SECONDS, RECORDS_MAX)
        for place, messages in batch.items():
            async with self._turn:
                await self._written(self._shelf.take, place, messages)
        if time.monotonic() >= self._show_at:
            await self._show()

    # ------------------------------------------------------------ partitions

    async def _begin(self) -> None:
        """Begin the partitions that were given, as soon as nobody else writes them."""
        async with self._turn:
            wanted = sorted(self._reader.given - self._begun)
            if not wanted:
                return
            self._begin_at = time.monotonic() + BEGIN_SECONDS
            generation = self._reader.generation
            ours = await self._do(self._shelf.claim, wanted)
            if len(ours) < len(wanted):
                self._tell_held(sorted(set(wanted) - set(ours)))
            marks = await self._reader.marks(ours) if ours else None
            if not marks or generation != self._reader.generation:
                return
            await self._written(self._shelf.open, marks)
            for place, mark in marks.items():
                if self.trouble is None and self._reader.begin(place, mark.offset):
                    self._begun.add(place)

    def _tell_held(self, places: list[TopicPlace]) -> None:
        now = time.monotonic()
        if now >= self._tell_at:
            self._tell_at = now + HELD_SECONDS
            named = ", ".join(f"{topic}/{number}" for topic, number in places[:5])
            more = f" and {len(places) - 5} more" if len(places) > 5 else ""
            log.warning(
                "%s%s: another process still writes these to %s; they go on when it ends or "
                "notices that they are no longer its own", named, more, self._request.root,
            )  # fmt: skip

    async def _lose(self) -> None:
        """Drop what is open, for the partitions may go to others."""
        async with self._turn:
            self._begun.clear()
            self._kept.clear()
            self._begin_at = 0.0
            await self._do(self._shelf.lose)

    # ------------------------------------------------------------ writing

    async def _show(self) -> None:
        """Let readers see what has come, and keep where the group stands."""
        async with self._turn:
            begun = time.monotonic()
            marks = await self._written(self._shelf.flush)
            spent = time.monotonic() - begun
            if marks:
                self._retry_seconds = RETRY_SECONDS
                fresh = {place: m for place, m in marks.items() if self._kept.get(place) != m}
                if fresh and await self._reader.commit(fresh):
                    self._kept |= fresh
            wait = min(spent / SHOWING_SHARE, SHOWING_SECONDS_MAX)
            self._show_at = time.monotonic() + max(self._request.shown_seconds, wait)
            reached = await self._do(self._shelf.reached)
            behind = {place: self._reader.behind(place, next_) for place, next_ in reached.items()}
            self.lag = {place: count for place, count in behind.items() if count is not None}

    async def _written(self, act: Callable[..., T], *args: Any) -> T | None:
        """Do something that may find the disk full; then reading waits."""
        if self.trouble is not None:
            return None
        try:
            return await self._do(act, *args)
        except DiskTrouble as trouble:
            await self._wait_for_room(trouble)
            return None

    async def _wait_for_room(self, trouble: DiskTrouble) -> None:
        self.counts.write_failures += 1
        self._reader.pause(self._begun)
        self._begun.clear()
        self._kept.clear()
        await self._do(self._shelf.give_up)
        self._retry_at = time.monotonic() + self._retry_seconds
        if self.trouble is None:
            log.warning(
                "%s: %s; reading waits until it can be written again", self._request.root, trouble
            )
        self.trouble = str(trouble)
        self._retry_seconds = min(2 * self._retry_seconds, RETRY_SECONDS_MAX)

    async def _renew(self) -> None:
        """Try whether the disk takes something."""
        async with self._turn:
            try:
                await self._do(self._shelf.renew)
            except DiskTrouble as trouble:
                await self._wait_for_room(trouble)
                return
            if self.trouble is not None:
                log.warning("%s: it can be written again; reading goes on", self._request.root)
            self.trouble, self._begin_at = None, 0.0

    async def _do(self, act: Callable[..., T], *args: Any) -> T:
        """Do something in the thread of the lake."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, act, *args)
