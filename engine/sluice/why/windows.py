"""Near misses of aggregate rules: the windows in which `having` came closest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from sluice.model import Row
from sluice.plan import Aggregate, Expr, Filter, Having, RulePlan, Window, path_text
from sluice.plan import exprs as x
from sluice.timing import Duration, Instant
from sluice.why.case import Case, span
from sluice.why.changes import with_pattern, without_until
from sluice.why.explanation import Candidate, Measure, Moment, Obstacle
from sluice.why.facts import fields_of
from sluice.why.gates import gate_obstacles
from sluice.why.havings import having_parts, measure, told_part, with_part_met
from sluice.why.trial import Entry, Found

#: How many events of a window stand on its time line, at either end.
SHOWN = 3

#: How many events before and after a window are tried as part of a larger one.
_NEIGHBOURS = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """A window with what the parts of `having` came to in it."""

    found: Found
    measures: tuple[Measure, ...]

    @property
    def failed(self) -> int:
        """How many parts were not true."""
        return sum(measure.holds is not True for measure in self.measures)

    @property
    def distance(self) -> float:
        """How far the parts that were not true lay from what they ask, relative to that."""
        return sum(_distance(m) for m in self.measures if m.holds is not True)


class WindowStudy:
    """Measures the windows of an aggregate rule."""

    def __init__(self, case: Case) -> None:
        assert isinstance(case.rule.pattern, Aggregate)
        self.case, self.rule = case, case.rule
        self.pattern: Aggregate = case.rule.pattern
        self.window: Window = self.pattern.window
        self.parts = having_parts(case.rule)
        self._mask = case.mask(self.pattern.step.atoms)

    def candidates(self) -> list[Candidate]:
        """Return the windows that came closest, closest first, each key once."""
        entries = self.case.entries
        best = self._best(self.readings(entries))
        if not best:
            return self._refused(entries)
        return [self._candidate(reading) for reading in best[: self.case.asked.limit]]

    def reading(self, found: Found, entries: Sequence[Entry]) -> Reading | None:
        """Return a window once more with its events, or what it last came to before that."""
        own = [r for r in self.readings(entries, found.time) if r.found.key == found.key]
        before = [r for r in own if r.found.time <= found.time]
        place = (found.start, found.time)
        again = [r for r in before if (r.found.start, r.found.time) == place]
        same = [r for r in again if r.found.values == found.values]
        return next(iter(same or again[-1:] or before[-1:]), None)

    def readings(
        self, entries: Sequence[Entry], events_at: Instant | None = None
    ) -> Iterator[Reading]:
        """Yield every window that is judged, with what it came to."""
        is_edged = self.window.kind in ("sliding", "last")
        select: list[tuple[str, Expr]] = []
        for part in self.parts:
            sides = (part.left, part.right) if isinstance(part, x.Cmp) else (part, part)
            select += [("", part), ("", sides[0]), ("", sides[1])]
        rule = replace(
            self.rule, select=tuple(select), having=Having(x.TRUE, each=True) if is_edged else None
        )
        for found in self.case.lab.run(rule, entries, beyond=True, events_at=events_at):
            if self.case.is_alive(found.start, max(found.end, found.time)):
                yield Reading(found, tuple(self._measures(found)))

    def _measures(self, found: Found) -> Iterator[Measure]:
        for number, part in enumerate(self.parts):
            verdict, left, right = found.values[3 * number : 3 * number + 3]
            yield measure(self.case, part, left, right, verdict)

    def _best(self, readings: Iterator[Reading]) -> list[Reading]:
        by_key: dict[Any, tuple[tuple[float, ...], Reading]] = {}
        for reading in readings:
            rank = (reading.failed, reading.distance, -reading.found.time)
            held = by_key.get(reading.found.key)
            if held is None or rank < held[0]:
                by_key[reading.found.key] = (rank, reading)
        return [reading for _, reading in sorted(by_key.values(), key=lambda pair: pair[0])]

    # ------------------------------------------------------------ one window

    def _candidate(self, reading: Reading) -> Candidate:
        entries = self.case.of_key(reading.found.key)
        reading = self.reading(reading.found, entries) or reading
        found = reading.found
        obstacles = list(self._obstacles(reading, entries))
        obstacles.sort(key=lambda obstacle: not obstacle.is_enough)
        moments = self.moments(found, entries)
        parts = len(reading.measures)
        events = f"{found.count:,} event" + "s" * (found.count != 1)
        return Candidate(
            "window", self.case.facts.key(found.key), found.start, found.end,
            parts - reading.failed, parts, events, moments, tuple(obstacles), reading.measures,
            found.count,
        )  # fmt: skip

    def moments(self, found: Found, entries: Sequence[Entry]) -> tuple[Moment, ...]:
        """Return the first and the last events of a window."""
        rows = found.events
        shown = rows if len(rows) <= 2 * SHOWN else [*rows[:SHOWN], *rows[-SHOWN:]]
        bits = {id(entry.row): entry.bits for entry in entries}
        return tuple(self._moment(row, bits[id(row)]) for row in shown)

    def _moment(self, row: Row, bits: int) -> Moment:
        atoms = self.pattern.step.atoms
        atom = next((a for a in atoms if bits & self.case.mask([a])), atoms[0])
        return self.case.facts.moment(row, atom, self.case.label(atom))

    def _entering(self, entries: Sequence[Entry]) -> list[Entry]:
        return [entry for entry in entries if entry.bits & self._mask]

    def _obstacles(self, reading: Reading, entries: list[Entry]) -> Iterator[Obstacle]:
        if not reading.failed:
            yield from self._held_too_short(reading, entries)
            return
        for number, each in enumerate(reading.measures):
            if each.holds is not True:
                yield self._part(number, each, reading.found, entries)
        yield from self._larger(reading.found, entries)
        if self.rule.until is not None and self._new(without_until(self.rule), reading, entries):
            label = " or ".join(self.rule.until.types)
            text = f"`until {label}` emptied the window"
            yield Obstacle("until", text, "had it not come", True, time=reading.found.time)

    def _part(self, number: int, came: Measure, found: Found, entries: list[Entry]) -> Obstacle:
        part = self.parts[number]
        left, right = found.values[3 * number + 1 : 3 * number + 3]
        because = self._because(part) if came.holds is None else ""
        text = told_part(self.case, part, (left, right), came.holds, because)
        remedy, changed = with_part_met(self.case, self.parts, number, (left, right))
        is_enough = self._fires(changed, found, entries) is not None
        return Obstacle("having", text, remedy, is_enough, came.asked, came.value, found.time)

    def _because(self, part: Expr) -> str:
        """Say why a part is unknown: what its aggregates found nothing to go on."""
        for node in _aggregates(part):
            if node.history:
                number = f"{node.history} window" + "s" * (node.history != 1)
                return f"the key has been known for less than {number}"
        names = [f"`{path_text(f.path)}`" for node in _aggregates(part) for f in fields_of(node)]
        if not names:
            return ""
        return f"no event in the window has a value of {' or '.join(dict.fromkeys(names))} for it"

    def _held_too_short(self, reading: Reading, entries: list[Entry]) -> Iterator[Obstacle]:
        """`having … for D`: the longest that it held without a break."""
        having = self.rule.having
        if having is None or having.for_ms is None:
            return
        at_once = replace(self.rule, having=replace(having, for_ms=None))
        end = self.case.lab.span.last
        held = [
            ((f.cleared if f.cleared is not None else end) - f.time, f)
            for f in self.case.lab.run(at_once, entries)
            if f.key == reading.found.key
        ]
        if not held:
            return
        longest, found = max(held, key=lambda pair: pair[0])
        if found.cleared is None:
            text = (
                f"`having` had held for {span(longest)} of `for {span(having.for_ms)}` when the "
                f"input ended; it matches at {self.case.at(found.time + having.for_ms)} if it "
                "goes on"
            )
            yield Obstacle("ended", text, None, False, having.for_ms, longest, end)
            return
        text = (
            f"`having` held for {span(longest)} of `for {span(having.for_ms)}`: from "
            f"{self.case.at(found.time)} to {self.case.at(found.cleared)}"
        )
        for duration in (longest, longest - 1):
            shorter = replace(self.rule, having=replace(having, for_ms=duration))
            if duration > 0 and self._fires(shorter, reading.found, entries) is not None:
                remedy = f"`for {span(duration)}`"
                yield Obstacle("for", text, remedy, True, having.for_ms, longest, found.cleared)
                return
        yield Obstacle("for", text, None, False, having.for_ms, longest, found.cleared)

    # ------------------------------------------------------------ other windows

    def _larger(self, found: Found, entries: list[Entry]) -> Iterator[Obstacle]:
        """Find the smallest window of a kind that would have held enough."""
        match self.window.kind:
            case "sliding":
                yield from self._longer(found, entries)
            case "session":
                yield from self._longer_gap(found, entries)
            case "tumbling" | "hopping":
                yield from self._aligned(found, entries)
            case "last":
                return

    def _longer(self, found: Found, entries: list[Entry]) -> Iterator[Obstacle]:
        """Try sliding windows that reach to neighbouring events."""
        rows = [e.row for e in self._entering(entries)]
        inside = [n for n, row in enumerate(rows) if found.start <= row.time <= found.end]
        if not inside:
            return
        low, high = inside[0], inside[-1]
        tries: list[tuple[Duration, Row, bool]] = []
        for step in range(1, _NEIGHBOURS + 1):
            if high + step < len(rows):
                after = rows[high + step]
                tries.append((after.time - rows[low].time, after, True))
            if low - step >= 0:
                before = rows[low - step]
                tries.append((rows[high].time - before.time, before, False))
        for size, row, is_after in sorted(tries, key=lambda item: item[0]):
            if size > self.window.size:
                changed = with_pattern(self.rule, window=replace(self.window, size=size))
                if self._fires(changed, found, entries, row) is not None:
                    yield self._longer_told(found, row, size, is_after)
                    return

    def _longer_told(self, found: Found, row: Row, size: Duration, is_after: bool) -> Obstacle:
        asked = self.window.size
        label = row.type
        over = span(size - asked)
        if is_after:
            text = f"another {label} came {over} after the end of `within {span(asked)}`"
        else:
            text = f"another {label} came {over} before the begin of `within {span(asked)}`"
        return Obstacle("window", text, f"`within {span(size)}`", True, asked, size, row.time)

    def _longer_gap(self, found: Found, entries: list[Entry]) -> Iterator[Obstacle]:
        times = [e.row.time for e in self._entering(entries)]
        gaps = []
        for earlier, later in pairwise(times):
            if later - earlier > self.window.size and (
                later == found.start or earlier == found.end
            ):
                gaps.append((later - earlier, later))
        for gap, time in sorted(gaps):
            changed = with_pattern(self.rule, window=replace(self.window, size=gap))
            if self._fires(changed, found, entries) is not None:
                text = (
                    f"the session was cut at a pause of {span(gap)}, "
                    f"{span(gap - self.window.size)} more than `session {span(self.window.size)}`"
                )
                remedy = f"`window session {span(gap)}`"
                yield Obstacle("window", text, remedy, True, self.window.size, gap, time)
                return

    def _aligned(self, found: Found, entries: list[Entry]) -> Iterator[Obstacle]:
        """Try a sliding window of the same length: the events may lie across a boundary."""
        having = self.rule.having
        if having is None or any(node.history for node in _aggregates(having.condition)):
            return
        sliding = with_pattern(self.rule, window=Window("sliding", self.window.size))
        match = self._fires(sliding, found, entries)
        if match is None:
            return
        edge = found.start if match.time < found.end else found.end
        text = (
            f"enough events lie within {span(self.window.size)}, up to "
            f"{self.case.at(match.time)}, but on both sides of {self.case.at(edge)}, where "
            "one window ends and another begins"
        )
        remedy = f"`window sliding {span(self.window.size)}`"
        yield Obstacle("window", text, remedy, True, time=edge)

    def _fires(
        self, changed: RulePlan, found: Found, entries: list[Entry], row: Row | None = None
    ) -> Found | None:
        """Return a match of a changed rule that touches the window (or an event beside it)."""
        low = min(found.start, row.time) if row is not None else found.start
        high = max(found.end, found.time, row.time if row is not None else found.end)
        for match in self.case.new_matches(changed, entries, found.key):
            if match.start <= high and low <= match.time:
                return match
        return None

    def _new(self, changed: RulePlan, reading: Reading, entries: list[Entry]) -> bool:
        return self._fires(changed, reading.found, entries) is not None

    # ------------------------------------------------------------ none at all

    def _refused(self, entries: Sequence[Entry]) -> list[Candidate]:
        """Explain events that `unseen` has kept out of the windows."""
        each = replace(
            self.rule, pattern=Filter(self.pattern.step), having=None, select=(), until=None
        )
        return refused(self.case, each, entries)


def refused(case: Case, each: RulePlan, entries: Sequence[Entry]) -> list[Candidate]:
    """Explain single events that `unseen` has refused; `each` reports what it lets through."""
    out = []
    for found, obstacle, others in gate_obstacles(case, each, entries):
        atom = case.by_position(found.places[0])
        first = case.facts.moment(found.events[0], atom, case.label(atom), False)
        out.append(
            Candidate(
                "event",
                case.facts.key(found.key),
                found.start,
                found.end,
                0,
                1,
                "the event came and was refused",
                (*others, first),
                (obstacle,),
            )
        )
    return out


def _aggregates(expr: Expr) -> Iterator[x.Agg]:
    return (node for node in x.walk(expr) if isinstance(node, x.Agg))


def _distance(measure: Measure) -> float:
    """Return how far a value is from what is asked; 1 where that is no number."""
    value, asked = measure.value, measure.asked
    if not _is_number(value) or not _is_number(asked):
        return 1.0
    return float(min(abs(asked - value) / max(abs(asked), 1e-9), 1e9))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
