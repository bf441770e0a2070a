"""The filter stage at work: records in, outputs and keyed records out, offsets when durable.

What is read is gathered over batches and sent together. An offset is committed when all that came
of the records below it is on the broker; with it goes the watermark there, so that who goes on
decides the same, and what decoding had learned.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sluice.backends import StageRules
from sluice.io import Mark as Commit
from sluice.io import Message, SourceNote, packed, read_source_note
from sluice.shells.stages.decoding import Decoding, TopicInput
from sluice.shells.stages.outgoing import Outgoing, outgoing
from sluice.shells.stages.tally import Tally
from sluice.stream import (
    UNKNOWN,
    Entry,
    Extracted,
    Harvest,
    Inlet,
    Keyed,
    Mark,
    Pipeline,
    Place,
    Section,
    pack_keyed,
    size_of,
)

_log = logging.getLogger("sluice.worker")

#: So many events are in a keyed record at most, and a large one counts as many.
EVENTS_MAX = 500
#: So much is in it before it is packed; one event may be larger, and brokers take 32 MiB.
KEYED_BYTES_MAX = 8 * 1024 * 1024
#: So many gatherings may be on their way before reading waits.
FLIGHTS_MAX = 64
#: An output has a number of its own among so many of one event.
OUTPUTS_PER_EVENT_MAX = 1 << 16
#: Extracted events have numbers of their own, so that others keep theirs when nobody wants these.
EXTRACTED_FROM = OUTPUTS_PER_EVENT_MAX // 2

Send = Callable[..., Awaitable[asyncio.Future[Any]]]


class Skipped(Exception):
    """Records begin above where reading stopped; `expected` is the offset that should come."""

    def __init__(self, place: Place, expected: int) -> None:
        super().__init__(f"{place[0]}, partition {place[1]}: records before offset {expected}")
        self.place, self.expected = place, expected


class Reached(NamedTuple):
    """How far a source partition was read, and what is noted there."""

    offset: int
    note: SourceNote


@dataclass(slots=True)
class Intake:
    """One source partition that is read here.

    `expected` is the offset that comes next (None: any), `unsent` what waits to travel, `after`
    what each target knows of; `durable` what may be committed. `is_told`: it was said that not all
    of that fits beside an offset.
    """

    place: Place
    inlet: Inlet
    decoding: Decoding
    expected: int | None
    durable: Reached | None = None
    unsent: dict[int, list[Entry]] = field(default_factory=dict)
    after: dict[int, int] = field(default_factory=dict)
    sent: dict[int, Mark] = field(default_factory=dict)
    quiet_seconds: float = 0.0
    is_quiet: bool = False
    is_told: bool = False


@dataclass(slots=True)
class Flight:
    """What was sent together, and where each source partition stood then."""

    futures: list[asyncio.Future[Any]]
    reached: list[tuple[Intake, Reached]]
    since: float


class Filtering:
    """All source partitions that this worker reads."""

    def __init__(
        self, rules: StageRules, inputs: Mapping[str, TopicInput], send: Send, tally: Tally
    ) -> None:
        self.rules, self._inputs, self._send, self._tally = rules, inputs, send, tally
        self._stage = rules.filter_stage()
        self.intakes: dict[Place, Intake] = {}
        self._outputs: list[Outgoing] = []
        self._ready: list[Outgoing] = []
        #: How many bytes came since something was sent on.
        self._bytes = 0
        self._reached: list[tuple[Intake, Reached]] = []
        self._flushing = asyncio.Lock()
        self._flights: deque[Flight] = deque()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def pipeline(self) -> Pipeline:
        """What the rules run in now."""
        return self._stage.pipeline

    # ------------------------------------------------------------ partitions

    def assign(self, begins: Mapping[Place, Commit | None]) -> None:
        """Read these partitions from where they were committed, and no others."""
        self.intakes = {place: self._intake(place, begin) for place, begin in begins.items()}

    def _intake(self, place: Place, begin: Commit | None) -> Intake:
        settings = self._inputs[place[0]]
        note = SourceNote() if begin is None else read_source_note(begin.note)
        inlet = Inlet(self._stage, place, settings.lateness_ms, Mark(note.seen, note.first))
        decoding = Decoding(settings, place, inlet, note.codec)
        return Intake(place, inlet, decoding, None if begin is None else begin.offset)

    def use(self, rules: StageRules) -> None:
        """Go on with another rule set; what was read before goes out with the old one."""
        self._gather(set())
        self.rules = rules
        self._stage = rules.filter_stage()
        for intake in self.intakes.values():
            intake.inlet.use(self._stage)
            intake.decoding.use()

    # ------------------------------------------------------------ input

    async def wait_for_room(self) -> None:
        """Return when not too much is on its way."""
        await self._room.wait()

    def take(self, place: Place, records: Sequence[Message]) -> None:
        """Take records of a source partition; Skipped when some before them did not come."""
        intake = self.intakes.get(place)
        if intake is None:
            return
        expected = intake.expected
        if expected is not None:
            if records[0].offset < expected:
                records = [record for record in records if record.offset >= expected]
                if not records:
                    return
            if records[0].offset > expected:
                raise Skipped(place, expected)
        intake.inlet.harvest = harvest = Harvest()
        before = intake.decoding.bytes
        intake.decoding.take(records)
        self._bytes += intake.decoding.bytes - before
        intake.expected = records[-1].offset + 1
        intake.quiet_seconds, intake.is_quiet = 0.0, False
        self._harvest(intake, harvest)

    def _harvest(self, intake: Intake, harvest: Harvest) -> None:
        for target, entries in harvest.entries.items():
            intake.unsent.setdefault(target, []).extend(entries)
        self._tally.filtered(intake.place, harvest)
        if harvest.records or harvest.extracted:
            self._outputs += self._outgoing(intake, harvest)

    def _outgoing(self, intake: Intake, harvest: Harvest) -> Iterator[Outgoing]:
        """Yield what a batch has brought, in the order of its numbers."""
        source, partition = intake.place
        origin, names = f"{source}/{partition}", self.rules.topology.names
        by_offset = itemgetter(0)
        every = heapq.merge(harvest.records, harvest.extracted, key=by_offset)
        for offset, found in groupby(every, key=by_offset):
            trace = intake.inlet.traces.get(offset)
            plain = offset * OUTPUTS_PER_EVENT_MAX
            extracted = plain + EXTRACTED_FROM
            for _, record in found:
                if isinstance(record, Extracted):
                    number, extracted = extracted, extracted + 1
                else:
                    number, plain = plain, plain + 1
                yield outgoing(names, origin, number, partition, record, trace)

    # ------------------------------------------------------------ output

    async def flush(self, idle: Iterable[Place] = ()) -> None:
        """Send what was gathered, and tell all targets how far each source was read."""
        async with self._flushing:
            self._gather(set(idle))
            ready, self._ready = self._ready, []
            reached, self._reached = self._reached, []
            futures = [
                await self._send(o.topic, o.partition, o.value, o.key, o.headers) for o in ready
            ]
            if futures or reached:
                self._flights.append(Flight(futures, reached, time.monotonic()))
            if len(self._flights) >= FLIGHTS_MAX:
                self._room.clear()

    def _gather(self, silent: set[Place]) -> None:
        """Make records of all that came so far; at once, so that nothing comes in between."""
        # Who has got something since is silent no longer.
        silent = {p for p in silent if p in self.intakes and self.intakes[p].is_quiet}
        self._ready += self._outputs
        self._outputs = []
        topology = self.rules.topology
        if topology.has_match_stage:
            topic = topology.names.of("keyed")
            for target in range(topology.names.partitions):
                for value in self._keyed(target, silent):
                    self._ready.append(Outgoing(topic, target, None, value, ()))
        self._bytes = 0
        self._reached += [
            (
                intake,
                Reached(intake.expected, SourceNote(*intake.inlet.mark, intake.decoding.learned)),
            )
            for intake in self.intakes.values()
            if intake.expected is not None
            and (intake.durable is None or intake.durable.offset < intake.expected)
        ]

    def _keyed(self, target: int, silent: set[Place]) -> list[bytes]:
        """Return the keyed records for a target: progress of all sources, and their events."""
        sections: list[Section] = []
        records: list[bytes] = []
        events, weigh = 0, _weight if self._bytes > KEYED_BYTES_MAX else _one
        for intake in self.intakes.values():
            if intake.expected is None:
                continue
            upto = intake.expected - 1
            is_idle = intake.place in silent
            entries = intake.unsent.pop(target, [])
            if not entries and not is_idle and intake.after.get(target) == upto:
                continue
            for piece, weight in _pieces(entries, weigh):
                if events + weight > EVENTS_MAX and sections:
                    records.append(self._packed(sections))
                    sections, events = [], 0
                is_last = not entries or piece[-1] is entries[-1]
                reached = upto if is_last else piece[-1].offset
                sections.append(self._section(intake, target, reached, is_last, is_idle, piece))
                events += weight
        if sections:
            records.append(self._packed(sections))
        return records

    def _packed(self, sections: list[Section]) -> bytes:
        self._tally.sent(sum(len(section.entries) for section in sections))
        return packed(pack_keyed(Keyed(self.rules.number, sections)))

    @staticmethod
    def _section(
        intake: Intake, target: int, upto: int, is_last: bool, is_idle: bool, piece: list[Entry]
    ) -> Section:
        # Time has come as far as the last piece says only with the last one.
        mark = intake.inlet.mark if is_last else intake.sent.get(target, Mark())
        intake.sent[target] = mark
        after, intake.after[target] = intake.after.get(target, UNKNOWN), upto
        lateness = intake.inlet.lateness
        return Section(*intake.place, after, upto, *mark, lateness, is_idle and is_last, piece)

    async def land(self) -> None:
        """Wait for what was sent first; what came of it may be committed then."""
        flight = self._flights[0]
        if flight.futures:
            await asyncio.gather(*flight.futures)
        self._flights.popleft()
        self._tally.settled("filter", time.monotonic() - flight.since)
        for intake, reached in flight.reached:
            intake.durable = reached
        if len(self._flights) < FLIGHTS_MAX:
            self._room.set()

    @property
    def is_flying(self) -> bool:
        """Whether something is on its way."""
        return bool(self._flights)

    def commit_of(self, place: Place) -> Commit | None:
        """Return what may be committed of a partition."""
        intake = self.intakes.get(place)
        if intake is None or intake.durable is None:
            return None
        offset, note = intake.durable
        if not intake.is_told and not note.fits:
            intake.is_told = True
            _log.warning(
                "%s, partition %d: what decoding has learned does not fit beside an offset: "
                "a restart learns it anew, from the middle", *place,
            )  # fmt: skip
        return Commit(offset, note.text())


def _one(entry: Entry) -> int:
    return 1


def _weight(entry: Entry) -> int:
    return 1 + size_of(entry) * EVENTS_MAX // KEYED_BYTES_MAX


def _pieces(
    entries: list[Entry], weigh: Callable[[Entry], int]
) -> Iterable[tuple[list[Entry], int]]:
    """Cut what travels into pieces that fit into a record, each with how many events it counts as.

    Those of one offset stay together.
    """
    if weigh is _one and len(entries) <= EVENTS_MAX:
        return [(entries, len(entries))]
    pieces: list[tuple[list[Entry], int]] = []
    piece: list[Entry] = []
    weight = 0
    for entry in entries:
        own = weigh(entry)
        if piece and weight + own > EVENTS_MAX and piece[-1].offset != entry.offset:
            pieces.append((piece, weight))
            piece, weight = [], 0
        piece.append(entry)
        weight += own
    return [*pieces, (piece, weight)]
