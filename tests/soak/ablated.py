"""A worker that lacks one guard and dies at the worst moment.

    python -m tests.soak.ablated NAME worker …

What follows NAME is the command line of Sluice. A guard is taken out by putting something else in
its place, for which `method-assign` is ignored. Each ablation has a crash point of its own, so that
what it breaks shows each time, and not by luck. The worker that is started after it is whole.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any

from sluice.cli import main
from sluice.io import Mark as Commit
from sluice.io import Message, SourceNote
from sluice.shells.stages import duty, filtering, matching
from sluice.stream import Shard

#: Long enough for offsets to be committed.
COMMIT_SECONDS = 1.5
#: So many gatherings, or writes of state, go well before.
BEFORE = 12

_flush, _persist, _begin = (
    filtering.Filtering.flush, matching.Matching.persist, matching.Matching.begin,
)  # fmt: skip


class _Hits:
    """Counts how often a crash point was reached."""

    def __init__(self) -> None:
        self.count = 0

    async def crash(self) -> None:
        """Die when it was reached often enough, after offsets were committed."""
        self.count += 1
        if self.count > BEFORE:
            await asyncio.sleep(COMMIT_SECONDS)
            os._exit(9)


def acknowledged_when_read() -> None:
    """Offsets of inputs are committed when records were read, whatever becomes of them."""
    hits = _Hits()

    def commit_of(self: filtering.Filtering, place: Any) -> Commit | None:
        intake = self.intakes.get(place)
        if intake is None or intake.expected is None:
            return None
        return Commit(intake.expected, SourceNote(*intake.inlet.mark).text())

    async def flush(self: filtering.Filtering, idle: Any = ()) -> None:
        if any(intake.unsent for intake in self.intakes.values()):
            await hits.crash()
        await _flush(self, idle)

    filtering.Filtering.commit_of = commit_of  # type: ignore[method-assign]
    filtering.Filtering.flush = flush  # type: ignore[method-assign]


def acknowledged_before_it_is_durable() -> None:
    """Offsets are committed when records were handed to the client, not when brokers had them."""
    hits = _Hits()

    async def flush(self: filtering.Filtering, idle: Any = ()) -> None:
        is_full = any(intake.unsent for intake in self.intakes.values())
        for intake in self.intakes.values():
            if intake.expected is not None:
                note = SourceNote(*intake.inlet.mark)
                intake.durable = filtering.Reached(intake.expected, note)
        if is_full:
            await hits.crash()
        await _flush(self, idle)

    filtering.Filtering.flush = flush  # type: ignore[method-assign]


def ledger_off() -> None:
    """Keyed offsets are committed as records are taken, before state and outputs are durable."""
    hits = _Hits()

    def commit_of(self: matching.Matching, partition: int) -> Commit | None:
        holding = self.holdings.get(partition)
        return None if holding is None else Commit(holding.expected)

    async def persist(self: matching.Matching, partition: int, topic: str) -> bool:
        await hits.crash()
        return await _persist(self, partition, topic)

    matching.Matching.commit_of = commit_of  # type: ignore[method-assign]
    matching.Matching.persist = persist  # type: ignore[method-assign]


def no_position_in_state() -> None:
    """State does not say up to where it is true, so what comes again is applied again."""
    restore = Shard.restore

    def forgetful(
        self: Shard, header: dict[str, Any], records: Any, moved: Collection[str] = ()
    ) -> None:
        restore(self, {**header, "next": 0, "applied": None}, records, moved)
        for source in self.sources.values():
            source.upto = -1

    Shard.restore = forgetful  # type: ignore[method-assign]
    _without_check_of_state()


def state_from_the_wrong_end() -> None:
    """State is read from the end of its topic on: there is none."""

    async def nothing(*_: Any) -> AsyncIterator[Message]:
        no_messages: tuple[Message, ...] = ()
        for message in no_messages:
            yield message

    vars(duty)["read_whole"] = nothing
    _without_check_of_state()


def _without_check_of_state() -> None:
    """Begin with whatever state there is."""

    def begin(
        self: matching.Matching, partition: int, saved: Any, committed: int | None, first: int,
        number: int,
    ) -> None:  # fmt: skip
        start = first if committed is None else committed
        _begin(self, partition, saved, None, 0 if saved is None else saved.header["next"], number)
        self.holdings[partition].expected = start
        self.holdings[partition].durable = Commit(start)

    matching.Matching.begin = begin  # type: ignore[method-assign]


#: Guards by what is done without them. Those of the second kind break a worker that goes on from
#: the state of another, so they are for the one that is started after a crash.
CRASHING: dict[str, Callable[[], None]] = {
    "acknowledged-when-read": acknowledged_when_read,
    "acknowledged-before-durable": acknowledged_before_it_is_durable,
    "ledger-off": ledger_off,
}
RESTORING: dict[str, Callable[[], None]] = {
    "no-position-in-state": no_position_in_state,
    "state-from-the-wrong-end": state_from_the_wrong_end,
}

if __name__ == "__main__":
    ablation = {**CRASHING, **RESTORING}[sys.argv.pop(1)]
    ablation()
    main()
