"""One worker's stages: partitions come and go, records are taken, everything becomes durable.

What wires it to topics is `shells.worker`; here is what happens in which order.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sluice.backends import TopicNames
from sluice.errors import CheckpointError, SluiceError
from sluice.io import GroupMarks, Message, TopicEnds, TopicFollower, TopicWriter, read_whole
from sluice.io import Mark as Commit
from sluice.shells.stages.decoding import TopicInput
from sluice.shells.stages.filtering import Filtering, Skipped
from sluice.shells.stages.kept_state import Row, saved_from
from sluice.shells.stages.matching import Matching, RulesAwaited
from sluice.shells.stages.metered import counted
from sluice.shells.stages.rulesets import RuleBundle, RuleSets, encode_bundle
from sluice.shells.stages.tally import Tally
from sluice.stream import Place

_log = logging.getLogger("sluice.worker")
_T = TypeVar("_T")

#: However long a worker was frozen, this much of it counts as silence of its sources.
SILENCE_STEP_SECONDS_MAX = 1.0
LISTEN_SECONDS = 0.1
#: How long making things durable may take before partitions go elsewhere.
SETTLE_SECONDS_MAX = 5.0
#: How long is waited between questions to a broker that does not answer.
ASK_AGAIN_SECONDS = (0.5, 1, 2, 4, 8)
#: When a shard here holds so many events back, sources that are ahead of the others wait.
HELD_EVENTS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class DutyRequest:
    """What a worker is to do.

    `connection` is what clients are made with; `stages` are `filter` and `match`. `flush_seconds`
    is how long events are gathered, `persist_seconds` how often state is written.
    """

    connection: Mapping[str, object]
    group: str
    names: TopicNames
    inputs: Mapping[str, TopicInput]
    stages: frozenset[str]
    idle_seconds: float = 10.0
    flush_seconds: float = 0.02
    persist_seconds: float = 0.1


@dataclass(frozen=True, slots=True)
class Clients:
    """What a worker writes with, and what it asks brokers with."""

    writer: TopicWriter
    ends: TopicEnds
    marks: GroupMarks


class Seek(Protocol):
    """Reads a partition again from an offset."""

    async def __call__(self, topic: str, partition: int, offset: int) -> None: ...


class Duty:
    """The stages of one worker."""

    def __init__(
        self, request: DutyRequest, sets: RuleSets, places: Sequence[Place], clients: Clients,
        tally: Tally,
    ) -> None:  # fmt: skip
        self.request, self.sets, self.tally = request, sets, tally
        self._writer, self._ends, self._marks = clients.writer, clients.ends, clients.marks
        rules, send = sets.in_force, counted(clients.writer.send, tally)
        assert rules is not None, "a worker has rules before it has work"
        self.filtering = Filtering(rules, request.inputs, send, tally)
        self.matching = Matching(sets.get, places, send, self._write, tally)
        self._generation = -1
        self._silent: list[Place] = []
        self._flown = asyncio.Event()
        self._arrived = asyncio.Event()
        self._persisting: dict[int, asyncio.Lock] = {}

    async def _write(self, topic: str, partition: int, rows: list[Row]) -> None:
        await self._writer.write(topic, partition, rows)

    @property
    def _keyed(self) -> str:
        return self.request.names.of("keyed")

    # ------------------------------------------------------------ partitions

    async def assign(self, generation: int, places: Collection[Place]) -> None:
        """Take over the partitions of a generation: where to go on, and state."""
        mine = frozenset(places)
        inputs = [place for place in mine if place[0] in self.request.inputs]
        keyed = [place for place in mine if place[0] == self._keyed]
        marks, firsts = await self._begins([*inputs, *keyed])
        # What was gathered for the generation before is gathered again by whoever goes on.
        self.filtering.assign({p: marks.get(p) or Commit(firsts[p]) for p in inputs})
        is_next = generation == self._generation + 1
        for partition in list(self.matching.holdings):
            # A generation without us: somebody else may have gone on.
            if not is_next or (self._keyed, partition) not in mine:
                del self.matching.holdings[partition]
        fresh = [p for _, p in keyed if p not in self.matching.holdings]
        await asyncio.gather(
            *(self._restore(p, marks.get((self._keyed, p)), firsts[self._keyed, p]) for p in fresh)
        )
        self._generation = generation

    async def _begins(
        self, places: Sequence[Place]
    ) -> tuple[Mapping[Place, Commit], Mapping[Place, int]]:
        """Return what was committed, and where logs begin; ConnectionError after some tries."""
        marks = await _asked(lambda: self._marks.read(places))
        firsts = await _asked(lambda: self._ends.firsts(places))
        for place, mark in marks.items():
            if mark.offset < firsts[place] and place[0] in self.request.inputs:
                _log.warning(
                    "%s, partition %d: the records from offset %d to %d are gone, and were not "
                    "read: the topic keeps them too short a time", *place, mark.offset,
                    firsts[place] - 1,
                )  # fmt: skip
        return marks, firsts

    async def _next_offset(self, place: Place, offset: int) -> int:
        """Return the offset of the first record at or above one; ConnectionError after tries."""
        return await _asked(lambda: self._ends.next_offset(place, offset))

    async def _restore(self, partition: int, mark: Commit | None, first: int) -> None:
        topic, begun = self.request.names.of("state.keyed"), time.monotonic()
        saved = await saved_from(read_whole(self.request.connection, topic, partition))
        committed = None if mark is None else mark.offset
        while True:
            self._arrived.clear()
            try:
                newest = self.sets.newest
                self.matching.begin(partition, saved, committed, first, newest)
                self.tally.restored(time.monotonic() - begun)
                return
            except RulesAwaited as awaited:
                why = self.sets.refused.get(awaited.number)
                if why is not None:
                    _log.error(
                        "keyed, partition %d waits for rule set %d, which does not compile here: "
                        "%s", partition, awaited.number, why,
                    )  # fmt: skip
                await self._arrived.wait()

    def rules_arrived(self) -> None:
        """Go on with the newest rule set, and with what waited for it."""
        newest = self.sets.in_force
        if newest is not None and newest.number > self.filtering.rules.number:
            self.filtering.use(newest)
        self._arrived.set()

    # ------------------------------------------------------------ records

    async def take_input(self, place: Place, records: Sequence[Message], seek: Seek) -> None:
        """Take records of an input topic, when there is room for what comes of them."""
        await self.filtering.wait_for_room()
        try:
            self.filtering.take(place, records)
        except Skipped as skipped:
            there = await self._next_offset(place, skipped.expected)
            intake = self.filtering.intakes.get(place)
            if intake is None:
                return
            if there < records[0].offset:
                await seek(*place, skipped.expected)
            else:
                # There are no records between: compaction or a transaction took them.
                intake.expected = records[0].offset
                self.filtering.take(place, records)

    async def take_keyed(self, partition: int, records: Sequence[Message], seek: Seek) -> None:
        """Take records of the keyed topic; CheckpointError when some are lost."""
        holding = self.matching.holdings.get(partition)
        if holding is None or records[-1].offset < holding.expected:
            return
        if records[0].offset > holding.expected:
            place = (self._keyed, partition)
            there = await self._next_offset(place, holding.expected)
            if there < records[0].offset:
                await seek(*place, holding.expected)
                return
            raise CheckpointError(
                f"keyed, partition {partition}: offsets {holding.expected} to {there - 1} are "
                "gone, and the state does not know them"
            )
        while True:
            self._arrived.clear()
            try:
                # Whoever waited meanwhile may have lost the partition, and got it again.
                if self.matching.holdings.get(partition) is holding:
                    await self.matching.take(partition, records)
                return
            except RulesAwaited:
                await self._arrived.wait()

    # ------------------------------------------------------------ going on

    async def flush_for_ever(self) -> None:
        """Send what was gathered, again and again, and tell of sources that fell silent."""
        while True:
            await asyncio.sleep(self.request.flush_seconds)
            silent, self._silent = self._silent, []
            await self.filtering.flush(silent)
            self._flown.set()

    async def listen_for_ever(self) -> None:
        """Find the sources that are read to their end and get nothing for too long.

        That they are silent is told again and again: it holds for the moment alone.
        """
        before = time.monotonic()
        while True:
            # Without shards here nobody knows whether others wait for it.
            await asyncio.sleep(LISTEN_SECONDS * (1 if self.matching.holdings else 10))
            quiet = [p for p, intake in self.filtering.intakes.items() if intake.is_quiet]
            for intake in self.filtering.intakes.values():
                intake.is_quiet = True
            now = time.monotonic()
            seconds, before = min(now - before, SILENCE_STEP_SECONDS_MAX), now
            if quiet:
                found = await self._silent_for(quiet, seconds)
                self._silent += [place for place in found if self._is_waited_for(place)]

    def _is_waited_for(self, place: Place) -> bool:
        """Whether telling of a silent source lets others go on; else it would be told for ever."""
        shards = [holding.shard for holding in self.matching.holdings.values()]
        return not shards or any(shard.waits_for(place) for shard in shards)

    async def _silent_for(self, quiet: list[Place], seconds: float) -> list[Place]:
        """Add to the silence of sources; return those whose silence is long enough.

        Only what a broker says at once counts: while it is away, nobody knows what would come.
        """
        begun = time.monotonic()
        try:
            ends = await self._ends.ends(quiet)
        except ConnectionError:
            ends = {}
        if time.monotonic() - begun > SILENCE_STEP_SECONDS_MAX:
            ends = {}
        silent = []
        for place in quiet:
            intake = self.filtering.intakes.get(place)
            if intake is None:
                continue
            is_at_end = place in ends and (intake.expected or 0) >= ends[place]
            intake.quiet_seconds = intake.quiet_seconds + seconds if is_at_end else 0.0
            if intake.is_quiet and intake.quiet_seconds >= self.request.idle_seconds:
                silent.append(place)
        return silent

    async def land_for_ever(self) -> None:
        """Note what has become durable, in order."""
        while True:
            while self.filtering.is_flying:
                await self.filtering.land()
            self._flown.clear()
            await self._flown.wait()

    async def persist_for_ever(self) -> None:
        """Write the state of shards, again and again."""
        while True:
            await asyncio.sleep(self.request.persist_seconds)
            await self._persist()

    async def _persist(self) -> None:
        topic = self.request.names.of("state.keyed")

        async def one(partition: int) -> None:
            async with self._persisting.setdefault(partition, asyncio.Lock()):
                await self.matching.persist(partition, topic)

        await asyncio.gather(*(one(partition) for partition in list(self.matching.holdings)))

    def ahead(self) -> set[Place]:
        """Return the sources here that are ahead while shards hold too much back for the others.

        The slowest source of all is never among them, wherever it is read.
        """
        shards = [holding.shard for holding in self.matching.holdings.values()]
        slow = [shard.slowest for shard in shards if shard.held_count > HELD_EVENTS_MAX]
        if not slow:
            return set()
        limit = min(slow)
        found = set()
        for place, intake in self.filtering.intakes.items():
            seen = intake.inlet.mark.seen
            if seen is not None and (seen - intake.inlet.lateness, *place) > limit:
                found.add(place)
        return found

    async def settle(self) -> None:
        """Make durable what was taken, within some seconds."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS_MAX):
                await self.filtering.flush()
                self._flown.set()
                while self.filtering.is_flying:
                    await asyncio.sleep(0.002)
                await self._persist()
        except TimeoutError:
            return

    async def ends(self, places: Collection[Place]) -> Mapping[Place, int]:
        """Return the offset that the next record of each partition gets."""
        return await self._ends.ends(places)

    def commit_of(self, topic: str, partition: int) -> Commit | None:
        """Return what may be committed of a partition."""
        if topic == self._keyed:
            return self.matching.commit_of(partition)
        return self.filtering.commit_of((topic, partition))


async def _asked(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Return an answer of a broker; ConnectionError when none comes after some tries."""
    for seconds in ASK_AGAIN_SECONDS:
        try:
            return await ask()
        except ConnectionError:
            await asyncio.sleep(seconds)
    return await ask()


class RulesFollower:
    """Follows the topic of rule sets; the first worker of a group puts its own there."""

    def __init__(self, request: DutyRequest, sets: RuleSets, writer: TopicWriter) -> None:
        self._topic = request.names.of("rules")
        self._follower = TopicFollower(request.connection, self._topic)
        self._sets, self._writer = sets, writer

    async def start(self, own: RuleBundle | SluiceError) -> None:
        """Read what was deployed; deploy `own`, or raise it, where there is nothing."""
        await self._follower.start()
        async for message in self._follower.until_end():
            self._sets.add(message.offset + 1, message.value or b"")
        if not self._sets.bundles:
            if isinstance(own, SluiceError):
                raise own
            note = "the rules of the first worker"
            first = own.stamped(time.time_ns() // 1_000_000, note, is_first=True)
            await deploy(self._writer, self._topic, first)
            while not self._sets.bundles:
                for message in await self._follower.more(0.2):
                    self._sets.add(message.offset + 1, message.value or b"")

    async def follow_for_ever(self, duty: Duty, refused: Refused) -> None:
        """Take each rule set that is deployed; `refused` learns of those that do not compile."""
        while True:
            for message in await self._follower.more(0.5):
                number = message.offset + 1
                self._sets.add(number, message.value or b"")
                if self._sets.get(number) is not None:
                    duty.rules_arrived()
                elif number in self._sets.refused:
                    refused(number, self._sets.refused[number])

    async def stop(self) -> None:
        """Disconnect."""
        await self._follower.stop()


class Refused(Protocol):
    """Learns of a rule set that does not compile."""

    def __call__(self, number: int, reason: str) -> None: ...


async def deploy(writer: TopicWriter, topic: str, bundle: RuleBundle) -> int:
    """Return the number of a rule set when it is in the topic, under a key of its own."""
    # The same set may be deployed twice at once, and compaction must leave both numbers alone.
    key = f"{bundle.deployed_ms} {bundle.version} {uuid.uuid4().hex}".encode()
    return await writer.put(topic, 0, encode_bundle(bundle), key) + 1
