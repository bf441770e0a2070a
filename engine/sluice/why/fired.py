"""Matches as they were reported, with the events of each step and the values that decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sluice.model import Match, event_id, mark_durations_in
from sluice.plan import Aggregate
from sluice.why.case import Case
from sluice.why.explanation import Fired, Measure, Moment
from sluice.why.havings import HavingStudy
from sluice.why.trial import Entry, Found
from sluice.why.windows import WindowStudy


class MatchStudy:
    """Finds the events behind reported matches among those that were recorded."""

    def __init__(self, case: Case) -> None:
        self.case = case
        #: Trials by key, of the rule as it is.
        self._runs: dict[Any, tuple[list[Entry], list[Found]]] = {}
        self._keys = {_name(case.facts.key(key)): key for key in case.recorder.keys}

    def fired(self, match: Match) -> Fired:
        """Return a match with what decided it."""
        key = self._keys.get(_name(match.key))
        entries, found = self._of_key(key)
        own = next((f for f in found if self._is_same(f, match)), None)
        moments, measures = self._details(own, entries, match) if own is not None else ((), ())
        rule = self.case.rule
        names = mark_durations_in(match.key, {part.name: part.type for part in rule.keys})
        select = mark_durations_in(match.select, {name: expr.type for name, expr in rule.select})
        return Fired(
            match.id, names, match.time, match.start, match.end, select,
            match.event_count, moments or tuple(self._bare(match)), measures,
        )  # fmt: skip

    def suppressed(self, reported: Sequence[Match]) -> Iterator[Fired]:
        """Yield the matches that `cooldown` swallowed, each with the one that it came after."""
        cooldown = self.case.rule.cooldown
        if cooldown is None:
            return
        names = {(_name(m.key), m.time) for m in reported}
        for key in {_name(m.key): m.key for m in reported}.values():
            entries, found = self._of_key(self._keys.get(_name(key)))
            for each in found:
                if each.is_pending or (_name(key), each.time) in names:
                    continue
                before = [m for m in reported if m.key == key and m.time <= each.time]
                if not self.case.is_alive(each.start, each.time) or not before:
                    continue
                moments, measures = self._details(each, entries)
                until = before[-1].time + cooldown.duration_ms
                yield Fired(
                    None, key, each.time, each.start, each.end, {}, len(each.events), moments,
                    measures, before[-1].id, until,
                )  # fmt: skip

    def _of_key(self, key: Any) -> tuple[list[Entry], list[Found]]:
        if key not in self._runs:
            entries = self.case.of_key(key)
            self._runs[key] = entries, self.case.lab.run(self.case.rule, entries, beyond=True)
        return self._runs[key]

    def _is_same(self, found: Found, match: Match) -> bool:
        if found.time != match.time or found.start != match.start:
            return False
        # Of a window no events are at hand yet.
        return not found.events or _has_events(found, match)

    def _details(
        self, found: Found, entries: list[Entry], match: Match | None = None
    ) -> tuple[tuple[Moment, ...], tuple[Measure, ...]]:
        if isinstance(self.case.rule.pattern, Aggregate):
            return self._window(found, entries, match)
        moments = tuple(self._taken(found))
        return moments, HavingStudy(self.case, found, entries).measures()

    def _window(
        self, found: Found, entries: list[Entry], match: Match | None
    ) -> tuple[tuple[Moment, ...], tuple[Measure, ...]]:
        """Return the events of a window, and what its `having` came to when it was judged."""
        study = WindowStudy(self.case)
        at = self.case.lab.run(self.case.rule, entries, beyond=True, events_at=found.time)
        same = [f for f in at if (f.key, f.time, f.start) == (found.key, found.time, found.start)]
        same = [f for f in same if match is None or _has_events(f, match)] or same
        reading = study.reading(found, entries)
        moments = study.moments(same[0], entries) if same else ()
        return moments, reading.measures if reading is not None else ()

    def _taken(self, found: Found) -> Iterator[Moment]:
        for row, place in zip(found.events, found.places, strict=True):
            atom = self.case.by_position(place)
            yield self.case.facts.moment(row, atom, self.case.label(atom))

    def _bare(self, match: Match) -> Iterator[Moment]:
        """Yield what the match itself says of its events, when they are no longer at hand."""
        for each in match.events:
            step = each.alias or each.type
            yield Moment(each.time, each.id, each.type, step, each.alias, each.position, {})


def _has_events(found: Found, match: Match) -> bool:
    """Say whether a match lists these events: of a long one the first and the last."""
    size = len(match.events)
    half = size // 2
    rows = (*found.events[:half], *found.events[half - size :]) if size else ()
    return [event_id(row) for row in rows] == [each.id for each in match.events]


def _name(key: Any) -> str:
    return repr(sorted(key.items()))
