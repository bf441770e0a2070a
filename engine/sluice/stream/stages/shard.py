"""The match stage: one partition of the keyed topic, with the state of all keys that belong to it.

A shard is a function of its log: what it decides depends on the records below an offset alone,
not on when they were read, by whom, or how often it was restarted. So outputs have numbers that
are the same each time, and state that an older owner writes late is no other state.

What is read first waits until nothing that sorts before it can come: the order of section 4.3 of
the language, by (time, source, partition, offset), up to the lowest watermark of all sources.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sluice.errors import CheckpointError
from sluice.model import Event, Row, Trace
from sluice.plan import Placement
from sluice.stream.arrival import Node
from sluice.stream.pipeline import Pipeline
from sluice.stream.program import Program
from sluice.stream.stages.routing import Gate, Route
from sluice.stream.stages.touched import Identity, Touched
from sluice.stream.stages.travel import UNKNOWN, Entry, Keyed, Section
from sluice.stream.watermarks import Place
from sluice.timing import INSTANT_MIN, Instant

#: Sorts before every event.
_NOTHING_SEEN = INSTANT_MIN - 1

#: (time, source, partition): a place in the total order of events.
Frontier = tuple[Instant, str, int]


@dataclass(slots=True)
class Source:
    """How far one source partition was read, as its last section told.

    `upto` is an offset, `seen` and `watermark` are times; `is_live` while it brings something.
    """

    upto: int = UNKNOWN
    seen: Instant | None = None
    watermark: Instant | None = None
    first: Instant | None = None
    is_live: bool = True


@dataclass(frozen=True, slots=True)
class ShardSetup:
    """What makes a shard: which partition of how many, where rules belong, whom to wait for."""

    here: int
    count: int
    placements: Sequence[Placement]
    places: Sequence[Place]


class Shard:
    """The state of one partition, and the rules that work on it.

    `build` makes the pipeline of a program, whose expected keys are those that belong here.
    `rules` is the number of the rule set.
    """

    def __init__(
        self, setup: ShardSetup, program: Program, build: Callable[[Program], Pipeline], rules: int
    ) -> None:
        self.setup, self.rules = setup, rules
        placed = {placement.rule: placement for placement in setup.placements}
        routes = [Route(code, placed[code.plan.name], setup.count) for code in program.codes]
        program.codes = tuple(
            replace(code, expected=tuple(k for k in code.expected if route.of(k) == setup.here))
            for code, route in zip(program.codes, routes, strict=True)
        )
        self.pipeline = pipeline = build(program)
        self.touched = Touched(pipeline)
        program.bind(
            {
                operator.code.rank: Gate(
                    operator.code, route, setup.here, operator.on_event, self.touched.add
                ).on_event
                for operator, route in zip(pipeline.operators, routes, strict=True)
            },
            {},
        )
        self.sources = {place: Source() for place in setup.places}
        #: The offset of the next record, and the number of the next output.
        self.next_offset = self.next_number = 0
        self.duplicates = self.behind = 0
        #: Everything up to here was applied, or came too late.
        self.applied: Frontier | None = None
        self._waiting: dict[int, int] = {}
        #: The traces that outputs go on, by number, until somebody takes them out.
        self.traces: dict[int, Trace] = {}
        self._traced = 0
        self._held_again: set[tuple[str, int, int, int]] = set()

    # ------------------------------------------------------------ input

    def take(self, offset: int, record: Keyed) -> None:
        """Take the record at an offset; CheckpointError when something is missing before it.

        Below `next_offset` it was taken before a restart: what had been applied of it then is
        left out, and what had not waits again.
        """
        if offset < self.next_offset:
            for section in record.sections:
                self._take_again(section, offset)
            return
        for section in record.sections:
            self._take(section, offset)
        self.next_offset = offset + 1
        self._run()

    def _take(self, section: Section, offset: int) -> None:
        place = (section.source, section.partition)
        source = self.sources.get(place)
        if source is None:
            raise CheckpointError(
                f"{section.source}, partition {section.partition}, is new: its topic has more "
                "partitions than when the state began (see `sluice topics check`)"
            )
        if section.after != UNKNOWN and section.after > source.upto:
            raise CheckpointError(
                f"{section.source}, partition {section.partition}, goes on above offset "
                f"{section.after}, and was read up to {source.upto}"
            )
        for entry in section.entries:
            if entry.offset <= source.upto:
                self.duplicates += 1
            else:
                self._hold(entry, place, offset)
        if section.upto >= source.upto:
            source.upto = section.upto
            source.seen, source.first = section.seen, section.first
            source.is_live = not section.is_idle
            told = None if section.seen is None else section.seen - section.lateness
            for watermark in (told, self._of_others() if section.is_idle else None):
                if watermark is not None:
                    source.watermark = max(watermark, source.watermark or watermark)

    def waits_for(self, place: Place) -> bool:
        """Return whether others could go on if it were told that a source is silent."""
        source = self.sources[place]
        if source.is_live:
            return True
        others = self._of_others()
        return others is not None and (source.watermark is None or source.watermark < others)

    def _of_others(self) -> Instant | None:
        """Return how far a source has come of which it was just said that nothing is in it.

        As far as those that are live, or as anybody when none is. It is said again and again: who
        stops to say it, because he is frozen or behind, holds the others back from then on.
        """
        live = [source.watermark for source in self.sources.values() if source.is_live]
        if not live:
            seen = [s.seen for s in self.sources.values() if s.seen is not None]
            return max(seen, default=None)
        known = [watermark for watermark in live if watermark is not None]
        return min(known) if len(known) == len(live) else None

    def _take_again(self, section: Section, offset: int) -> None:
        place = (section.source, section.partition)
        for number, entry in enumerate(section.entries):
            if entry.is_late or (self.applied is not None and (entry.time, *place) <= self.applied):
                continue
            # Entries of one offset come from one record, in one order.
            identity = (*place, entry.offset, number - _first_of(section, entry.offset))
            if identity not in self._held_again:
                self._held_again.add(identity)
                self._wait(self._node(entry, place), place, offset)

    def _hold(self, entry: Entry, place: Place, offset: int) -> None:
        pipeline, node = self.pipeline, self._node(entry, place)
        pipeline.count()
        if entry.is_late:
            pipeline.held.arrive_node(node)
        elif pipeline.now is not None and entry.time < pipeline.now:
            # A source that was taken to be idle is behind what was applied without it.
            self.behind += 1
            pipeline.held.arrive_node(node)
        else:
            self._wait(node, place, offset)

    def _wait(self, node: Node, place: Place, offset: int) -> None:
        self._waiting[offset] = self._waiting.get(offset, 0) + 1
        node.origin = offset
        self.pipeline.held.hold(node, place)

    def _applied(self, node: Node) -> None:
        outlet = self.pipeline.outlet
        if node.trace is not None:
            for place in range(self._traced, len(outlet.records)):
                self.traces[self.next_number + place] = node.trace
        self._traced = len(outlet.records)
        left = self._waiting[node.origin] - 1
        if left:
            self._waiting[node.origin] = left
        else:
            del self._waiting[node.origin]

    def _node(self, entry: Entry, place: Place) -> Node:
        to_row = self.pipeline.program.to_row
        source = place[0] if entry.source is None else entry.source

        def row(type_: str, id_: str | None, fields: dict[str, Any]) -> Row:
            return to_row(Event(type_, entry.time, fields, id_, source, place[1], entry.offset))

        node = Node(row(entry.type, entry.id, entry.fields), False, True)
        node.trace = entry.trace
        node.extracted = [Node(row(c.type, c.id, c.fields), True, True) for c in entry.children]
        return node

    def _run(self) -> None:
        """Apply what can be applied now, and let time run up to the lowest watermark."""
        pipeline, sources = self.pipeline, self.sources
        reached = [
            (source.watermark, *place)
            for place, source in sources.items()
            if source.watermark is not None
        ]
        firsts = [source.first for source in sources.values() if source.first is not None]
        if not firsts or len(reached) < len(sources):
            return
        if pipeline.now is None:
            pipeline.tick(min(firsts))
        # When all are silent, events of the last instant wait for nobody either.
        is_over = not any(source.is_live for source in sources.values())
        frontier = (min(reached)[0], *max(sources)) if is_over else min(reached)
        pipeline.run_to(frontier, self._applied)
        if self.applied is None or frontier > self.applied:
            self.applied = frontier

    # ------------------------------------------------------------ output

    def drain(self) -> list[tuple[int, Any]]:
        """Return what was decided since the last call, each with its number."""
        records = self.pipeline.drain()
        first = self.next_number
        self.next_number += len(records)
        self._traced = 0
        return list(enumerate(records, first))

    @property
    def held_count(self) -> int:
        """How many events wait for their turn."""
        return len(self.pipeline.held)

    @property
    def slowest(self) -> Frontier:
        """The lowest watermark of all sources, and whose it is."""
        return min(
            (_NOTHING_SEEN if source.watermark is None else source.watermark, *place)
            for place, source in self.sources.items()
        )

    @property
    def settled_offset(self) -> int:
        """The first offset of which something waits, else the next one."""
        return min(self._waiting, default=self.next_offset)

    # ------------------------------------------------------------ state

    def header(self) -> dict[str, Any]:
        """Return what is kept beside the state of keys, as plain data."""
        pipeline = self.pipeline
        return {
            "next": self.next_offset, "number": self.next_number, "rules": self.rules,
            "now": pipeline.now, "applied": self.applied, "behind": self.behind,
            "events": pipeline.stats.events,
            "sources": [
                [*place, s.upto, s.seen, s.watermark, s.first, s.is_live]
                for place, s in self.sources.items()
            ],
            "states": self.touched.rule_records(),
        }  # fmt: skip

    def restore(
        self, header: dict[str, Any], records: Iterable[tuple[Identity, bytes]],
        moved: Collection[str] = (),
    ) -> None:  # fmt: skip
        """Take what `header` gave, and the record of each key by its identity.

        Rules that `moved` begin anew.
        """
        self.next_offset, self.next_number = header["next"], header["number"]
        self.behind, self.pipeline.now = header["behind"], header["now"]
        self.pipeline.stats.events = header["events"]
        applied = header["applied"]
        self.applied = None if applied is None else (applied[0], applied[1], applied[2])
        places = {(s[0], s[1]) for s in header["sources"]}
        if places != self.sources.keys():
            raise CheckpointError(
                "the input topics have other partitions than when the state began "
                "(see `sluice topics check`)"
            )
        for source, partition, *told in header["sources"]:
            self.sources[source, partition] = Source(*told)
        self.touched.restore(header["states"], records, moved)

    def succeed(self, other: Shard) -> None:
        """Go on where a shard with another rule set stands."""
        old = {p.rule: p.way for p in other.setup.placements}
        elsewhere = {p.rule for p in self.setup.placements if old.get(p.rule) != p.way}
        self.restore(other.header(), other.touched.everything(), elsewhere)
        self.duplicates = other.duplicates
        # What was decided and nobody took yet keeps its numbers.
        self.pipeline.outlet.records += other.pipeline.drain()
        self.traces |= other.traces
        self._traced = len(self.pipeline.outlet.records)
        program, before = self.pipeline.program, other.pipeline.program

        def again(row: Row) -> Row:
            return program.row_from(before.row_state(row))

        for node, place in other.pipeline.held.nodes():
            moved = Node(again(node.row), node.is_derived, node.is_fresh)
            moved.trace = node.trace
            moved.extracted = [Node(again(c.row), True, True) for c in node.extracted]
            self._wait(moved, place, node.origin)
        self.touched.inherit(other.touched)


def _first_of(section: Section, offset: int) -> int:
    return next(number for number, entry in enumerate(section.entries) if entry.offset == offset)
