"""The filter stage: events come in, stateless rules see them, what other rules need goes on.

It is a function of its input: what it makes of the events of a source partition depends on them
alone, and on the mark that it began with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sluice.model import Event, Rejected, Row, Trace, event_id
from sluice.plan import Placement
from sluice.stream.notices import Extracted, Late
from sluice.stream.pipeline import Pipeline
from sluice.stream.stages.routing import Route, Router
from sluice.stream.stages.travel import Child, Entry
from sluice.stream.watermarks import Place
from sluice.timing import INSTANT_MIN, Instant

#: Sorts before every event.
_NOTHING_SEEN = INSTANT_MIN - 1


class Mark(NamedTuple):
    """How far event time has come in a source partition; None while it had no event."""

    seen: Instant | None = None
    first: Instant | None = None


@dataclass(slots=True)
class Harvest:
    """What a batch of a source partition has brought.

    `records` are what stateless rules decided, after the offset of their event; `extracted` what
    was extracted, where it is told; `entries` what travels, by partition.
    """

    records: list[tuple[int, Any]] = field(default_factory=list)
    extracted: list[tuple[int, Extracted]] = field(default_factory=list)
    entries: dict[int, list[Entry]] = field(default_factory=dict)
    events: int = 0
    late: int = 0
    rejected: int = 0


class FilterStage:
    """The rules of a set as the filter stage runs them, for all source partitions of a worker.

    `pipeline` is that of the whole set; what stands for its stateful rules notes where events go.
    `projection` are the fields that travel, `count` how many partitions there are. Extracted
    events are told where somebody keeps them.
    """

    def __init__(
        self, pipeline: Pipeline, placements: Sequence[Placement], projection: Iterable[str],
        count: int, tells_extracted: bool = False,
    ) -> None:  # fmt: skip
        self.pipeline, self.program = pipeline, pipeline.program
        self.tells_extracted = tells_extracted
        self.targets: set[int] = set()
        self._projection = frozenset(projection)
        placed = {placement.rule: placement for placement in placements}
        routers: dict[int, Callable[..., None]] = {}
        for code in self.program.codes:
            placement = placed[code.plan.name]
            if placement.stage == "match":
                route = Route(code, placement, count)
                routers[code.rank] = Router(code, route, self.targets).on_event
        self.program.bind(routers, {})
        self.program.needs_places = True  # offsets name what is decided here

    def entry(
        self, row: Row, source: str, children: list[Event], is_late: bool, trace: Trace | None
    ) -> Entry:  # fmt: skip
        """Return a row as it travels."""
        own, keep = self._fields(row), self._projection
        return Entry(
            row.offset, row.time, row.type, row.id, None if row.source == source else row.source,
            {name: value for name, value in own.items() if name in keep}, is_late,
            [Child(e.type, e.id, e.fields) for e in children], trace,
        )  # fmt: skip

    def _fields(self, row: Row) -> Mapping[str, Any]:
        fields: Mapping[str, Any] = self.program.row_state(row)[6]
        return fields


class Inlet:
    """One source partition on its way into the filter stage; what decodes lines feeds it.

    `harvest` takes what comes of it until the caller puts a new one there.
    """

    def __init__(self, stage: FilterStage, place: Place, lateness: int, mark: Mark) -> None:
        self._place, self.lateness = place, lateness
        self._seen = _NOTHING_SEEN if mark.seen is None else mark.seen
        self._first = mark.first
        self.harvest = Harvest()
        self.raw_of: Callable[[int], bytes] | None = None
        #: The traces of the records at hand, by offset.
        self.traces: Mapping[int, Trace] = {}
        self.use(stage)

    def use(self, stage: FilterStage) -> None:
        """Go on with another rule set."""
        self._stage, self.program = stage, stage.program
        self._functions = stage.pipeline.functions("all")

    @property
    def mark(self) -> Mark:
        """How far event time has come."""
        return Mark(None if self._first is None else self._seen, self._first)

    def reject(self, rejected: Rejected) -> None:
        """Take what did not become an event."""
        self.harvest.rejected += 1
        self.harvest.records.append((rejected.offset, rejected))

    def feed(self, events: Iterable[Event | Rejected], source: str | None = None) -> None:
        """Take events in order of arrival."""
        for event in events:
            if isinstance(event, Rejected):
                self.reject(event)
            else:
                self._take(self.program.to_row(event), event.offset, event)

    def feed_rows(self, rows: Sequence[Row], offset: int, source: str) -> None:
        """Take rows, of which the first has this offset."""
        for number, row in enumerate(rows, offset):
            self._take(row, number)

    def _take(self, row: Row, offset: int, event: Event | None = None) -> None:
        harvest, time = self.harvest, row.time
        harvest.events += 1
        if self._first is None:
            self._first = time
        if time > self._seen:
            self._seen = time
        elif time < self._seen - self.lateness:
            self._late(row, offset, event)
            return
        try:
            function = self._functions.known[row.type]
        except KeyError:
            function = self._functions.of(row.type)
        if function is not None:
            self._meet(row, offset, function, False)

    def _meet(self, row: Row, offset: int, function: Callable[[Row], Any], is_late: bool) -> None:
        """Let rules meet an event, and note what came of it and where it goes."""
        row.offset, stage = offset, self._stage
        function(row)
        outlet = stage.pipeline.outlet
        children: list[Event] = []
        if outlet.records:
            for record in stage.pipeline.drain():
                if isinstance(record, Extracted):
                    children.append(record.event)
                    if stage.tells_extracted:
                        self.harvest.extracted.append((offset, record))
                else:
                    self.harvest.records.append((offset, record))
        # Nobody here listens to what is derived: those who do run where it is derived.
        outlet.derived.clear()
        if stage.targets:
            entry = stage.entry(row, self._place[0], children, is_late, self.traces.get(offset))
            for target in stage.targets:
                self.harvest.entries.setdefault(target, []).append(entry)
            stage.targets.clear()

    def _late(self, row: Row, offset: int, event: Event | None) -> None:
        """A late event reaches stateless rules only."""
        self.harvest.late += 1
        self._meet(row, offset, self._stage.pipeline.held.arrive, True)
        raw = event if self.raw_of is None or event is not None else self.raw_of(offset)
        own = Row(row.time, row.type, row.id, row.source, row.partition, offset, raw)
        late = Late(self.program.whole(own), self._seen - self.lateness, event_id(own))
        self.harvest.records.append((offset, late))
