"""The match stage at work: keyed records in, outputs and state out, offsets when both are durable.

The order is: outputs on the broker, then the state that knows of them, then the offset. Whatever
is cut off between is done again, with the same numbers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sluice.backends import StageRules
from sluice.errors import CheckpointError
from sluice.io import Mark as Commit
from sluice.io import Message, unpacked
from sluice.shells.stages.filtering import Send
from sluice.shells.stages.kept_state import Row, Saved, rows_of
from sluice.shells.stages.outgoing import outgoing
from sluice.shells.stages.tally import Tally
from sluice.stream import Place, Shard, unpack_keyed

#: So often the state is written while nothing comes but that nothing comes.
QUIET_WRITE_SECONDS = 1.0

Write = Callable[[str, int, list[Row]], Awaitable[None]]


class RulesAwaited(Exception):
    """A record was made with a rule set that is not here yet."""

    def __init__(self, number: int) -> None:
        super().__init__(f"rule set {number}")
        self.number = number


@dataclass(slots=True)
class Holding:
    """A shard that is worked on here; `expected` is the offset that comes next."""

    shard: Shard
    expected: int
    durable: Commit
    futures: list[asyncio.Future[Any]] = field(default_factory=list)
    written: int = -1
    #: What was written last had so many events and outputs, and when.
    told: tuple[int, int] = (-1, -1)
    written_at: float = 0.0
    #: How many parts keys have whose state is too large for a record.
    parts: dict[bytes, int] = field(default_factory=dict)
    #: Held while outputs are handed over: state must not be written that knows of more of them.
    handing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def content(self) -> tuple[int, int]:
        """How many events came, and how many outputs went."""
        return self.shard.pipeline.stats.events, self.shard.next_number

    @property
    def has_news(self) -> bool:
        """Whether there is something to write: not each time that nothing was told."""
        if self.shard.next_offset == self.written:
            return False
        is_stale = time.monotonic() - self.written_at > QUIET_WRITE_SECONDS
        return is_stale or self.content != self.told or bool(self.futures)


class Matching:
    """All shards that this worker has."""

    def __init__(
        self, rules_of: Callable[[int], StageRules | None], places: Sequence[Place], send: Send,
        write: Write, tally: Tally,
    ) -> None:  # fmt: skip
        self._rules_of, self._places = rules_of, tuple(places)
        self._send, self._write, self._tally = send, write, tally
        self.holdings: dict[int, Holding] = {}

    def begin(
        self, partition: int, saved: Saved | None, committed: int | None, first: int, number: int
    ) -> None:  # fmt: skip
        """Take a shard over: its state, and the offset from which records come again.

        `first` is where the log begins, `number` the rule set of a shard that is new.
        RulesAwaited when its own is not here, CheckpointError when state is lost.
        """
        wanted = number if saved is None else int(saved.header["rules"])
        shard = self._rules(wanted).shard(partition, self._places)
        begin = first if committed is None else committed
        where = f"keyed, partition {partition}"
        if saved is None and committed:
            raise CheckpointError(
                f"{where}: offset {committed} is committed, and there is no state: its topic was "
                "made anew (see `sluice offsets reset`)"
            )
        if saved is not None:
            shard.restore(saved.header, saved.records)
            if begin > shard.next_offset:
                raise CheckpointError(
                    f"{where}: reading goes on at offset {begin}, and the state goes up to "
                    f"{shard.next_offset}: records or state are lost"
                )
        parts = {} if saved is None else saved.parts
        self.holdings[partition] = Holding(shard, begin, Commit(begin), parts=parts)

    def _rules(self, number: int) -> StageRules:
        found = self._rules_of(number)
        if found is None:
            raise RulesAwaited(number)
        return found

    async def take(self, partition: int, records: Sequence[Message]) -> None:
        """Take keyed records in order; RulesAwaited leaves the rest for later."""
        holding = self.holdings.get(partition)
        if holding is None:
            return
        async with holding.handing:
            before = holding.shard.pipeline.stats.events
            try:
                for record in records:
                    if record.offset >= holding.expected:
                        self._take(holding, partition, record)
            finally:
                events = holding.shard.pipeline.stats.events - before
                await self._hand_over(holding, partition, events)

    async def _hand_over(self, holding: Holding, partition: int, events: int) -> None:
        shard = holding.shard
        decided = shard.drain()
        self._tally.matched(partition, events, decided)
        names = self._rules(shard.rules).topology.names
        traces, shard.traces = shard.traces, {}
        for number, found in decided:
            trace = traces.get(number)
            o = outgoing(names, f"keyed/{partition}", number, partition, found, trace)
            future = await self._send(o.topic, o.partition, o.value, o.key, o.headers)
            holding.futures.append(future)

    def _take(self, holding: Holding, partition: int, record: Message) -> None:
        if record.offset > holding.expected:
            raise CheckpointError(
                f"keyed, partition {partition}: offset {record.offset} comes after "
                f"{holding.expected - 1}: records are lost"
            )
        keyed = unpack_keyed(unpacked(record.value or b""))
        if keyed.rules > holding.shard.rules:
            after = self._rules(keyed.rules).shard(partition, self._places)
            after.succeed(holding.shard)
            holding.shard = after
        holding.shard.take(record.offset, keyed)
        holding.expected = record.offset + 1

    async def persist(self, partition: int, topic: str) -> bool:
        """Make outputs, then state durable; False when there was nothing new."""
        holding = self.holdings.get(partition)
        if holding is None or not holding.has_news:
            return False
        begun = time.monotonic()
        async with holding.handing:
            shard = holding.shard
            futures, holding.futures = holding.futures, []
            told = holding.content
            at, settled = shard.next_offset, min(shard.settled_offset, holding.expected)
            rows = rows_of(list(shard.touched.changes()), shard.header(), holding.parts)
        if futures:
            await asyncio.gather(*futures)
        await self._write(topic, partition, rows)
        self._tally.written(sum(len(row[1] or b"") for row in rows))
        self._tally.settled("match", time.monotonic() - begun)
        if self.holdings.get(partition) is holding:
            holding.written, holding.durable = at, Commit(settled)
            holding.written_at, holding.told = time.monotonic(), told
        return True

    def commit_of(self, partition: int) -> Commit | None:
        """Return what may be committed of a keyed partition."""
        holding = self.holdings.get(partition)
        return None if holding is None else holding.durable
